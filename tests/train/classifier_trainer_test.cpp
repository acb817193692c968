// ClassifierTrainer: it learns, resumes to the bit, leaves a frozen backbone alone, starts from a
// detector, and says what is wrong with its data.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/train/classifier_trainer.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "ocelli/core/file.hpp"
#include "ocelli/cpu/backend.hpp"
#include "ocelli/train/json_log.hpp"
#include "ocelli/train/recorded_training.hpp"
#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"
#include "train/tiny_classifier.hpp"
#include "train/tiny_net.hpp"

using namespace ocelli;
using namespace ocelli::test;
namespace fs = std::filesystem;

namespace {

struct Run {
  fs::path out;
  std::vector<std::string> set{};
  fs::path from{};
  bool resume = false;
  int threads = 2;
  bool prepare_only = false;
};
struct Outcome {
  train::TrainingOutcome training;
  std::vector<std::string> messages;
  double first_accuracy = -1;  ///< of the first log line, on the training pictures
};
struct Listener : train::TrainingObserver {
  Outcome& outcome;
  explicit Listener(Outcome& where) : outcome(where) {}
  void on_point(const train::TrainingPoint& point) override {
    if (outcome.first_accuracy < 0) outcome.first_accuracy = point.accuracy;
  }
  void on_message(const std::string& text, bool) override { outcome.messages.push_back(text); }
};

Outcome train_on(const Run& run, const TinyWholePictures& pictures) {
  const train::Hyperparameters settings = tiny_classifier_settings(run.set);
  train::TrainingOptions options;
  options.out = run.out;
  options.from = run.from;
  options.resume = run.resume;
  options.snapshot_steps = 4;
  options.log_steps = 4;
  options.eval_steps = 6;
  options.book_pictures = 2;
  ThreadPool pool(run.threads);
  CpuBackend backend(pool);
  const data::ImageCache cache(pictures.dataset, pictures.source, pool);
  const TinyWholePictures other(12, 77);
  const data::ImageCache other_cache(other.dataset, other.source, pool);
  const TinyClassifier net(Shape{32, 32, 3}, static_cast<int>(pictures.dataset.labels.size()));
  const ClassifierSpec spec = net.spec();
  train::ClassifierTrainer<CpuBackend> trainer(
      backend, pool, spec, settings, options, {&pictures.dataset, &cache},
      {&other.dataset, &other_cache});
  Outcome outcome;
  Listener listener(outcome);
  trainer.observe(listener);
  if (run.prepare_only) {
    trainer.prepare();
    trainer.save(run.out / "prepared.safetensors");
  } else {
    outcome.training = train::fit_recorded(trainer, false);
  }
  return outcome;
}
Outcome train_on(const Run& run) { return train_on(run, TinyWholePictures()); }

/// Tensors of a file by name, as bytes.
std::map<std::string, std::string> tensors_of(const fs::path& file) {
  const train::SafetensorsReader reader(file);
  std::map<std::string, std::string> tensors;
  for (const train::TensorEntry& entry : reader.tensors())
    tensors[entry.name] = std::string(reader.data(entry));
  return tensors;
}

/// A run of 12 steps, and the same stopped after 8 and resumed with another number of threads.
void check_resumes(const std::vector<std::string>& set, const fs::path& from) {
  const TemporaryFolder folder;
  const fs::path whole = folder / "whole", parts = folder / "parts";
  train_on({whole, set, from});
  train_on({parts, set, from});
  fs::remove(parts / "snapshots" / "step-00000012.safetensors");
  for (const char* name : {"last.safetensors", "best.safetensors"}) fs::remove(parts / name);
  const Outcome resumed = train_on({parts, set, {}, true, 1});
  CHECK(resumed.training.first == 8);
  CHECK(resumed.training.steps == 12);
  for (const char* name :
       {"last.safetensors", "results.csv", "snapshots/step-00000012.safetensors"}) {
    CAPTURE(name);
    CHECK(read_file(parts / name) == read_file(whole / name));
  }
}

}  // namespace

TEST_CASE("classifier_trainer: learns colours, and leaves a whole run folder") {
  const TemporaryFolder folder;
  const fs::path out = folder / "run";
  const Outcome outcome = train_on(
      {out,
       {"num_steps=60", "batch_size=8", "optimizer=sgd", "initial_learning_rate=0.02",
        "label_smoothing=0.05"}});
  REQUIRE(outcome.training.last);
  REQUIRE(outcome.training.last->classified);
  CHECK(outcome.training.last->classified->result.accuracy >= 0.9);
  CHECK(outcome.training.best.name == "accuracy");
  CHECK(outcome.training.best.value >= outcome.training.last->classified->result.accuracy);
  CHECK(outcome.first_accuracy >= 0);
  for (const char* name : {"report/index.html", "config.json", "best.safetensors"})
    CHECK(fs::file_size(out / name) > 0);
  CHECK(says(read_file(out / "results.csv"), "recall/Café #2"));
  CHECK(train::JsonLog::read(out / "log.jsonl").size() >= 10);

  const train::SafetensorsReader reader(out / "last.safetensors");
  const train::WeightsInfo info = train::weights_info(reader, "last");
  CHECK(info.model == train::ModelName::mobilenet_v2_classifier);
  CHECK(info.labels == TinyWholePictures().dataset.labels);  // as they were written
}

TEST_CASE("classifier_trainer: a resumed run ends with the bytes of one that was not stopped") {
  check_resumes({"moving_average_decay=0.9"}, {});
  const TemporaryFolder folder;
  const fs::path start = folder / "start";
  train_on({start});
  check_resumes({"freeze_backbone=true", "optimizer=sgd"}, start / "last.safetensors");
}

TEST_CASE("classifier_trainer: a frozen backbone stays as it was, and its head learns") {
  const TemporaryFolder folder;
  train_on(
      {folder / "start",
       {"num_steps=30", "batch_size=8", "optimizer=sgd", "initial_learning_rate=0.02"}});
  const fs::path from = folder / "start" / "last.safetensors";
  const std::vector<std::string> set = {
      "freeze_backbone=true",
      "num_steps=40",
      "batch_size=8",
      "optimizer=sgd",
      "initial_learning_rate=0.1",
      "gradient_accumulation_steps=2"};
  const Outcome outcome = train_on({folder / "kept", set, from});
  CHECK(outcome.training.last->classified->result.accuracy >= 0.9);
  REQUIRE(!outcome.messages.empty());
  CHECK(says(outcome.messages.back(), "once on each of 24 pictures and its mirror image"));
  const auto before = tensors_of(from), after = tensors_of(folder / "kept" / "last.safetensors");
  int heads = 0;
  for (const auto& [name, bytes] : before) {
    CAPTURE(name);
    const bool head = name.starts_with("head/");
    CHECK((after.at(name) == bytes) == !head);
    heads += head ? 1 : 0;
  }
  CHECK(heads == 2);

  // The second flip never happens, but the program cannot know: it draws each picture anew.
  std::vector<std::string> drawn = set;
  drawn.push_back("augmentation=horizontal_flip(p=0.5), vertical_flip(p=0)");
  const Outcome anew = train_on({folder / "drawn", drawn, from});
  CHECK(says(anew.messages.back(), "runs in each step"));
  CHECK(tensors_of(folder / "drawn" / "last.safetensors") == after);
}

TEST_CASE("classifier_trainer: starts from a detector with the same backbone") {
  const TemporaryFolder folder;
  const TinyDetector detector(Shape{64, 64, 3}, 2);
  const ModelView& view = detector.view();
  Weights<float> weights(view);
  for (std::size_t i = 0; i < weights.params.size(); ++i)
    weights.params[i] = static_cast<float>(i % 97) / 97.0f;
  const auto tensors = train::weight_tensors(view, weights);
  const fs::path file = folder / "detector.safetensors";
  train::write_safetensors(
      file, train::as_views(tensors), train::describe_weights(tiny_settings(), {"one", "two"}));
  const Outcome outcome = train_on({folder / "run", {}, file, false, 2, true});
  REQUIRE(!outcome.messages.empty());
  CHECK(says(outcome.messages.front(), "0 reset, 2 missing"));  // the head alone is new
  const auto there = tensors_of(file), here = tensors_of(folder / "run" / "prepared.safetensors");
  int taken = 0;
  for (const auto& [name, bytes] : here)
    if (name.starts_with("backbone/")) {
      CAPTURE(name);
      CHECK(there.at(name) == bytes);
      ++taken;
    }
  CHECK(taken == static_cast<int>(here.size()) - 2);
}

TEST_CASE("classifier_trainer: what cannot be trained is said") {
  const TemporaryFolder folder;
  TinyWholePictures boxes;
  for (data::Picture& picture : boxes.dataset.pictures) picture.tags.clear();
  const std::string none = message_of<DataError>([&] { train_on({folder / "none"}, boxes); });
  CHECK_MESSAGE(says(none, "give pictures a label as a whole"), none);

  const std::string frozen = message_of<ConfigError>([&] {
    train_on({folder / "frozen", {"freeze_backbone=true"}});
  });
  CHECK_MESSAGE(says(frozen, "--from"), frozen);

  TinyWholePictures several;
  several.dataset.pictures[3].tags = {2, 1};
  several.dataset.pictures[5].tags = {1, 3, 2};
  const Outcome outcome = train_on({folder / "several", {}, {}, false, 2, true}, several);
  REQUIRE(!outcome.messages.empty());
  CHECK(says(
      outcome.messages.back(), "2 pictures have more than one label; the first of each counts"));
}
