// Whole trainings as graphs: the same bytes as launch by launch, with pictures of the device and of
// the loader; where pictures come from is told; and a training that diverges says where, although
// the host looks one step later.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "ocelli/core/file.hpp"
#include "ocelli/cuda/backend.hpp"
#include "ocelli/cuda/ssd_finder.hpp"
#include "ocelli/cuda/step_math.hpp"
#include "ocelli/reference/backend.hpp"
#include "ocelli/train/ssd_trainer.hpp"
#include "support/temporary_folder.hpp"
#include "train/tiny_net.hpp"

using namespace ocelli;
using namespace ocelli::test;
using train::PictureFeed;

namespace {

struct DroppingConfig : TinyConfig {
  static constexpr bool second_stage_use_dropout = true;
};
/// The tiny net with dropout before the class heads.
using DroppingDetector = SsdLite<MobileNetV2, Input<3, 64, 64>, Classes<Dynamic>, DroppingConfig>;

train::Hyperparameters settings_with(const std::vector<std::string>& set) {
  train::Hyperparameters settings(
      train::model_by_name("ssdlite-mobilenet-v2"), train::SsdCompiled::of<DroppingConfig>());
  for (const char* one :
       {"batchnorm_decay=0.9", "first_stage_batchnorm_decay=0.9",
        "second_stage_batchnorm_decay=0.9"})
    settings.set_flag(one);
  for (const std::string& one : set) settings.set_flag(one);
  settings.check();
  return settings;
}

struct Run {
  std::vector<std::string> set;
  bool eager = false;
  PictureFeed pictures = PictureFeed::automatic;
  long steps = 3;
  std::size_t picture_bytes = 0;
  bool resume = false;
};

/// What a training tells.
struct Told : train::TrainingObserver {
  std::vector<train::TrainingPoint> points;
  std::vector<std::string> messages;
  void on_point(const train::TrainingPoint& point) override { points.push_back(point); }
  void on_message(const std::string& text, bool) override { messages.push_back(text); }
};

template <class B>
Told train_it(const std::filesystem::path& out, const Run& run) {
  std::vector<std::string> set = run.set;
  set.push_back("num_steps=" + std::to_string(run.steps));
  const train::Hyperparameters settings = settings_with(set);
  train::TrainingOptions options;
  options.out = out;
  options.snapshot_steps = 1000;
  options.log_steps = 1000;
  options.eager = run.eager;
  options.pictures = run.pictures;
  options.picture_bytes = run.picture_bytes;
  options.resume = run.resume;
  ThreadPool pool(1);
  B backend(pool);
  const TinyPictures pictures(3, 3);
  const data::ImageCache cache(pictures.dataset, pictures.source, pool);
  const DroppingDetector detector(Shape{64, 64, 3}, 3);
  train::SsdTrainer<B> trainer(
      backend, pool, detector.spec(), settings, options, {&pictures.dataset, &cache}, {});
  Told told;
  trainer.observe(told);
  trainer.prepare();
  trainer.fit();
  return told;
}

nlohmann::json json_of(const std::filesystem::path& path) {
  return nlohmann::json::parse(read_file(path));
}
bool says(const std::string& text, const std::string& word) {
  return text.find(word) != std::string::npos;
}
std::string fault_of(const std::filesystem::path& out, const Run& run) {
  try {
    train_it<CudaBackend>(out, run);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("cuda graph training: the same bytes as launch by launch") {
  const TemporaryFolder folder;
  const std::vector<std::string> accumulated = {
      "optimizer=sgd", "batch_size=1", "gradient_accumulation_steps=3", "warmup_steps=2"};
  const std::vector<std::string> distorted = {
      "optimizer=rmsprop", "batch_size=1", "augmentation=ssd_distort",
      "gradient_clipping_by_norm=1", "moving_average_decay=0.9"};
  int number = 0;
  for (const auto& set : {accumulated, distorted})
    for (const PictureFeed feed : {PictureFeed::device, PictureFeed::loader}) {
      if (set == distorted && feed == PictureFeed::loader) continue;  // next to nothing is new
      CAPTURE(number);
      const auto graph = folder / ("graph-" + std::to_string(number));
      const auto eager = folder / ("eager-" + std::to_string(number));
      ++number;
      const Told a = train_it<CudaBackend>(graph, {set, false, feed});
      const Told b = train_it<CudaBackend>(eager, {set, true, feed});
      CHECK(read_file(graph / "last.safetensors") == read_file(eager / "last.safetensors"));
      REQUIRE(a.points.size() == 1);
      CHECK(a.points[0].loss() == b.points[0].loss());
      CHECK(a.points[0].learning_rate == b.points[0].learning_rate);
    }
}

TEST_CASE("cuda graph training: the device draws the pictures of the loader; it says which it is") {
  const TemporaryFolder folder;
  const Run run{{"optimizer=sgd", "batch_size=2"}};
  Run loader = run;
  loader.pictures = PictureFeed::loader;
  const Told drawn = train_it<CudaBackend>(folder / "drawn", {run.set, false, run.pictures, 1});
  const Told loaded =
      train_it<CudaBackend>(folder / "loaded", {run.set, false, loader.pictures, 1});
  CHECK(drawn.points[0].loss() == doctest::Approx(loaded.points[0].loss()).epsilon(1e-4));
  REQUIRE(drawn.messages.size() == 1);
  REQUIRE(loaded.messages.size() == 1);
  CHECK(says(drawn.messages[0], "drawn on the device, which holds 3 of "));
  CHECK(says(loaded.messages[0], "from the loader: as was asked for"));
  CHECK(json_of(folder / "drawn" / "config.json").at("pictures") == "device");
  CHECK(json_of(folder / "drawn" / "config.json").at("step") == "graph");
  CHECK(json_of(folder / "loaded" / "config.json").at("pictures") == "loader");

  // A transform that no kernel makes: the loader, and it is said why; or an error.
  Run blurred{{"optimizer=sgd", "batch_size=1", "augmentation=gaussian_blur"}, true};
  blurred.steps = 1;
  const Told told = train_it<CudaBackend>(folder / "blurred", blurred);
  CHECK(says(told.messages[0], "each operation is asked for"));
  CHECK(says(told.messages[0], "from the loader: a device has no gaussian_blur"));
  CHECK(json_of(folder / "blurred" / "config.json").at("step") == "eager");
  blurred.pictures = PictureFeed::device;
  CHECK(says(fault_of(folder / "error", blurred), "a device has no gaussian_blur"));

  // Pictures that do not fit.
  const Told large = train_it<CudaBackend>(folder / "large", {run.set, true, {}, 1, 1000});
  CHECK(says(large.messages[0], "from the loader: they have "));
  CHECK(says(large.messages[0], " bytes, the device has room for 1000"));
  CHECK(
      read_file(folder / "large" / "last.safetensors") ==
      read_file(folder / "loaded" / "last.safetensors"));

  // Resumed with the other: a warning.
  Run resumed = loader;
  resumed.steps = 2;
  resumed.resume = true;
  const Told warned = train_it<CudaBackend>(folder / "drawn", resumed);
  REQUIRE(warned.messages.size() == 3);
  CHECK(says(warned.messages[2], "until now the pictures came from the device"));
  const Told calm = train_it<CudaBackend>(folder / "loaded", resumed);
  CHECK(calm.messages.size() == 2);

  // A backend in the host's memory has no such choice.
  CHECK(
      train_it<ReferenceBackend<float>>(folder / "host", {run.set, false, {}, 1}).messages.empty());
  CHECK_FALSE(json_of(folder / "host" / "config.json").contains("pictures"));
  CHECK_THROWS_AS(
      (train_it<ReferenceBackend<float>>(folder / "no", {run.set, false, PictureFeed::device, 1})),
      ConfigError);
}

TEST_CASE("cuda graph training: a training that diverges names the step and the layer") {
  // The update of step 2 overflows; the loss of step 3 is NaN, which is seen after step 4 was asked
  // for.
  const TemporaryFolder folder;
  Run run{
      {"optimizer=sgd", "batch_size=1", "schedule=manual_step", "schedule_step_1=2",
       "schedule_lr_1=1e38", "initial_learning_rate=0.001", "schedule_step_2=100",
       "schedule_lr_2=1e38", "warmup_steps=0"}};
  run.steps = 20;
  for (const PictureFeed feed : {PictureFeed::device, PictureFeed::loader}) {
    run.pictures = feed;
    const auto out = folder / (feed == PictureFeed::device ? "device" : "loader");
    const std::string text = fault_of(out, run);
    CAPTURE(text);
    CHECK(says(text, "step 3"));
    const nlohmann::json record = json_of(out / "diverged.json");
    CHECK(record.at("layer") == "backbone/layer_1/conv");
    CHECK(record.at("step") == 3);
    CHECK(record.at("pictures").size() == 1);
  }
}

namespace {

/// Four steps of batch 1 at a rate that changes next to nothing: the losses, and how many kinds of
/// parts were recorded after each where there are any.
/// @param before_last  is called before the last step with the backend
template <class B, class Before>
std::pair<std::vector<double>, std::vector<std::size_t>> four_steps(Before&& before_last) {
  ThreadPool pool(1);
  B backend(pool);
  const train::Hyperparameters settings = settings_with(
      {"optimizer=sgd", "schedule=constant", "initial_learning_rate=1e-9", "warmup_steps=0"});
  const train::SsdHyperparameters& values = settings.values();
  const TinyPictures pictures(3, 3);
  const data::ImageCache cache(pictures.dataset, pictures.source, pool);
  const DroppingDetector detector(Shape{64, 64, 3}, 3);
  const SsdSpec spec = detector.spec();
  train::TrainingState<> state(spec.model, false, false);
  train::SsdStep<B> step(backend, pool, spec, values, state, 1);
  train::initialize(spec.model, step.groups(), 1, state.weights);
  step.upload();
  data::LoaderOptions options;
  options.height = options.width = 64;
  options.batch = 1;
  data::Loader loader(pictures.dataset, cache, options);
  std::pair<std::vector<double>, std::vector<std::size_t>> all;
  for (long k = 0; k < 4; ++k) {
    if (k == 3) before_last(backend);
    all.first.push_back(step.run(loader.get(k), 1, k).loss());
    if constexpr (step.replays) all.second.push_back(step.math().recorded());
  }
  return all;
}

}  // namespace

TEST_CASE("cuda graph training: replayed steps follow seed and step, as the plain loops do") {
  const auto [losses, recorded] = four_steps<CudaBackend>([](CudaBackend&) {});
  CHECK(recorded == std::vector<std::size_t>{0, 1, 2, 2});  // the first by itself; two places
  const auto [wanted, none] = four_steps<ReferenceBackend<float>>([](auto&) {});
  // Batch norms over a few values make much of rounding; another mask moves a loss by more.
  for (std::size_t k = 0; k < 4; ++k) CHECK(losses[k] == doctest::Approx(wanted[k]).epsilon(1e-3));
}

TEST_CASE("cuda graph training: where the scratch memory moves, parts are recorded again") {
  const auto [losses, recorded] = four_steps<CudaBackend>([](CudaBackend& backend) {
    const std::size_t before = backend.scratch_bytes();
    OpDesc op;
    op.kind = OpKind::batch_norm;
    OpCall<float> call;
    call.op = &op;
    call.batch = 64;
    call.in_shape[0] = call.out_shape = {64, 64, 1024};
    backend.reserve(call);
    CHECK(backend.scratch_bytes() > before);
  });
  CHECK(recorded == std::vector<std::size_t>{0, 1, 2, 1});
  CHECK(losses == four_steps<CudaBackend>([](CudaBackend&) {}).first);
}

TEST_CASE("cuda graph training: the default stream cannot be recorded, which is said at once") {
  ThreadPool pool(1);
  CudaBackend backend;
  const std::vector<Box> anchors(3, Box{0, 0, 1, 1});
  cuda::StepMath math(backend, pool, anchors, 3, SsdLossOptions{}, 1, 1, UpdatePlan{});
  CHECK_THROWS_AS(math.set_eager(false), DeviceError);
  math.set_eager(true);
}
