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
#include "ocelli/cuda/step_math_bf16.hpp"
#include "ocelli/model/ssd.hpp"
#include "ocelli/train/ssd_step.hpp"

namespace ocelli::gpu_bench {
namespace {

struct Kernel1 : SsdDefaults {
  static constexpr int second_stage_kernel_size = 1;
};
using Detector = Ssd<MobileNetV2, Input<3, 300, 300>, Classes<90>, Kernel1>;

/// Images per second of `steps` steps in a row.
/// @tparam B  stores the net's values in float or in bfloat16
template <class B>
double images_per_second(int batch, Precision precision, int steps) {
  constexpr int capacity = 100, boxes_per_picture = 3;
  const auto rows = static_cast<std::size_t>(batch);
  ThreadPool pool(1);
  B backend(pool, precision);
  const SsdSpec spec = Detector().spec();
  train::SsdHyperparameters values;
  static_cast<train::SsdCompiled&>(values) = train::SsdCompiled::of<Kernel1>();
  train::TrainingState<> state(spec.model, true, false);
  train::SsdStep<B> step(backend, pool, spec, values, state, batch, capacity);
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
  // As a training does: a step is looked at when the next has been asked for.
  const auto train = [&](int first, int end) {
    for (int i = first; i < end; ++i) {
      step.submit(data, {1, static_cast<std::uint32_t>(i), i});
      if (step.pending() > 1) result = step.result();
    }
    result = step.result();
  };
  train(0, 5);
  const auto start = std::chrono::steady_clock::now();
  train(5, 5 + steps);
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
      line["images_per_second"] = precision == Precision::bf16
                                      ? images_per_second<CudaBackendBf16>(batch, precision, 50)
                                      : images_per_second<CudaBackend>(batch, precision, 50);
      lines.write(line);
    }
}

}  // namespace ocelli::gpu_bench
