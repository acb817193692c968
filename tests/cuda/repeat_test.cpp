// Training twice gives the same bytes, in every precision: on a GPU with a whole SSD-MobileNetV2 of
// 300 x 300, on the emulator with the tiny detector.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ocelli/core/random.hpp"
#include "ocelli/cuda/backend.hpp"
#include "ocelli/cuda/step_math.hpp"
#include "ocelli/train/ssd_step.hpp"
#include "train/tiny_net.hpp"

using namespace ocelli;
using namespace ocelli::test;

namespace {

#ifdef __CUDACC__
using Detector = Ssd<MobileNetV2, Input<3, 300, 300>, Classes<Dynamic>>;
constexpr int kSide = 300, kBatch = 8, kSteps = 4;
constexpr Precision kPrecisions[] = {Precision::float32, Precision::tf32, Precision::bf16};
Detector detector() { return Detector(Shape{kSide, kSide, 3}, 3); }
train::Hyperparameters settings() {
  return train::Hyperparameters(
      train::model_by_name("ssd-mobilenet-v2"), train::SsdCompiled::of<SsdDefaults>());
}
#else
constexpr int kSide = 64, kBatch = 2, kSteps = 2;
constexpr Precision kPrecisions[] = {Precision::bf16};
TinyDetector detector() { return TinyDetector(Shape{kSide, kSide, 3}, 3); }
train::Hyperparameters settings() { return tiny_settings(); }
#endif

/// The bytes of weights, statistics and losses after a few steps from the seed's weights.
std::vector<float> trained(Precision precision) {
  const auto net = detector();
  const SsdSpec spec = net.spec();
  const train::Hyperparameters all = settings();
  ThreadPool pool(1);
  CudaBackend backend(pool, precision);
  train::TrainingState<> state(spec.model, all.values().optimizer == "rmsprop", false);
  constexpr int capacity = 100, boxes_each = 3;
  train::SsdStep<CudaBackend> step(backend, pool, spec, all.values(), state, kBatch, capacity);
  train::initialize(spec.model, step.groups(), 1, state.weights);
  step.upload();

  constexpr auto rows = static_cast<std::size_t>(kBatch * capacity);
  std::vector<float> images(std::size_t{kBatch} * kSide * kSide * 3);
  Random random(3, Stream::demo);
  for (float& v : images) v = random.uniform(-1.0f, 1.0f);
  std::vector<Box> boxes(rows);
  std::vector<std::int32_t> labels(rows), counts(kBatch, boxes_each);
  for (std::size_t n = 0; n < kBatch; ++n)
    for (std::size_t k = 0; k < boxes_each; ++k) {
      const float y = random.uniform(0.0f, 0.6f), x = random.uniform(0.0f, 0.6f);
      boxes[n * capacity + k] = {y, x, y + 0.35f, x + 0.3f};
      labels[n * capacity + k] = static_cast<std::int32_t>(1 + k);
    }
  data::Batch batch;
  batch.size = kBatch;
  batch.height = batch.width = kSide;
  batch.max_boxes = capacity;
  batch.images = images.data();
  batch.boxes = boxes.data();
  batch.labels = labels.data();
  batch.counts = counts.data();

  std::vector<float> result;
  for (long k = 0; k < kSteps; ++k) {
    const StepResult one = step.run(batch, 1, k);
    CHECK(one.finite);
    result.push_back(static_cast<float>(one.loss()));
  }
  step.download();
  for (const Buffer<float>* slab : {&state.weights.params, &state.weights.moving})
    result.insert(result.end(), slab->span().begin(), slab->span().end());
  return result;
}

}  // namespace

TEST_CASE("cuda repeat: two trainings give the same bits [slow]") {
  for (const Precision precision : kPrecisions) {
    CAPTURE(name(precision));
    const std::vector<float> first = trained(precision);
    CHECK(trained(precision) == first);
    CHECK(first[0] != first[kSteps - 1]);
  }
}
