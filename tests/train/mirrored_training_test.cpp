// A training that is mirrored to a bucket, and goes on from there on another machine: it ends with
// the bytes of one that was never disturbed.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <stdexcept>

#include "ocelli/bucket/memory_store.hpp"
#include "ocelli/deploy/mirror.hpp"
#include "support/temporary_folder.hpp"
#include "train/tiny_training.hpp"

using namespace ocelli;
using namespace ocelli::test;
namespace fs = std::filesystem;

TEST_CASE("mirrored training: a machine that vanishes at any point costs no byte") {
  const TemporaryFolder folder;
  TinyRun whole = tiny_run(folder / "whole");
  REQUIRE(train_tiny(whole).end == "finished");

  bucket::MemoryStore store("cats");
  long expected = 0;
  int machine = 0;
  const auto go_on = [&](long vanish) {
    const fs::path out = folder / ("machine-" + std::to_string(machine));
    deploy::MirrorOptions options;
    options.resume = machine++ > 0;
    const deploy::RestoredRun restored = deploy::restore_run(store, "runs/a", out);
    CHECK(restored.step == expected);
    deploy::Mirror mirror(store, "runs/a", out, options);
    TinyRun run = tiny_run(out);
    run.options.resume = options.resume;
    run.observer = &mirror;
    run.on_point = [&](long step) {
      if (step == vanish) throw std::runtime_error("the machine is gone");
    };
    TinyOutcome outcome;
    try {
      outcome = train_tiny(run);
      CHECK(outcome.first == expected);
      CHECK(mirror.finish().empty());
    } catch (const std::runtime_error&) {
      // Its folder is never looked at again. What was due has been written by then.
    }
    expected = vanish / 3 * 3;  // a snapshot each 3 steps
    return std::pair(out, outcome);
  };
  go_on(5);
  go_on(10);
  const auto [out, outcome] = go_on(0);
  CHECK(outcome.end == "finished");
  const deploy::RestoredRun last = deploy::restore_run(store, "runs/a", folder / "pulled");
  CHECK(last.step == 12);
  for (const fs::path& run : {out, folder / "pulled"}) {
    for (const char* name : {"last.safetensors", "best.safetensors", "results.csv"}) {
      CAPTURE(name);
      CHECK(same_bytes(run / name, whole.out / name));
    }
    CHECK(same_bytes(
        run / "snapshots/step-00000012.safetensors",
        whole.out / "snapshots/step-00000012.safetensors"));
    CHECK(evaluations_in_log(run) == evaluations_in_log(whole.out));
    for (const auto& page : fs::directory_iterator(whole.out / "flipbook"))
      CHECK(same_bytes(run / "flipbook" / page.path().filename(), page.path()));
    CHECK(fs::exists(run / "report/index.html"));
  }
}
