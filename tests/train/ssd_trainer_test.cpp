// A training as a whole: determinism, the ways it ends, where it starts from, what it refuses, and
// what it does when numbers or drives fail.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <signal.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/train/safetensors_file.hpp"
#include "ocelli/train/snapshot.hpp"
#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"
#include "train/tiny_training.hpp"

using namespace ocelli;
using namespace ocelli::test;
namespace fs = std::filesystem;

namespace {

nlohmann::json json_of(const fs::path& file) { return nlohmann::json::parse(bytes_of(file)); }

bool equal_tensors(
    const train::SafetensorsReader& a, const train::SafetensorsReader& b, const std::string& name) {
  const train::TensorEntry *x = a.find(name), *y = b.find(name);
  return x != nullptr && y != nullptr && x->shape == y->shape && a.data(*x) == b.data(*y);
}

/// The steps of a run's snapshots that are whole, newest first.
std::vector<long> whole_snapshots(const fs::path& run) {
  std::vector<long> steps;
  for (const auto& file : train::list_snapshots(run / "snapshots")) {
    const train::SafetensorsReader reader(file.path);
    steps.push_back(file.step);
  }
  return steps;
}

}  // namespace

TEST_CASE("ssd_trainer: the same seed gives the same bytes on any number of threads") {
  const TemporaryFolder folder;
  const auto train_with = [&](const char* name, int threads, int loader_threads, unsigned seed) {
    TinyRun run = tiny_run(folder / name);
    run.set = {
        "num_steps=8", "batch_size=3", "moving_average_decay=0.9", "gradient_clipping_by_norm=1"};
    run.threads = threads;
    run.options.loader_threads = loader_threads;
    run.options.seed = seed;
    train_tiny(run);
    return run.out;
  };
  const fs::path one = train_with("1-0", 1, 0, 42);
  for (const fs::path& other :
       {train_with("2-1", 2, 1, 42), train_with("3-2", 3, 2, 42), train_with("2-0", 2, 0, 42)}) {
    CAPTURE(other);
    CHECK(same_bytes(one / "last.safetensors", other / "last.safetensors"));
    CHECK(same_bytes(one / "best.safetensors", other / "best.safetensors"));
    const std::string state = "snapshots/" + train::snapshot_name(8);
    CHECK(same_bytes(one / state, other / state));
  }
  const train::SafetensorsReader a(one / "last.safetensors");
  const train::SafetensorsReader b(train_with("seed", 1, 0, 43) / "last.safetensors");
  for (const train::TensorEntry& entry : a.tensors())
    if (entry.name.ends_with("/weight")) {
      CAPTURE(entry.name);
      CHECK_FALSE(equal_tensors(a, b, entry.name));
    }
}

TEST_CASE("ssd_trainer: SIGTERM and SIGINT save and leave; resumed it ends with the same bytes") {
  const TemporaryFolder folder;
  const TinyRun whole = tiny_run(folder / "whole");
  train_tiny(whole);
  CHECK(json_of(whole.out / "status.json").at("state") == "finished");
  CHECK(json_of(whole.out / "status.json").at("step") == 12);

  TinyRun run = tiny_run(folder / "stopped");
  run.on_point = [](long step) { ::raise(step == 5 ? SIGTERM : SIGINT); };
  TinyOutcome outcome = train_tiny(run);
  CHECK(outcome.end == "stopped");
  CHECK(outcome.steps == 5);
  CHECK(whole_snapshots(run.out) == std::vector<long>{5, 3});
  CHECK(json_of(run.out / "status.json").at("state") == "stopped");
  CHECK(json_of(run.out / "status.json").at("step") == 5);
  CHECK(fs::exists(run.out / "last.safetensors"));

  run.options.resume = true;
  outcome = train_tiny(run);  // the evaluation at step 6 tells a point
  CHECK(outcome.first == 5);
  CHECK(outcome.steps == 6);
  CHECK(outcome.end == "stopped");

  run.on_point = {};
  outcome = train_tiny(run);
  CHECK(outcome.first == 6);
  CHECK(outcome.end == "finished");
  CHECK(json_of(run.out / "status.json").at("state") == "finished");
  for (const char* name : {"last.safetensors", "best.safetensors", "results.csv"}) {
    CAPTURE(name);
    CHECK(same_bytes(run.out / name, whole.out / name));
  }
}

TEST_CASE("ssd_trainer: status.json tells the step between two points of the log") {
  const TemporaryFolder folder;
  TinyRun run = tiny_run(folder / "run");
  run.options.log_steps = 100;
  run.options.eval_steps = 100;
  run.on_snapshot = [](long step) {
    if (step == 6) ::raise(SIGTERM);
  };
  CHECK(train_tiny(run).steps == 7);  // the step after the signal
  CHECK(json_of(run.out / "status.json").at("step") == 7);
  run.options.resume = true;
  run.on_snapshot = {};
  run.set[0] = "num_steps=7";
  CHECK(train_tiny(run).first == 7);  // nothing is left to do
  CHECK(json_of(run.out / "status.json").at("step") == 7);
  CHECK(json_of(run.out / "status.json").at("state") == "finished");
}

TEST_CASE("ssd_trainer: a time budget saves and leaves; resumed it ends with the same bytes") {
  const TemporaryFolder folder;
  const TinyRun whole = tiny_run(folder / "whole");
  train_tiny(whole);
  TinyRun run = tiny_run(folder / "run");
  run.options.time_budget = 1e-9;  // spent after any step
  for (int round = 0; round < 3; ++round) {
    const TinyOutcome outcome = train_tiny(run);
    CHECK(outcome.end == "time is up");
    CHECK(outcome.steps == round + 1);
    CHECK(outcome.ap >= 0);  // what was reached is told
    CHECK(json_of(run.out / "status.json").at("state") == "stopped");
    run.options.resume = true;
  }
  run.options.time_budget = 0;
  CHECK(train_tiny(run).first == 3);
  CHECK(same_bytes(run.out / "last.safetensors", whole.out / "last.safetensors"));
  CHECK(same_bytes(run.out / "results.csv", whole.out / "results.csv"));
}

TEST_CASE("ssd_trainer: patience ends a training that gets no better, also when it is resumed") {
  const TemporaryFolder folder;
  TinyRun run = tiny_run(folder / "run");
  // Nothing moves, so every evaluation is like the first.
  run.set = {
      "num_steps=50",
      "batch_size=2",
      "patience=2",
      "freeze=backbone,extras",
      "initial_learning_rate=1e-30",
      "second_stage_batchnorm_decay=0.99999999999999"};
  run.options.eval_steps = 2;
  TinyOutcome outcome = train_tiny(run);
  CHECK(outcome.end == "early stop");
  CHECK(outcome.steps == 6);
  CHECK(outcome.best_step == 2);
  CHECK(json_of(run.out / "status.json").at("state") == "finished");
  const std::string last = bytes_of(run.out / "last.safetensors");

  fs::remove(run.out / "last.safetensors");  // as if it had been killed before it wrote this
  run.options.resume = true;
  outcome = train_tiny(run);
  CHECK(outcome.end == "early stop");
  CHECK(outcome.steps == 6);
  CHECK(bytes_of(run.out / "last.safetensors") == last);

  run.set[2] = "patience=4";
  CHECK(train_tiny(run).steps == 10);
}

TEST_CASE("ssd_trainer: starts from another run's best weights") {
  const TemporaryFolder folder;
  TinyRun first = tiny_run(folder / "first");
  first.set[0] = "num_steps=3";
  train_tiny(first);
  const train::SafetensorsReader source(first.out / "best.safetensors");

  SUBCASE("all of them") {
    TinyRun run = tiny_run(folder / "run");
    run.options.from = first.out;
    run.prepare_only = true;
    const TinyOutcome outcome = train_tiny(run);
    CHECK(outcome.first == 0);
    REQUIRE(outcome.messages.size() == 1);
    CHECK(says(outcome.messages[0], "best.safetensors"));
    CHECK(says(outcome.messages[0], " 0 reset, 0 missing, 0 unexpected"));
    const train::SafetensorsReader got(run.out / "prepared.safetensors");
    for (const train::TensorEntry& entry : source.tensors()) {
      CAPTURE(entry.name);
      CHECK(equal_tensors(source, got, entry.name));
    }
  }
  SUBCASE("of the class heads those that the data has") {
    TinyRun run = tiny_run(folder / "run");
    run.classes = 2;
    run.options.from = first.out / "best.safetensors";
    run.prepare_only = true;
    const TinyOutcome outcome = train_tiny(run);
    REQUIRE(outcome.messages.size() == 1);
    CHECK(says(
        outcome.messages[0],
        "best.safetensors: 2 of 2 labels taken over by name, 1 left behind: triangle\n"));
    CHECK(says(outcome.messages[0], " 0 reset, 0 missing, 0 unexpected"));
    const train::SafetensorsReader got(run.out / "prepared.safetensors");
    int heads = 0;
    for (const train::TensorEntry& entry : got.tensors()) {
      CAPTURE(entry.name);
      if (source.at(entry.name).shape == entry.shape) {
        CHECK(equal_tensors(source, got, entry.name));
        continue;
      }
      ++heads;
      CHECK(says(entry.name, "/class/"));
      // Background, disc, square of each anchor; the triangle behind them is gone.
      const std::vector<float> values = got.floats(entry.name), all = source.floats(entry.name);
      REQUIRE(values.size() / 3 == all.size() / 4);
      for (std::size_t i = 0; i < values.size(); ++i)
        if (values[i] != all[i / 3 * 4 + i % 3]) FAIL_CHECK(i);
    }
    CHECK(heads == 12);  // weight and bias of six maps
    run = tiny_run(folder / "trained");
    run.classes = 2;
    run.options.from = first.out;
    CHECK(train_tiny(run).end == "finished");
  }
  SUBCASE("of a snapshot, whose other contents are no news") {
    TinyRun run = tiny_run(folder / "run");
    run.options.from = first.out / "snapshots";
    run.prepare_only = true;
    const TinyOutcome outcome = train_tiny(run);
    REQUIRE(outcome.messages.size() == 1);
    CHECK(says(outcome.messages[0], " 0 reset, 0 missing, 0 unexpected"));
  }
  SUBCASE("but not of a file in which nothing fits") {
    std::vector<float> values(6);
    const train::TensorView tensor{
        "features.0.weight", train::TensorDtype::f32, {2, 3}, values.data()};
    const fs::path file = folder / "other.safetensors";
    train::write_safetensors(file, std::vector{tensor}, {});
    TinyRun run = tiny_run(folder / "run");
    run.options.from = file;
    const std::string text = message_of<CheckpointError>([&] { train_tiny(run); });
    CHECK(says(text, "other.safetensors"));
    CHECK(says(text, "no tensor of the file"));
    run.options.from = folder / "nowhere";
    run.options.resume = true;  // the folder has been used by now
    CHECK(says(message_of<StoreError>([&] { train_tiny(run); }), "nowhere"));
  }
}

TEST_CASE("ssd_trainer: refuses to go on with what belongs to another training") {
  const TemporaryFolder folder;
  TinyRun run = tiny_run(folder / "run");
  run.set = {"num_steps=3", "batch_size=2", "moving_average_decay=0.9"};
  train_tiny(run);
  CHECK(says(message_of<ConfigError>([&] { train_tiny(run); }), "--resume"));

  const std::string before = bytes_of(run.out / "snapshots" / train::snapshot_name(3));
  run.options.resume = true;
  const auto refusal = [&](auto&& change) {
    TinyRun other = run;
    change(other);
    const std::string text = message_of<CheckpointError>([&] { train_tiny(other); });
    CHECK(says(text, train::snapshot_name(3)));
    return text;
  };
  CHECK(says(refusal([](TinyRun& r) { r.options.seed = 7; }), "seed 42, not 7"));
  CHECK(says(refusal([](TinyRun& r) { r.model = "ssd-mobilenet-v2"; }), "ssdlite-mobilenet-v2"));
  CHECK(says(refusal([](TinyRun& r) { r.classes = 2; }), "other labels"));
  CHECK(says(refusal([](TinyRun& r) { r.set[2] = "optimizer=sgd"; }), "optimizer"));
  run.set.pop_back();
  CHECK(says(refusal([](TinyRun&) {}), "average"));
  CHECK(bytes_of(run.out / "snapshots" / train::snapshot_name(3)) == before);

  // State that this training lacks, and state that the snapshot lacks.
  TinyRun plain = tiny_run(folder / "plain");
  plain.set = {"num_steps=3", "batch_size=2", "optimizer=sgd"};
  train_tiny(plain);
  plain.options.resume = true;
  plain.set[2] = "optimizer=rmsprop";
  CHECK(says(message_of<CheckpointError>([&] { train_tiny(plain); }), "mean_square"));
}

TEST_CASE("ssd_trainer: a training that diverges says where, and leaves its snapshots whole") {
  const TemporaryFolder folder;
  TinyRun run = tiny_run(folder / "run");
  run.set = {"num_steps=20",      "batch_size=3",        "schedule=manual_step",
             "schedule_step_1=7", "schedule_lr_1=1e38",  "initial_learning_rate=0.001",
             "optimizer=sgd",     "schedule_step_2=100", "schedule_lr_2=1e38"};
  run.options.snapshot_steps = 1;
  run.options.keep = 5;
  const std::string text = message_of<Error>([&] { train_tiny(run); });
  CAPTURE(text);
  const nlohmann::json record = json_of(run.out / "diverged.json");
  const long step = record.at("step");
  CHECK(step == 7);  // whose update overflows, which the snapshot after it would have kept
  CHECK(says(text, "step 7"));
  const std::string layer = record.at("layer");
  CHECK(layer.ends_with("/weight"));
  CHECK(says(text, layer));
  REQUIRE(record.at("pictures").size() == 3);
  for (const auto& picture : record.at("pictures"))
    CHECK(picture.get<std::string>().starts_with("shapes-"));
  const nlohmann::json status = json_of(run.out / "status.json");
  CHECK(status.at("state") == "failed");
  CHECK(says(status.at("message"), "diverged"));
  CHECK_FALSE(fs::exists(run.out / "last.safetensors"));

  CHECK(whole_snapshots(run.out) == std::vector<long>{7, 6, 5, 4, 3});
  run.options.resume = true;
  run.set[4] = "schedule_lr_1=1e-4";
  const TinyOutcome outcome = train_tiny(run);
  CHECK(outcome.first == 7);
  CHECK(outcome.end == "finished");

  // Without a snapshot at that step, the next forward pass finds out.
  TinyRun later = tiny_run(folder / "later");
  later.set = run.set;
  later.set[4] = "schedule_lr_1=1e38";
  later.options.snapshot_steps = 3;
  later.options.eval_steps = 100;
  CHECK(says(message_of<Error>([&] { train_tiny(later); }), "step 8"));
  CHECK(json_of(later.out / "diverged.json").at("layer") == "backbone/layer_1/conv");
  CHECK(whole_snapshots(later.out) == std::vector<long>{6, 3});
}

TEST_CASE("ssd_trainer: a full drive is an error that names the file; earlier snapshots stay") {
  const TemporaryFolder folder;
  const TinyRun whole = tiny_run(folder / "whole");
  train_tiny(whole);

  TinyRun run = tiny_run(folder / "run");
  run.on_point = [](long) { ::raise(SIGTERM); };
  CHECK(train_tiny(run).steps == 5);
  const auto before = whole_snapshots(run.out);
  REQUIRE(before == std::vector<long>{5, 3});

  run.on_point = {};
  run.options.resume = true;
  const auto snapshot = fs::file_size(run.out / "snapshots" / train::snapshot_name(5));
  run.file_limit = static_cast<long>(snapshot) - 1;
  CHECK(wait_for_child(start_tiny(run)) == 1);
  const std::string said = bytes_of(run.out.string() + ".child");
  CAPTURE(said);
  CHECK(says(said, train::snapshot_name(6)));
  CHECK(says(said, "File too large"));
  CHECK(says(said, "write to another drive"));
  CHECK(whole_snapshots(run.out) == before);
  CHECK(json_of(run.out / "status.json").at("state") == "failed");
  for (const auto& entry : fs::recursive_directory_iterator(run.out))
    CHECK_FALSE(says(entry.path().filename().string(), ".tmp-"));

  run.file_limit = 0;  // room again
  CHECK(wait_for_child(start_tiny(run)) == 0);
  CHECK(same_bytes(run.out / "last.safetensors", whole.out / "last.safetensors"));
  CHECK(same_bytes(run.out / "results.csv", whole.out / "results.csv"));
}

TEST_CASE("ssd_trainer: a run folder that cannot be made, or that is in use, is an error") {
  const TemporaryFolder folder;
  write_file(folder / "file", "x");
  TinyRun run = tiny_run(folder / "file" / "run");
  CHECK(says(message_of<StoreError>([&] { train_tiny(run); }), (folder / "file").string()));

  run = tiny_run(folder / "run");
  std::string second;
  run.on_snapshot = [&](long step) {
    if (step != 3) return;
    TinyRun intruder = run;
    intruder.options.resume = true;
    second = message_of<StoreError>([&] { train_tiny(intruder); });
  };
  CHECK(train_tiny(run).end == "finished");
  CHECK(says(second, "another process is training in this folder"));
}

TEST_CASE("ssd_trainer: no memory is taken in a step after the first two") {
  const TemporaryFolder folder;
  TinyRun run = tiny_run(folder / "run");
  for (const int loader_threads : {0, 2})
    for (const char* clipping :
         {"gradient_clipping_per_variable=false", "gradient_clipping_per_variable=true"}) {
      CAPTURE(loader_threads);
      CAPTURE(clipping);
      run.options.loader_threads = loader_threads;
      run.set = {
          "batch_size=3", "moving_average_decay=0.9", "gradient_clipping_by_norm=1", clipping};
      const std::vector<long> counts = allocations_of_steps(run, 14);
      REQUIRE(counts.size() == 14);
      for (std::size_t k = 2; k < counts.size(); ++k) {
        CAPTURE(k);
        CHECK(counts[k] == 0);
      }
    }
  run.set = {"batch_size=3", "optimizer=sgd", "schedule=cosine"};
  const std::vector<long> counts = allocations_of_steps(run, 6);
  CHECK(std::vector<long>(counts.begin() + 2, counts.end()) == std::vector<long>(4, 0));
}

TEST_CASE("ssd_trainer: learns a dozen pictures by heart [slow]") {
  const TemporaryFolder folder;
  TinyRun run = tiny_run(folder / "run");
  run.set = {"num_steps=300", "batch_size=4", "initial_learning_rate=0.02", "augmentation=none"};
  run.options.log_steps = 10;
  run.options.eval_steps = 300;
  run.options.snapshot_steps = 300;
  const TinyOutcome outcome = train_tiny(run);
  MESSAGE("loss ", outcome.first_loss, " -> ", outcome.last_loss, ", AP50 ", outcome.ap50);
  CHECK(outcome.last_loss < 0.25 * outcome.first_loss);
  CHECK(outcome.ap50 >= 0.5);
}
