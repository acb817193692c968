// Snapshots: the newest whole one wins, old ones go, and loading says what became of each tensor.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/train/snapshot.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>

#include <array>
#include <chrono>
#include <cmath>
#include <string>
#include <vector>

#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"

using namespace ocelli;
using namespace ocelli::train;
using namespace ocelli::test;

namespace {

struct State {
  std::vector<float> weight = std::vector<float>(6);
  std::vector<double> slot = {1, 2};
  std::int64_t count = 5;

  explicit State(float first = 0) {
    for (float& value : weight) value = first++;
  }
  std::vector<SnapshotTensor> tensors() {
    return {
        {"conv/weight", TensorDtype::f32, {2, 3}, weight.data()},
        {"conv/slot", TensorDtype::f64, {2}, slot.data()},
        {"count", TensorDtype::i64, {}, &count},
    };
  }
};

std::filesystem::path save(const std::filesystem::path& folder, long step) {
  State state(static_cast<float>(step));
  return write_snapshot(folder, step, state.tensors(), {{"seed", "1"}});
}

}  // namespace

TEST_CASE("snapshot: names are steps") {
  CHECK(snapshot_name(1000) == "step-00001000.safetensors");
  CHECK(snapshot_name(123456789) == "step-123456789.safetensors");
  CHECK(snapshot_step("step-00001000.safetensors") == 1000);
  CHECK(snapshot_step("step-0.safetensors") == 0);
  for (const char* name :
       {"step-.safetensors", "step-1x.safetensors", "step--1.safetensors", "step-1.safetensors.tmp",
        ".step-1.safetensors", "step-99999999999999999999.safetensors", "step.safetensors", ""})
    CHECK_FALSE(snapshot_step(name).has_value());
}

TEST_CASE("snapshot: the newest by number, and it holds what was written") {
  const TemporaryFolder folder;
  CHECK_FALSE(newest_valid(folder / "none").snapshot.has_value());
  for (const long step : {900L, 1000L, 50L}) save(folder.path(), step);
  // an older naming without zeros must not win by the alphabet
  std::filesystem::rename(folder / snapshot_name(900), folder / "step-900.safetensors");
  NewestSnapshot newest = newest_valid(folder.path());
  REQUIRE(newest.snapshot.has_value());
  CHECK(newest.warnings.empty());
  CHECK(newest.snapshot->step == 1000);
  CHECK(newest.snapshot->path == folder / snapshot_name(1000));
  CHECK(newest.snapshot->reader.metadata("seed") == "1");
  State state;
  state.count = 0;
  const LoadReport report = load_tensors(newest.snapshot->reader, state.tensors());
  CHECK(report.complete());
  CHECK(report.unexpected.empty());
  CHECK(state.weight == State(1000).weight);
  CHECK(state.count == 5);
}

TEST_CASE("snapshot: the same state gives the same bytes, of any run and time") {
  const TemporaryFolder a, b;
  CHECK(read_file(save(a.path(), 7)) == read_file(save(b.path(), 7)));
  CHECK(read_file(save(a.path(), 7)) != read_file(save(a.path(), 8)));
}

TEST_CASE("snapshot: one cut short at any byte is passed over for the one before it") {
  const TemporaryFolder folder;
  save(folder.path(), 1);
  const std::string whole = read_file(save(folder.path(), 2));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    write_file(folder / snapshot_name(2), whole.substr(0, size), Durability::buffered);
    const NewestSnapshot newest = newest_valid(folder.path());
    REQUIRE(newest.snapshot.has_value());
    CHECK(newest.snapshot->step == 1);
    REQUIRE(newest.warnings.size() == 1);
    CHECK(says(newest.warnings[0], "step-00000002.safetensors"));
  }
  write_file(folder / snapshot_name(2), whole);
  CHECK(newest_valid(folder.path()).snapshot->step == 2);
}

TEST_CASE("snapshot: a file under another step's name is passed over") {
  const TemporaryFolder folder;
  save(folder.path(), 1);
  std::filesystem::copy_file(folder / snapshot_name(1), folder / snapshot_name(9));
  const NewestSnapshot newest = newest_valid(folder.path());
  CHECK(newest.snapshot->step == 1);
  REQUIRE(newest.warnings.size() == 1);
  CHECK(says(newest.warnings[0], "not the snapshot that its name says"));
}

TEST_CASE("snapshot: the newest are kept, and passed-over ones are not counted among them") {
  const TemporaryFolder folder;
  for (long step = 100; step <= 600; step += 100) save(folder.path(), step);
  write_file(folder / snapshot_name(600), "damaged");
  const auto moved = set_aside_beyond(folder.path(), 500);
  REQUIRE(moved.size() == 1);
  CHECK(std::filesystem::exists(folder / "step-00000600.safetensors.aside"));
  const auto removed = keep_newest(folder.path(), 2);
  CHECK(removed.size() == 3);
  const auto left = list_snapshots(folder.path());
  REQUIRE(left.size() == 2);
  CHECK(left[0].step == 500);
  CHECK(left[1].step == 400);
  CHECK_THROWS_AS(keep_newest(folder.path(), 0), ConfigError);
}

TEST_CASE("snapshot: a kill at any moment leaves a whole snapshot") {
  const TemporaryFolder folder;
  save(folder.path(), 0);
  for (int kill_after = 0; kill_after < 20; ++kill_after) {
    const pid_t child = ::fork();
    if (child == 0) {
      for (long step = 1;; ++step) save(folder.path(), step);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(500 + 731 * kill_after));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const NewestSnapshot newest = newest_valid(folder.path());
    REQUIRE(newest.snapshot.has_value());
    CHECK(newest.warnings.empty());
    State state;
    load_tensors(newest.snapshot->reader, state.tensors());
    CHECK(state.weight == State(static_cast<float>(newest.snapshot->step)).weight);
    remove_stale_temporaries(folder.path());
    for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
      CHECK(snapshot_step(entry.path().filename().string()).has_value());
  }
}

TEST_CASE("snapshot: a drive that fails is tried again, then named") {
  const TemporaryFolder folder;
  write_file(folder / "file", "not a folder");
  State state;
  const std::string message = message_of<StoreError>([&] {
    write_snapshot(folder / "file", 1, state.tensors(), {}, Retry{2, std::chrono::milliseconds(0)});
  });
  CHECK(says(message, (folder / "file").string()));
}

TEST_CASE("snapshot: what fits is loaded, what does not is reported and left as it was") {
  const TemporaryFolder folder;
  State state(10);
  const auto path = write_snapshot(folder.path(), 3, state.tensors());
  const SafetensorsReader reader(path);

  std::vector<float> weight(6, -1), slot(2, -1), other(4, -1), absent(1, -1);
  std::int32_t count = -1;
  const std::vector<SnapshotTensor> targets = {
      {"conv/slot", TensorDtype::f32, {2}, slot.data()},  // converted
      {"conv/weight", TensorDtype::f32, {2, 2}, other.data()},
      {"absent", TensorDtype::f32, {1}, absent.data()},
      {"count", TensorDtype::i32, {}, &count},
  };
  const LoadReport report = load_tensors(reader, targets);
  CHECK(report.matched == std::vector<std::string>{"conv/slot"});
  CHECK(slot == std::vector<float>{1, 2});
  REQUIRE(report.reset.size() == 2);
  CHECK(report.reset[0].in_file == "F32[2,3]");
  CHECK(report.reset[0].here == "F32[2,2]");
  CHECK(report.reset[1].in_file == "I64[]");
  CHECK(report.missing == std::vector<std::string>{"absent"});
  CHECK(report.unexpected.empty());
  CHECK_FALSE(report.complete());
  CHECK(other == std::vector<float>(4, -1));
  CHECK(absent[0] == -1);
  CHECK(count == -1);
  CHECK(says(report.summary(), "1 matched, 2 reset, 1 missing, 0 unexpected"));
  CHECK(says(report.summary(), "reset conv/weight: F32[2,3] in the file, F32[2,2] here"));
  CHECK(says(report.summary(1), "reset: 1 more"));

  // names of the file that differ from ours, and names that nobody expects
  const std::vector<SnapshotTensor> renamed = {{"weight", TensorDtype::f32, {2, 3}, weight.data()}};
  const LoadReport second = load_tensors(
      reader, renamed, [](const std::string& name) { return "conv/" + name; },
      [](const std::string& name) { return name != "count"; });
  CHECK(second.matched == std::vector<std::string>{"weight"});
  CHECK(weight == state.weight);
  CHECK(second.unexpected == std::vector<std::string>{"conv/slot"});
}
