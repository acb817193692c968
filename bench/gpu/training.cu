// The bench of whole training steps of SSD-MobileNetV2 300 x 300, 90 classes, heads of kernel 1:
// what bench/gpu/train_step.py does with PyTorch. Pictures come from the host in each step, as they
// do there.
// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cstdio>

#include "gpu/cases.hpp"
#include "ocelli/core/random.hpp"
#include "ocelli/cuda/backend.hpp"
#include "ocelli/cuda/step_math.hpp"
#include "ocelli/model/ssd.hpp"
#include "ocelli/train/ssd_step.hpp"

namespace ocelli::gpu_bench {
namespace {

struct Kernel1 : SsdDefaults {
  static constexpr int second_stage_kernel_size = 1;
};
using Detector = Ssd<MobileNetV2, Input<3, 300, 300>, Classes<90>, Kernel1>;

/// Images per second of `steps` steps in a row.
double images_per_second(int batch, Precision precision, int steps) {
  constexpr int capacity = 100, boxes_per_picture = 3;
  const auto rows = static_cast<std::size_t>(batch);
  ThreadPool pool(1);
  const cuda::Stream stream;
  CudaBackend backend(stream.handle(), precision);
  const SsdSpec spec = Detector().spec();
  train::SsdHyperparameters values;
  static_cast<train::SsdCompiled&>(values) = train::SsdCompiled::of<Kernel1>();
  train::TrainingState<> state(spec.model, true, false);
  train::SsdStep<CudaBackend> step(backend, pool, spec, values, state, batch, capacity);
  train::initialize(spec.model, step.groups(), 1, state.weights);
  step.upload();

  std::vector<float> images(rows * 300 * 300 * 3);
  Random random(1, ocelli::Stream::demo);
  for (float& x : images) x = random.uniform(-1.0f, 1.0f);
  std::vector<Box> boxes(rows * capacity);
  std::vector<int> labels(rows * capacity), counts(rows, boxes_per_picture);
  for (std::size_t n = 0; n < rows; ++n)
    for (int k = 0; k < boxes_per_picture; ++k) {
      const float top = 0.1f + 0.2f * static_cast<float>(k);
      const std::size_t at = n * capacity + static_cast<std::size_t>(k);
      boxes[at] = {top, 0.1f, top + 0.3f, 0.5f};
      labels[at] = 1 + k;
    }
  data::Batch data;
  data.size = batch;
  data.height = data.width = 300;
  data.max_boxes = capacity;
  data.images = images.data();
  data.boxes = boxes.data();
  data.labels = labels.data();
  data.counts = counts.data();

  StepResult result;
  for (int i = 0; i < 5; ++i) result = step.run(data, 1, i);
  const auto start = std::chrono::steady_clock::now();
  for (int i = 5; i < 5 + steps; ++i) result = step.run(data, 1, i);
  simt::synchronize(stream.handle());
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  if (!result.finite) throw Error("the loss is not finite", "training bench");
  return batch * steps / taken.count();
}

}  // namespace

void measure_training(const Plan& plan, Lines& lines) {
  for (const int batch : plan.batches)
    for (const Precision precision : plan.precisions) {
      Json line;
      line["kind"] = "train";
      line["batch"] = batch;
      line["precision"] = name(precision);
      line["by"] = "ocelli";
      line["images_per_second"] = images_per_second(batch, precision, 50);
      lines.write(line);
    }
}

}  // namespace ocelli::gpu_bench
