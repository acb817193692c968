// Training on the device: a small detector's steps agree with the CPU's, and a resumed run ends
// with the bytes of one that was not stopped.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "ocelli/box/iou.hpp"
#include "ocelli/core/file.hpp"
#include "ocelli/cpu/backend.hpp"
#include "ocelli/cuda/backend.hpp"
#include "ocelli/cuda/ssd_finder.hpp"
#include "ocelli/cuda/step_math.hpp"
#include "ocelli/cuda/step_math_bf16.hpp"
#include "ocelli/reference/backend.hpp"
#include "support/temporary_folder.hpp"
#include "train/backend_training.hpp"

using namespace ocelli;
using namespace ocelli::test;

namespace {

train::Hyperparameters settings_with(const std::vector<std::string>& set) {
  train::Hyperparameters settings = tiny_settings();
  for (const std::string& one : set) settings.set_flag(one);
  settings.check();
  return settings;
}

struct Trained {
  std::vector<StepResult> steps;
  std::vector<float> weights, moving, average;
};

/// Five steps from the seed's weights.
template <class B>
Trained train_five(const train::Hyperparameters& settings) {
  const train::SsdHyperparameters& values = settings.values();
  ThreadPool pool(1);
  B backend(pool);
  const TinyPictures pictures(3, 6);
  const data::ImageCache cache(pictures.dataset, pictures.source, pool);
  const TinyDetector detector(Shape{64, 64, 3}, 3);
  const SsdSpec spec = detector.spec();
  train::TrainingState<> state(
      spec.model, values.optimizer == "rmsprop", values.moving_average_decay > 0);
  const int batch = static_cast<int>(values.batch_size);
  train::SsdStep<B> step(backend, pool, spec, values, state, batch);
  train::initialize(spec.model, step.groups(), 1, state.weights);
  state.start_average();
  step.upload();
  data::LoaderOptions options;
  options.height = options.width = 64;
  options.batch = batch;
  options.seed = 1;
  data::Loader loader(pictures.dataset, cache, options);
  Trained result;
  for (long k = 0; k < 5; ++k) result.steps.push_back(step.run(loader.get(k), 1, k));
  step.download();
  const auto values_of = [](const Buffer<float>& slab) {
    return std::vector<float>(slab.span().begin(), slab.span().end());
  };
  result.weights = values_of(state.weights.params);
  result.moving = values_of(state.weights.moving);
  result.average = values_of(state.average);
  return result;
}

/// max |a - b| / max |b|
double distance(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double apart = 0, largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    apart = std::max(apart, std::abs(double{a[i]} - double{b[i]}));
    largest = std::max(largest, std::abs(double{b[i]}));
  }
  return largest > 0 ? apart / largest : apart;
}

}  // namespace

TEST_CASE("cuda training: five steps are as near to the plain loops as the CPU's are") {
  for (const std::vector<std::string>& set : std::vector<std::vector<std::string>>{
           {"optimizer=rmsprop", "initial_learning_rate=0.0005"},
           {"optimizer=sgd", "initial_learning_rate=0.01", "moving_average_decay=0.9"},
           {"optimizer=sgd", "initial_learning_rate=0.01", "gradient_clipping_by_norm=1",
            "gradient_clipping_per_variable=true"}}) {
    std::vector<std::string> all = set;
    all.insert(all.end(), {"batch_size=3", "num_steps=100", "warmup_steps=0"});
    const train::Hyperparameters settings = settings_with(all);
    CAPTURE(set[0]);
    const Trained device = train_five<CudaBackend>(settings);
    const Trained cpu = train_five<CpuBackend>(settings);
    const Trained loops = train_five<ReferenceBackend<float>>(settings);
    // Batch norms over three values make much of rounding. The distance of the CPU's weights from
    // the loops' shows how much; 4 leaves room for luck.
    const auto near = [](const std::vector<float>& got, const std::vector<float>& other,
                         const std::vector<float>& wanted) {
      CHECK(distance(got, wanted) <= 4 * distance(other, wanted) + 1e-6);
    };
    near(device.weights, cpu.weights, loops.weights);
    near(device.moving, cpu.moving, loops.moving);
    near(device.average, cpu.average, loops.average);
    const StepResult &a = device.steps[0], &b = loops.steps[0];
    CHECK(a.localization == doctest::Approx(b.localization).epsilon(1e-5));
    CHECK(a.classification == doctest::Approx(b.classification).epsilon(1e-5));
    CHECK(a.regularization == doctest::Approx(b.regularization).epsilon(1e-5));
    for (std::size_t k = 0; k < 5; ++k) {
      CHECK(device.steps[k].finite);
      CHECK(device.steps[k].learning_rate == loops.steps[k].learning_rate);
      CHECK(device.steps[k].matches == loops.steps[k].matches);
    }
    CHECK(device.steps[4].loss() < device.steps[0].loss());
  }
}

TEST_CASE("cuda training: five steps over tensors of bfloat16 stay near those over float") {
  const train::Hyperparameters settings = settings_with(
      {"optimizer=sgd", "initial_learning_rate=0.001", "moving_average_decay=0.9", "batch_size=4",
       "num_steps=100", "warmup_steps=0"});
  const Trained got = train_five<CudaBackendBf16>(settings);
  const Trained wanted = train_five<CudaBackend>(settings);
  // Losses are sums over many codes and logits of 8 bits. The norms of the last, tiny maps make so
  // much of rounding that with random weights the gradient of those weights is mostly noise, also
  // when the pictures alone are rounded; so losses are held against each other, not weights, which
  // backend_test.cpp does on a net without such maps.
  for (std::size_t k = 0; k < 5; ++k) {
    CAPTURE(k);
    CHECK(got.steps[k].finite);
    CHECK(got.steps[k].matches == wanted.steps[k].matches);
    CHECK(got.steps[k].loss() == doctest::Approx(wanted.steps[k].loss()).epsilon(0x1p-5));
  }
  CHECK(got.steps[0].localization == doctest::Approx(wanted.steps[0].localization).epsilon(0x1p-6));
  CHECK(got.steps[0].localization != wanted.steps[0].localization);  // they do round
  CHECK(got.steps[0].regularization == wanted.steps[0].regularization);
}

TEST_CASE("cuda training: a loss that is not finite changes nothing and is told") {
  const train::Hyperparameters settings = settings_with(
      {"optimizer=sgd", "batch_size=2", "initial_learning_rate=1e30", "gradient_clipping_by_norm=0",
       "num_steps=10", "warmup_steps=0"});
  const Trained run = train_five<CudaBackend>(settings);
  CHECK(run.steps[0].finite);
  CHECK_FALSE(run.steps[4].finite);
}

namespace {

template <class B>
void check_resumed_run() {
  const TemporaryFolder folder;
  const std::vector<std::string> set = {"optimizer=sgd", "moving_average_decay=0.5"};
  const double ap = train_four_steps<B>(folder / "run", set, false);
  const std::string bytes = read_file(folder / "run" / "last.safetensors");
  CHECK(train_four_steps<B>(folder / "run", set, true) == ap);
  CHECK(read_file(folder / "run" / "last.safetensors") == bytes);
}

}  // namespace

TEST_CASE("cuda training: a resumed run ends with the same bytes") {
  check_resumed_run<CudaBackend>();
  check_resumed_run<CudaBackendBf16>();
}

TEST_CASE("cuda detector: finds what the CPU finds, and nearly that over tensors of bfloat16") {
  const train::Hyperparameters settings = settings_with({});
  ThreadPool pool(1);
  const TinyDetector model(Shape{64, 64, 3}, 3);
  const SsdSpec spec = model.spec();
  Weights<float> weights(spec.model);
  Random random(4, Stream::init);
  for (float& w : weights.params.span()) w = static_cast<float>(0.2 * random.normal());
  const auto found = [&]<class B>(B backend) {
    train::SsdDetector<B> detector(backend, pool, spec, settings.values(), weights, 1, 0.1);
    Random pixels(5, Stream::init);
    for (long i = 0; i < spec.model.input.size(); ++i)
      detector.image(0)[i] = static_cast<float>(2 * pixels.uniform() - 1);
    detector.run(1);
    const auto all = detector.detections(0);
    return std::vector<Detection>(all.begin(), all.end());
  };
  const std::vector<Detection> got = found(CudaBackendBf16(pool)),
                               wanted = found(CudaBackend(pool));
  REQUIRE(!wanted.empty());
  const std::vector<Detection> host = found(CpuBackend(pool));
  REQUIRE(wanted.size() == host.size());
  for (std::size_t i = 0; i < host.size(); ++i) {
    CHECK(wanted[i].label == host[i].label);
    CHECK(wanted[i].score == doctest::Approx(host[i].score).epsilon(1e-3));
    CHECK(iou(wanted[i].box, host[i].box) > 0.99);
  }
  REQUIRE(!got.empty());
  CHECK(got[0].label == wanted[0].label);
  CHECK(got[0].score == doctest::Approx(wanted[0].score).epsilon(0x1p-5));
  CHECK(iou(got[0].box, wanted[0].box) > 0.9);
}
