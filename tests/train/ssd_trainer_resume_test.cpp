// Resuming a training: killed at any moment, with snapshots damaged in any way, it ends with the
// bytes of one that was never disturbed.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "ocelli/core/random.hpp"
#include "ocelli/train/snapshot.hpp"
#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"
#include "train/tiny_training.hpp"

using namespace ocelli;
using namespace ocelli::test;
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

namespace {

void check_same_run(const fs::path& got, const fs::path& wanted) {
  for (const char* name : {"last.safetensors", "best.safetensors", "results.csv"}) {
    CAPTURE(name);
    CHECK(same_bytes(got / name, wanted / name));
  }
  CHECK(evaluations_in_log(got) == evaluations_in_log(wanted));
  std::size_t pages = 0;
  for (const auto& page : fs::directory_iterator(wanted / "flipbook")) {
    CAPTURE(page.path());
    CHECK(same_bytes(got / "flipbook" / page.path().filename(), page.path()));
    ++pages;
  }
  CHECK(pages == evaluations_in_log(wanted).size());
}

bool is_over(pid_t child) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == child;
}

/// Returns when `condition` holds or the child is over.
template <class Condition>
void wait_until(pid_t child, Condition&& condition) {
  while (!condition() && !is_over(child))
    std::this_thread::sleep_for(std::chrono::microseconds(200));
}

bool writes_a_snapshot(const fs::path& run) {
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(run / "snapshots", code))
    if (entry.path().filename().string().starts_with(".step-")) return true;
  return false;
}

/// The step of the newest snapshot by name, or 0.
long newest_step(const fs::path& run) {
  const auto snapshots = train::list_snapshots(run / "snapshots");
  return snapshots.empty() ? 0 : snapshots.front().step;
}

/// Tells a file from the one that took its place; 0 when there is none.
std::uintmax_t inode_of(const fs::path& file) {
  struct stat info {};
  return ::stat(file.c_str(), &info) == 0 ? static_cast<std::uintmax_t>(info.st_ino) : 0;
}

TinyRun long_run(const fs::path& out, const std::vector<std::string>& more) {
  TinyRun run = tiny_run(out);
  run.set = {"num_steps=40", "batch_size=2"};
  run.set.insert(run.set.end(), more.begin(), more.end());
  run.options.eval_steps = 10;
  return run;
}

/// Kills a training `kills` times: most at a random moment of its steps, some while it starts, some
/// while it writes a snapshot. Should it be done before the last kill, another one begins.
void check_kills(int kills, std::uint32_t variant, const std::vector<std::string>& settings) {
  const TemporaryFolder folder;
  const TinyRun whole = long_run(folder / "whole", settings);
  const auto begin = Clock::now();
  const pid_t undisturbed = start_tiny(whole);
  wait_until(undisturbed, [&] { return fs::exists(whole.out / "config.json"); });
  const double starting = std::chrono::duration<double>(Clock::now() - begin).count();
  REQUIRE(wait_for_child(undisturbed) == 0);
  const double training = std::chrono::duration<double>(Clock::now() - begin).count() - starting;

  Random random(2024, Stream::demo, variant, 0);
  TinyRun run = long_run(folder / "killed", settings);
  int killed = 0;
  std::set<long> resumed_from;
  for (int round = 0; killed < kills; ++round) {
    run.out = folder / ("killed-" + std::to_string(round));
    run.options.resume = false;
    while (killed < kills) {
      const std::uintmax_t config = inode_of(run.out / "config.json");
      const pid_t child = start_tiny(run);
      run.options.resume = true;  // also when it was killed before it wrote anything
      const std::uint32_t way = random.below(10);
      if (way < 2) {
        const double delay = starting * static_cast<double>(random.uniform());
        std::this_thread::sleep_for(std::chrono::duration<double>(delay));
      } else {
        // Some snapshots later, at any moment between two of them: as quick as the machine is.
        const long wanted = newest_step(run.out) + 3 * static_cast<long>(random.below(3));
        wait_until(child, [&] {
          return inode_of(run.out / "config.json") != config && newest_step(run.out) >= wanted;
        });
        const double delay = training / 13 * static_cast<double>(random.uniform());
        std::this_thread::sleep_for(std::chrono::duration<double>(delay));
        if (way < 5) wait_until(child, [&] { return writes_a_snapshot(run.out); });
      }
      ::kill(child, SIGKILL);
      const int status = wait_for_child(child);
      if (status == 0) break;  // it was quicker
      REQUIRE(status == -SIGKILL);
      ++killed;
      const auto newest = train::newest_valid(run.out / "snapshots");
      CHECK(newest.warnings.empty());  // a kill leaves whole snapshots only
      resumed_from.insert(newest.snapshot ? newest.snapshot->step : 0);
    }
    if (killed == kills) REQUIRE(wait_for_child(start_tiny(run)) == 0);
    check_same_run(run.out, whole.out);
  }
  // The kills must not all have hit the same place.
  CHECK(resumed_from.size() >= 4);
}

}  // namespace

TEST_CASE(
    "ssd_trainer: killed at 20 moments, rmsprop with average, accumulation and clipping [slow]") {
  check_kills(
      20, 1,
      {"optimizer=rmsprop", "moving_average_decay=0.9", "gradient_accumulation_steps=2",
       "gradient_clipping_by_norm=5"});
}

TEST_CASE("ssd_trainer: killed at 20 moments, sgd with momentum and a cosine schedule [slow]") {
  check_kills(
      20, 2, {"optimizer=sgd", "schedule=cosine", "warmup_steps=5", "initial_learning_rate=0.01"});
}

TEST_CASE("ssd_trainer: a damaged snapshot is passed over for the one before it [slow]") {
  const TemporaryFolder folder;
  TinyRun whole = tiny_run(folder / "whole");
  whole.set.push_back("moving_average_decay=0.9");
  whole.options.keep = 10;
  train_tiny(whole);

  // The run as it was at step 9, its snapshot to be damaged.
  const fs::path run = folder / "damaged", snapshots = run / "snapshots";
  const std::string name = train::snapshot_name(9), good = bytes_of(whole.out / "snapshots" / name);
  const auto restore_run = [&](const std::string& bytes) {
    fs::remove_all(run);
    fs::copy(whole.out, run, fs::copy_options::recursive);
    fs::remove(snapshots / train::snapshot_name(12));
    fs::remove(run / "last.safetensors");
    write_file(snapshots / name, bytes, Durability::buffered);
  };
  restore_run(good);
  REQUIRE(train::newest_valid(snapshots).snapshot->step == 9);

  std::uint64_t header = 0;
  for (std::size_t k = 8; k-- > 0;) header = header << 8 | static_cast<unsigned char>(good[k]);
  const std::size_t data = 8 + static_cast<std::size_t>(header);
  REQUIRE(data < good.size());
  std::vector<std::size_t> places = {0,
                                     1,
                                     7,
                                     8,
                                     9,
                                     data / 2,
                                     data - 2,
                                     data - 1,
                                     data,
                                     data + 1,
                                     good.size() - 4,
                                     good.size() - 1};
  Random random(77, Stream::demo, 0, 0);
  for (int k = 0; k < 12; ++k) places.push_back(random.below(static_cast<std::uint32_t>(data)));
  const std::size_t region = (good.size() - data) / 40;  // every part of the state gets its share
  for (std::size_t k = 0; k < 40; ++k)
    places.push_back(data + k * region + random.below(static_cast<std::uint32_t>(region)));

  const auto passed_over = [&](const std::string& bytes) {
    write_file(snapshots / name, bytes, Durability::buffered);
    const train::NewestSnapshot newest = train::newest_valid(snapshots);
    return newest.snapshot && newest.snapshot->step == 6 && newest.warnings.size() == 1 &&
           says(newest.warnings[0], name);
  };
  for (const std::size_t place : places) {
    CAPTURE(place);
    CHECK(passed_over(good.substr(0, place)));
    std::string flipped = good;
    flipped[place] = static_cast<char>(flipped[place] ^ (1 << random.below(8)));
    CHECK(passed_over(flipped));
  }
  CHECK(passed_over(good + '\0'));

  TinyRun resumed = whole;
  resumed.out = run;
  resumed.options.resume = true;
  std::string flipped = good;
  flipped[good.size() / 2] = static_cast<char>(flipped[good.size() / 2] ^ 4);
  for (const std::string& bytes :
       {std::string(), good.substr(0, data / 2), good.substr(0, good.size() - 1), flipped}) {
    CAPTURE(bytes.size());
    restore_run(bytes);
    const TinyOutcome outcome = train_tiny(resumed);
    CHECK(outcome.first == 6);
    REQUIRE(outcome.warnings.size() == 1);
    CHECK(says(outcome.warnings[0], name));
    check_same_run(run, whole.out);
    CHECK(same_bytes(snapshots / name, whole.out / "snapshots" / name));
  }
}

TEST_CASE("ssd_trainer: with every snapshot damaged it starts again, and says so") {
  const TemporaryFolder folder;
  TinyRun run = tiny_run(folder / "run");
  run.set[0] = "num_steps=4";
  train_tiny(run);
  const std::string wanted = bytes_of(run.out / "last.safetensors");
  for (const auto& snapshot : train::list_snapshots(run.out / "snapshots"))
    fs::resize_file(snapshot.path, 100);
  run.options.resume = true;
  const TinyOutcome outcome = train_tiny(run);
  CHECK(outcome.first == 0);
  CHECK(outcome.warnings.size() == 3);  // two files, and that there is none left
  CHECK(bytes_of(run.out / "last.safetensors") == wanted);
}
