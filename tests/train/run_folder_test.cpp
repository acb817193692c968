// The run folder: its layout, its lock, and which weights a path stands for.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/train/run_folder.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>

#include <string>

#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"

using namespace ocelli;
using namespace ocelli::train;
using namespace ocelli::test;

TEST_CASE("run_folder: layout and configuration") {
  const TemporaryFolder folder;
  RunFolder run(folder / "runs/a");
  CHECK_FALSE(run.used());
  CHECK_FALSE(std::filesystem::exists(run.root()));
  run.open_for_training(false);
  CHECK(std::filesystem::is_directory(run.snapshots()));
  CHECK(std::filesystem::is_directory(run.report()));
  CHECK(run.best() == folder / "runs/a/best.safetensors");
  CHECK(says(message_of<StoreError>([&] { run.read_config(); }), "config.json"));
  const nlohmann::ordered_json config = {{"z", 1}, {"a", {{"b", 0.1}}}};
  run.write_config(config);
  CHECK(run.used());
  CHECK(run.read_config().dump() == config.dump());
  write_file(run.config(), "{");
  CHECK(says(message_of<ConfigError>([&] { run.read_config(); }), "not JSON"));
}

TEST_CASE("run_folder: a used one needs --resume, a busy one is left alone") {
  const TemporaryFolder folder;
  {
    RunFolder run(folder.path());
    run.open_for_training(false);
    run.write_config({{"a", 1}});
    write_file(run.snapshots() / ".x.tmp-99999999", "from a writer that is gone");
    const pid_t child = ::fork();
    if (child == 0) {
      RunFolder other(folder.path());
      const bool refused = says(
          message_of<StoreError>([&] { other.open_for_training(true); }),
          "another process is training in this folder");
      ::_exit(refused ? 0 : 1);
    }
    int status = 1;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
  }
  RunFolder again(folder.path());
  CHECK(says(message_of<ConfigError>([&] { again.open_for_training(false); }), "--resume"));
  again.open_for_training(true);
  CHECK_FALSE(std::filesystem::exists(again.snapshots() / ".x.tmp-99999999"));
}

TEST_CASE("run_folder: the weights of a file, a run and a folder of snapshots") {
  const TemporaryFolder folder;
  float value = 1;
  const std::vector<SnapshotTensor> state = {{"w", TensorDtype::f32, {1}, &value}};
  const RunFolder run(folder.path());
  CHECK(says(message_of<StoreError>([&] { weights_of(folder / "no"); }), "no such file"));
  CHECK(says(message_of<StoreError>([&] { weights_of(folder.path()); }), "holds no weights"));
  const auto snapshot = write_snapshot(run.snapshots(), 1000, state);
  write_snapshot(run.snapshots(), 900, state);
  CHECK(weights_of(folder.path()) == snapshot);
  CHECK(weights_of(run.snapshots()) == snapshot);
  CHECK(weights_of(snapshot) == snapshot);
  write_file(run.last(), "x");
  CHECK(weights_of(folder.path()) == run.last());
  write_file(run.best(), "x");
  CHECK(weights_of(folder.path()) == run.best());
}
