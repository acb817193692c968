// Publishing, watching and mirroring in a bucket of a real server.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "deploy/model_file.hpp"
#include "ocelli/bucket/sha256.hpp"
#include "ocelli/deploy/mirror.hpp"
#include "ocelli/deploy/publish.hpp"
#include "ocelli/deploy/watch.hpp"
#include "ocelli/train/snapshot.hpp"
#include "s3/fresh_bucket.hpp"
#include "s3/gateway.hpp"
#include "support/temporary_folder.hpp"

using namespace ocelli;
using namespace ocelli::deploy;
using namespace ocelli::test;
using Kind = WatchEvent::Kind;

TEST_CASE("deploy on S3: publish, promote, roll back, and a watcher behind it") {
  if (!gateway_there()) return;
  const FreshBucket fresh("deploy");
  bucket::S3Store store(fresh.options);
  const TemporaryFolder folder;
  Watcher watcher(store, {.out = folder / "model", .prefix = "caf\xC3\xA9 +1"});
  const auto look = [&] {
    const WatchEvent event = watcher.check();
    CHECK_MESSAGE(event.kind != Kind::failed, event.text);
    const int version = version_of(read_file(folder / "model"));
    return std::pair(event.kind, version);
  };
  const std::string prefix = "caf\xC3\xA9 +1";
  CHECK(watcher.check().kind == Kind::failed);
  publish(store, prefix, write_model(folder / "new", 1), "master");
  CHECK(look() == std::pair(Kind::updated, 1));
  CHECK(look() == std::pair(Kind::unchanged, 1));
  publish(store, prefix, write_model(folder / "new", 2, {"a", "b", "c"}), "night");
  CHECK(look() == std::pair(Kind::unchanged, 1));
  promote(store, prefix, "night", "master");
  CHECK(look() == std::pair(Kind::updated, 2));
  CHECK(store.get(prefix + "/" + store.bucket() + ".labels").size() == 6);
  rollback(store, prefix, "master");
  CHECK(look() == std::pair(Kind::updated, 1));
  CHECK(list_models(store, prefix).models.size() == 2);
  CHECK(prune(store, prefix, {}, std::chrono::seconds(-60)).empty());
}

TEST_CASE("deploy on S3: of publishers at once each is told, and none is lost") {
  if (!gateway_there()) return;
  const FreshBucket fresh("race");
  bucket::S3Store store(fresh.options);
  const TemporaryFolder folder;
  std::atomic<int> refused{0};
  std::vector<std::thread> publishers;
  for (int version = 1; version <= 4; ++version)
    publishers.emplace_back([&, version] {
      const auto file =
          write_model(folder / std::to_string(version), version, {"v" + std::to_string(version)});
      while (true) {
        try {
          publish(store, "", file, "master");
          return;
        } catch (const bucket::ConditionError&) {
          ++refused;
        }
      }
    });
  for (std::thread& one : publishers) one.join();
  const std::vector<Publication> all = history(store, "", "master");
  CHECK(all.size() == 4);
  for (std::size_t i = 0; i + 1 < all.size(); ++i) CHECK(all[i].previous == all[i + 1].id);
  const auto copy = store.get(store.bucket() + ".safetensors");
  const std::string text(reinterpret_cast<const char*>(copy.data()), copy.size());
  CHECK(bucket::Sha256::hex_of(text) == all[0].file(kWeightsExtension).sha256);
  MESSAGE(refused.load() << " were told that another publication came first");
}

TEST_CASE("deploy on S3: a run is mirrored and brought back") {
  if (!gateway_there()) return;
  const FreshBucket fresh("mirror");
  bucket::S3Store store(fresh.options);
  const TemporaryFolder folder;
  const std::filesystem::path run = folder / "run";
  make_folder(run / "snapshots");
  write_file(run / "config.json", "{}");
  MirrorOptions options;
  options.patience = std::chrono::milliseconds(0);
  {
    Mirror mirror(store, "runs/a", run, options);
    for (const long step : {10, 20}) {
      const float value = static_cast<float>(step);
      const train::SnapshotTensor tensor{
          "w", train::TensorDtype::f32, {1}, const_cast<float*>(&value)};
      write_file(run / "log.jsonl", std::string(static_cast<std::size_t>(step), 'x'));
      mirror.on_snapshot(step, train::write_snapshot(run / "snapshots", step, {&tensor, 1}));
    }
    CHECK(mirror.finish().empty());
  }
  const RestoredRun restored = restore_run(store, "runs/a", folder / "new");
  CHECK(restored.restored);
  CHECK(restored.step == 20);
  CHECK(read_file(folder / "new/log.jsonl").size() == 20);
  CHECK(train::newest_valid(folder / "new/snapshots").snapshot->step == 20);
  CHECK(store.list("runs/a/").size() == 1 + restored.files);  // no more than the index names
}
