// Mirroring a run folder: what the bucket has is whole and of one step, whatever fails.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/deploy/mirror.hpp"

#include <doctest/doctest.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "deploy/failing_store.hpp"
#include "ocelli/bucket/memory_store.hpp"
#include "ocelli/train/snapshot.hpp"
#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"

using namespace ocelli;
using namespace ocelli::deploy;
using namespace ocelli::test;
namespace fs = std::filesystem;

namespace {

/// A folder that looks like a run's; step after step its files change as a run's do.
struct Run {
  fs::path root;
  explicit Run(fs::path folder) : root(std::move(folder)) {
    fs::create_directories(root / "snapshots");
    fs::create_directories(root / "report");
    write_file(root / "config.json", "{}");
  }
  fs::path step(long step) const {
    const std::vector<float> values(100, static_cast<float>(step));
    const train::SnapshotTensor tensor{
        "w", train::TensorDtype::f32, {100}, const_cast<float*>(values.data())};
    std::string log;
    for (long k = 1; k <= step; ++k) log += "{\"step\":" + std::to_string(k) + "}\n";
    write_file(root / "log.jsonl", log);
    write_file(root / "best.safetensors", "best of " + std::to_string(step / 10));
    fs::create_directories(root / "flipbook");
    write_file(root / "flipbook" / (std::to_string(step) + ".json"), std::to_string(step));
    write_file(root / "status.json", "{}");
    write_file(root / ".hidden", "x");
    train::keep_newest(root / "snapshots", 2);
    return train::write_snapshot(root / "snapshots", step, std::span(&tensor, 1));
  }
};

std::map<std::string, std::string> files_of(const fs::path& root) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(root))
    if (entry.is_regular_file() && entry.path().filename() != ".lock")
      files[entry.path().lexically_relative(root).string()] = read_file(entry.path());
  return files;
}

/// Restores into a new folder: everything belongs to one step, which is returned; 0: nothing.
long restored_step(bucket::ObjectStore& store, const fs::path& folder) {
  const RestoredRun result = restore_run(store, "runs/a", folder);
  if (!result.restored) return 0;
  const auto newest = train::newest_valid(folder / "snapshots");
  REQUIRE(newest.snapshot);
  CHECK(newest.snapshot->step == result.step);
  CHECK(newest.warnings.empty());
  std::string log;
  for (long k = 1; k <= result.step; ++k) log += "{\"step\":" + std::to_string(k) + "}\n";
  CHECK(read_file(folder / "log.jsonl") == log);
  CHECK(read_file(folder / "best.safetensors") == "best of " + std::to_string(result.step / 10));
  CHECK(fs::exists(folder / "flipbook" / (std::to_string(result.step) + ".json")));
  return result.step;
}

MirrorOptions quick(bool resume = false) {
  MirrorOptions options;
  options.resume = resume;
  options.backoff = options.longest_backoff = std::chrono::milliseconds(1);
  options.patience = std::chrono::milliseconds(0);
  return options;
}

}  // namespace

TEST_CASE("mirror: the bucket has the newest snapshot and its files, and at the end everything") {
  const TemporaryFolder folder;
  const Run run(folder / "run");
  bucket::MemoryStore store("cats");
  {
    Mirror mirror(store, "runs/a", run.root, quick());
    CHECK_FALSE(find_run(store, "runs/a"));
    for (const long step : {3, 6, 12}) mirror.on_snapshot(step, run.step(step));
    write_file(run.root / "last.safetensors", "last");
    write_file(run.root / "report/index.html", "<p>");
    CHECK(mirror.finish().empty());
    CHECK(mirror.finish().empty());
  }
  const auto index = find_run(store, "runs/a/");
  REQUIRE(index);
  CHECK(index->step == 12);
  // Nothing is left of what was named before: as many objects as different files, and the index.
  std::set<std::string> keys;
  for (const RunFile& file : index->files) keys.insert(file.key);
  CHECK(store.list("").size() == keys.size() + 1);

  CHECK(restored_step(store, folder / "elsewhere") == 12);
  auto wanted = files_of(run.root);
  wanted.erase(".hidden");
  wanted.erase("snapshots/step-00000003.safetensors");
  wanted.erase("snapshots/step-00000006.safetensors");
  CHECK(files_of(folder / "elsewhere") == wanted);
  // Once more: the folder is as far already.
  const RestoredRun again = restore_run(store, "runs/a", folder / "elsewhere");
  CHECK_FALSE(again.restored);
  CHECK(again.step == 12);
}

TEST_CASE("mirror: a run goes on in its place, and no other run takes it") {
  const TemporaryFolder folder;
  const Run run(folder / "run");
  bucket::MemoryStore store("cats");
  {
    Mirror mirror(store, "runs/a", run.root, quick());
    mirror.on_snapshot(3, run.step(3));
  }
  CHECK(says(
      message_of<ConfigError>([&] { Mirror(store, "runs/a", folder / "new", quick()); }),
      "add --resume"));
  const Run other(folder / "other");
  other.step(1);
  for (const auto& taken :
       {message_of<ConfigError>([&] { Mirror(store, "runs/a", other.root, quick(true)); }),
        message_of<ConfigError>([&] { restore_run(store, "runs/a", other.root); })})
    CHECK(says(taken, "holds another run"));
  CHECK(restored_step(store, folder / "moved") == 3);
  const std::string id = find_run(store, "runs/a")->run;
  {
    const Run moved(folder / "moved");
    Mirror mirror(store, "runs/a", moved.root, quick(true));
    mirror.on_snapshot(6, moved.step(6));
  }
  CHECK(find_run(store, "runs/a")->run == id);
  CHECK(find_run(store, "runs/a")->step == 6);
  // The first machine is brought up to it, and so is the folder of a restore that was cut off.
  CHECK(restored_step(store, run.root) == 6);
}

TEST_CASE("mirror: a machine that was thought gone no longer writes") {
  const TemporaryFolder folder;
  const Run run(folder / "run");
  bucket::MemoryStore store("cats");
  std::vector<std::string> told;
  MirrorOptions options = quick();
  options.warn = [&](const std::string& text) { told.push_back(text); };
  Mirror first(store, "runs/a", run.root, options);
  first.on_snapshot(3, run.step(3));
  while (!find_run(store, "runs/a")) std::this_thread::yield();
  restore_run(store, "runs/a", folder / "moved");
  const Run moved(folder / "moved");
  {
    Mirror second(store, "runs/a", moved.root, quick(true));
    second.on_snapshot(6, moved.step(6));
  }
  first.on_snapshot(9, run.step(9));
  CHECK(says(first.finish(), "another training writes to the same place"));
  REQUIRE_FALSE(told.empty());
  CHECK(says(told.back(), "another training"));
  CHECK(restored_step(store, folder / "third") == 6);
}

TEST_CASE("mirror: a fault at any operation leaves a whole run, and the next snapshot mends it") {
  const TemporaryFolder folder;
  int cases = 0;
  for (const auto way : {FailingStore::Way::before, FailingStore::Way::after})
    for (int k = 0;; ++k) {
      CAPTURE(k);
      CAPTURE(static_cast<int>(way));
      const std::string name = std::to_string(cases++);
      const Run run(folder / ("run-" + name));
      bucket::MemoryStore memory("cats");
      FailingStore store(memory);
      bool failed = false;
      {
        Mirror mirror(memory, "runs/a", run.root, quick());
        mirror.on_snapshot(3, run.step(3));
      }
      {
        Mirror mirror(store, "runs/a", run.root, quick(true));
        store.fail_at(k, way);
        mirror.on_snapshot(12, run.step(12));
        const bool good = mirror.finish().empty();
        failed = store.failed();
        CHECK(good != failed);
      }
      const long step = restored_step(memory, folder / ("restored-" + name));
      CHECK((step == 3 || step == 12));
      if (!failed) {
        CHECK(step == 12);
        break;
      }
      store.heal();
      Mirror mirror(store, "runs/a", run.root, quick(true));
      mirror.on_snapshot(15, run.step(15));
      CHECK(mirror.finish().empty());
      CHECK(restored_step(memory, folder / ("again-" + name)) == 15);
    }
  CHECK(cases > 12);
}

TEST_CASE("mirror: one lost answer after another, in one and the same training") {
  const TemporaryFolder folder;
  const Run run(folder / "run");
  bucket::MemoryStore memory("cats");
  FailingStore store(memory);
  MirrorOptions options = quick();
  options.patience = std::chrono::hours(1);
  Mirror mirror(store, "runs/a", run.root, options);
  for (int k = 0; k < 8; ++k) {
    store.fail_at(k, FailingStore::Way::after, true);
    mirror.on_snapshot(3 + k, run.step(3 + k));
    while (true) {
      const auto index = find_run(memory, "runs/a");
      if (index && index->step == 3 + k && store.failed()) break;
      std::this_thread::yield();
    }
  }
  CHECK(mirror.finish().empty());
  CHECK(restored_step(memory, folder / "restored") == 10);
}

TEST_CASE("mirror: a slow store gets the newest snapshot, not each of them") {
  const TemporaryFolder folder;
  const Run run(folder / "run");
  bucket::MemoryStore memory("cats");
  FailingStore store(memory);
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false, waits = false;
  store.on_operation = [&](const std::string& operation, const std::string&) {
    if (operation != "put") return;
    std::unique_lock lock(mutex);
    waits = true;
    changed.notify_all();
    changed.wait(lock, [&] { return open; });
  };
  Mirror mirror(store, "runs/a", run.root, quick());
  mirror.on_snapshot(3, run.step(3));
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return waits; });
  }
  for (long step = 4; step < 9; ++step) mirror.on_snapshot(step, run.step(step));
  {
    const std::lock_guard lock(mutex);
    open = true;
  }
  changed.notify_all();
  CHECK(mirror.finish().empty());
  CHECK(restored_step(memory, folder / "restored") == 8);
  // 3, whose files were open and so not lost, and 8; none between.
  CHECK(store.operations() < 40);
}

TEST_CASE("mirror: what is damaged in the bucket is not restored, and nothing beside it removed") {
  const TemporaryFolder folder;
  const Run run(folder / "run");
  bucket::MemoryStore store("cats");
  store.put("runs/a/mirror/precious.jpg", "x");
  store.put("runs/a/picture.jpg", "x");
  {
    Mirror mirror(store, "runs/a", run.root, quick());
    mirror.on_snapshot(3, run.step(3));
  }
  CHECK(store.head("runs/a/mirror/precious.jpg"));
  const auto index = find_run(store, "runs/a");
  for (const RunFile& file : index->files)
    if (file.path.starts_with("snapshots/")) store.put("runs/a/" + file.key, "nonsense");
  CHECK(says(
      message_of<StoreError>([&] { restore_run(store, "runs/a", folder / "new"); }),
      "size differs"));
  CHECK(train::list_snapshots(folder / "new/snapshots").empty());
  store.put("runs/a/run.json", R"({"format":"ocelli run","version":1,"run":"x","step":1,
    "files":[{"path":"../x","key":"mirror/x","size":1,"sha256":""}]})");
  CHECK(says(
      message_of<StoreError>([&] { restore_run(store, "runs/a", folder / "new"); }),
      "outside the run"));
}
