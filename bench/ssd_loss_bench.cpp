// How fast SSD's loss and post-processing are, on one thread: A = 1917 anchors (300 x 300).
// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include <array>
#include <vector>

#include "ocelli/box/anchors.hpp"
#include "ocelli/box/ssd_postprocess.hpp"
#include "ocelli/core/random.hpp"
#include "ocelli/loss/ssd_loss.hpp"

namespace {

using namespace ocelli;

constexpr std::array<MapSize, 6> kMaps = {{{19, 19}, {10, 10}, {5, 5}, {3, 3}, {2, 2}, {1, 1}}};
constexpr int kCapacity = 100;

/// Outputs as of a net some way into training: small codes, logits that mostly say background.
struct Outputs {
  Outputs(long anchors, int classes, int batch)
      : codes(static_cast<std::size_t>(batch * anchors * 4)),
        logits(static_cast<std::size_t>(batch * anchors * (classes + 1))) {
    Random random(1, Stream::demo);
    for (float& code : codes) code = random.uniform(-1, 1);
    for (float& logit : logits) logit = random.uniform(-8, 0);
  }
  std::vector<float> codes, logits;
};

struct Truth {
  explicit Truth(int classes, int batch)
      : boxes(static_cast<std::size_t>(batch * kCapacity)),
        labels(static_cast<std::size_t>(batch * kCapacity), 1),
        counts(static_cast<std::size_t>(batch), 12) {
    Random random(2, Stream::demo);
    for (std::size_t i = 0; i < boxes.size(); ++i) {
      const float y = random.uniform(0, 0.7f), x = random.uniform(0, 0.7f);
      boxes[i] = {y, x, y + random.uniform(0.05f, 0.3f), x + random.uniform(0.05f, 0.3f)};
      labels[i] = 1 + static_cast<int>(random.below(static_cast<std::uint32_t>(classes)));
    }
  }
  GroundTruthBatch<float> view() const {
    return {boxes.data(), labels.data(), counts.data(), kCapacity, nullptr};
  }
  std::vector<Box> boxes;
  std::vector<std::int32_t> labels;
  std::vector<int> counts;
};

void ssd_loss(benchmark::State& state) {
  const int batch = static_cast<int>(state.range(0)), classes = static_cast<int>(state.range(1));
  const std::vector<Box> anchors = ssd_anchors(kMaps, 300, 300);
  const auto count = static_cast<long>(anchors.size());
  const Outputs out(count, classes, batch);
  const Truth truth(classes, batch);
  ThreadPool pool(1);
  SsdLoss<float> loss(anchors, classes, {}, batch, kCapacity);
  std::vector<float> d_codes(out.codes.size()), d_logits(out.logits.size());
  for (auto _ : state)
    benchmark::DoNotOptimize(loss(
        pool, batch, truth.view(), out.codes.data(), out.logits.data(), d_codes.data(),
        d_logits.data()));
  state.counters["logits/s"] = benchmark::Counter(
      static_cast<double>(out.logits.size()), benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(ssd_loss)
    ->ArgNames({"batch", "classes"})
    ->Args({8, 90})
    ->Args({24, 90})
    ->Args({8, 3})
    ->Args({24, 3})
    ->Unit(benchmark::kMillisecond);

void match(benchmark::State& state) {
  const std::vector<Box> anchors = ssd_anchors(kMaps, 300, 300);
  const ArgmaxMatcher<float> matcher{std::span<const Box>(anchors)};
  const Truth truth(3, 1);
  const int rows = static_cast<int>(state.range(0));
  std::vector<float> work(static_cast<std::size_t>(matcher.workspace_size()));
  std::vector<std::int32_t> result(static_cast<std::size_t>(matcher.match_size(rows)));
  for (auto _ : state) {
    matcher.match(truth.boxes.data(), rows, nullptr, work.data(), result.data());
    benchmark::DoNotOptimize(result.data());
  }
}
BENCHMARK(match)->ArgName("boxes")->Arg(12)->Arg(100)->Unit(benchmark::kMicrosecond);

/// Mining of one picture whose predictions are the anchors, a little moved.
void mine(benchmark::State& state) {
  const int scale = static_cast<int>(state.range(0));
  std::array<MapSize, 6> maps = kMaps;
  for (MapSize& map : maps) map = {map.height * scale, map.width * scale};
  std::vector<Box> boxes = ssd_anchors(maps, 300, 300);
  Random random(3, Stream::demo);
  std::vector<float> losses(boxes.size());
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    losses[i] = random.uniform();
    boxes[i].ymin += random.uniform(-0.01f, 0.01f);
    boxes[i].xmin += random.uniform(-0.01f, 0.01f);
  }
  const std::vector<std::int32_t> matches(boxes.size(), kNegative);
  std::vector<std::int32_t> kept(boxes.size());
  HardExampleMiner<float> miner(static_cast<int>(boxes.size()));
  for (auto _ : state)
    benchmark::DoNotOptimize(
        miner(boxes.data(), losses.data(), losses.data(), matches.data(), kept.data()));
  state.counters["anchors"] = static_cast<double>(boxes.size());
}
BENCHMARK(mine)->ArgName("scale")->Arg(1)->Arg(3)->Unit(benchmark::kMicrosecond);

/// Post-processing of one picture: score threshold in units of 1e-8.
void ssd_postprocess(benchmark::State& state) {
  const int classes = static_cast<int>(state.range(0));
  const std::vector<Box> anchors = ssd_anchors(kMaps, 300, 300);
  const Outputs out(static_cast<long>(anchors.size()), classes, 1);
  MulticlassNmsOptions options;
  options.score_threshold = static_cast<double>(state.range(1)) * 1e-8;
  SsdPostprocess<float> postprocess(anchors, classes, {}, options);
  std::vector<Detection> found(static_cast<std::size_t>(postprocess.max_detections()));
  for (auto _ : state)
    benchmark::DoNotOptimize(postprocess(out.codes.data(), out.logits.data(), found.data()));
}
BENCHMARK(ssd_postprocess)
    ->ArgNames({"classes", "threshold_e-8"})
    ->Args({90, 1})
    ->Args({90, 30000000})
    ->Args({3, 1})
    ->Unit(benchmark::kMillisecond);

}  // namespace
