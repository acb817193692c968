// Trainer: a detector type trained in a few lines, and what it leaves in the run folder.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/train/trainer.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "ocelli/core/file.hpp"
#include "ocelli/cpu/backend.hpp"
#include "ocelli/data/open.hpp"
#include "ocelli/data/shapes.hpp"
#include "ocelli/train/json_log.hpp"
#include "ocelli/train/weights_file.hpp"
#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"
#include "train/tiny_classifier.hpp"
#include "train/tiny_net.hpp"

using namespace ocelli;
using namespace ocelli::test;
namespace fs = std::filesystem;

namespace {

struct Device {
  using Backend = CpuBackend;
};
/// The classes are the data's, the input is the type's: neither is the configuration's default.
struct Quarter : SsdDefaults {
  static constexpr double depth_multiplier = 0.25;
};
using Open = SsdLite<MobileNetV2, Input<3, 64, 80>, Classes<Dynamic>, Quarter>;
using OfTwo = SsdLite<MobileNetV2, Input<3, 64, 80>, Classes<2>, Quarter>;

struct Shapes {
  TemporaryFolder folder;
  data::Split split;

  explicit Shapes(double held_out = 25) {
    data::write_shapes((folder / "shapes").string(), 8, 3);
    split = data::split_percent(data::open((folder / "shapes").string()), held_out);
  }
  TrainerSettings settings() const {
    return {.steps = 4, .batch = 2, .out = folder / "run", .threads = 1, .quiet = true};
  }
};

/// Counts what it is told.
struct Counting : train::TrainingObserver {
  int points = 0, evaluations = 0;
  void on_point(const train::TrainingPoint&) override { ++points; }
  void on_evaluation(long, const train::Evaluation&, bool) override { ++evaluations; }
};

}  // namespace

TEST_CASE("trainer: trains a type with an input of its own and leaves a whole run folder") {
  const Shapes shapes;
  Trainer<Open, SgdMomentum, Device> trainer(shapes.settings());
  Counting seen;
  const train::TrainingOutcome outcome = trainer.fit(shapes.split, {&seen});
  CHECK(outcome.end == train::TrainingEnd::finished);
  CHECK(outcome.first == 0);
  CHECK(outcome.steps == 4);
  CHECK(outcome.last.has_value());
  CHECK(seen.points > 0);
  CHECK(seen.evaluations > 0);

  const fs::path run = shapes.folder / "run";
  CHECK(outcome.report == run / "report" / "index.html");
  for (const char* name : {"report/index.html", "config.json", "results.csv", "best.safetensors"}) {
    CAPTURE(name);
    CHECK(fs::file_size(run / name) > 0);
  }
  CHECK(train::JsonLog::read(run / "log.jsonl").size() >= 2);  // points and evaluations
  trainer.save(shapes.folder / "mine.safetensors");
  CHECK(read_file(shapes.folder / "mine.safetensors") == read_file(run / "last.safetensors"));

  TrainerSettings more = shapes.settings();
  more.resume = true;
  more.steps = 6;
  const train::TrainingOutcome resumed = Trainer<Open, SgdMomentum, Device>(more).fit(shapes.split);
  CHECK(resumed.first == 4);
  CHECK(resumed.steps == 6);
}

TEST_CASE("trainer: without held-out pictures there is a report, and no evaluation") {
  Shapes shapes;
  shapes.split.validation.pictures.clear();
  TrainerSettings settings = shapes.settings();
  settings.set = {"num_steps=2"};  // a hyperparameter that was set wins over `steps`
  const train::TrainingOutcome outcome = Trainer<Open, RmsProp, Device>(settings).fit(shapes.split);
  CHECK(outcome.steps == 2);
  CHECK_FALSE(outcome.last.has_value());
  CHECK(fs::file_size(outcome.report) > 0);
}

TEST_CASE("trainer: what does not fit is refused before anything is trained") {
  const Shapes shapes;
  Trainer<OfTwo, SgdMomentum, Device> two(shapes.settings());
  const std::string classes = message_of<ConfigError>([&] { two.fit(shapes.split); });
  CHECK(says(classes, "the model has 2 classes, the data 3"));
  CHECK(says(classes, "Classes<3>"));
  CHECK(says(
      message_of<ConfigError>([&] { two.save(shapes.folder / "x.safetensors"); }),
      "call fit() first"));
  TrainerSettings wrong = shapes.settings();
  wrong.set = {"batchnorm_deca=0.9"};
  Trainer<Open, SgdMomentum, Device> misspelt(wrong);
  CHECK(says(message_of<ConfigError>([&] { misspelt.fit(shapes.split); }), "batchnorm_decay"));
  CHECK_FALSE(fs::exists(shapes.folder / "run"));
}

TEST_CASE("trainer: trains a classifier in the same way") {
  const TemporaryFolder folder;
  data::write_whole_pictures((folder / "whole").string(), 8, 3);
  const data::Dataset dataset = data::open((folder / "whole").string());
  using Whole = Classifier<MobileNetV1, Input<3, 32, 48>, Classes<Dynamic>, TinyClassifierConfig>;
  Trainer<Whole, SgdMomentum, Device> trainer(
      {.steps = 4, .batch = 2, .out = folder / "run", .threads = 1, .quiet = true});
  const train::TrainingOutcome outcome = trainer.fit(data::split_percent(dataset, 25));
  CHECK(outcome.end == train::TrainingEnd::finished);
  CHECK(outcome.best.name == "accuracy");
  REQUIRE(outcome.last);
  CHECK(outcome.last->classified);
  trainer.save(folder / "mine.safetensors");
  const train::SafetensorsReader reader(folder / "mine.safetensors");
  CHECK(train::weights_info(reader, "mine").model == train::ModelName::mobilenet_v1_classifier);
}
