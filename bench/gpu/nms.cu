// The bench of non-maximum suppression. bench/gpu/nms.py measures torchvision on boxes of the same
// making.
// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <string>
#include <vector>

#include "gpu/cases.hpp"
#include "ocelli/core/random.hpp"
#include "ocelli/cuda/multiclass_nms.hpp"
#include "ocelli/simt/device_array.hpp"

namespace ocelli::gpu_bench {
namespace {

/// Boxes of sides 0.02 to 0.4 anywhere; scores are the square of a uniform number.
void measure(
    Stopwatch& watch, const cuda::NmsShape& shape, const MulticlassNmsOptions& options,
    Lines& lines) {
  Random random(1, Stream::demo);
  const auto count = static_cast<std::size_t>(shape.batch) * static_cast<std::size_t>(shape.rows);
  std::vector<Box> boxes(count);
  for (Box& box : boxes) {
    const float y = random.uniform(0.0f, 0.8f), x = random.uniform(0.0f, 0.8f);
    box = {y, x, y + random.uniform(0.02f, 0.4f), x + random.uniform(0.02f, 0.4f)};
  }
  std::vector<float> scores(count * static_cast<std::size_t>(shape.classes));
  for (float& s : scores) {
    s = random.uniform(0.0f, 1.0f);
    s *= s;
  }
  const simt::DeviceArray<Box> device_boxes(boxes);
  const simt::DeviceArray<float> device_scores(scores);
  const auto batch = static_cast<std::size_t>(shape.batch);
  const auto most = static_cast<std::size_t>(options.max_total_detections);
  simt::DeviceArray<Detection> found(batch * most);
  simt::DeviceArray<std::int32_t> counts(batch);
  simt::DeviceArray<unsigned char> work(cuda::multiclass_nms_workspace(shape, options));
  Json line;
  line["kind"] = "nms";
  line["shape"] = std::to_string(shape.batch) + " x " + std::to_string(shape.rows) + " x " +
                  std::to_string(shape.classes);
  Lines::add(line, "ocelli", watch([&] {
               cuda::multiclass_nms(
                   watch.stream(), shape, device_boxes.data(), false, device_scores.data(), options,
                   {0, 0, 1, 1}, nullptr, work.data(), {found.data(), counts.data(), nullptr});
             }));
  lines.write(line);
}

}  // namespace

void measure_nms(Stopwatch& watch, Lines& lines) {
  MulticlassNmsOptions options;
  options.score_threshold = 0.01;
  options.iou_threshold = 0.6;
  measure(watch, {24, 1917, 90}, options, lines);
  options.max_detections_per_class = options.max_total_detections = 2000;
  measure(watch, {1, 20000, 1}, options, lines);
}

}  // namespace ocelli::gpu_bench
