// SPDX-License-Identifier: Apache-2.0
#include "ocelli/box/nms.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "box/plain_nms.hpp"
#include "support/counting_allocator.hpp"
#include "support/vectors.hpp"

using namespace ocelli;

namespace {

template <class T>
std::vector<std::int32_t> run(
    const std::vector<BoxOf<T>>& boxes, const std::vector<T>& scores, const NmsOptions& options) {
  const int count = static_cast<int>(boxes.size());
  NmsWorkspace<T> workspace(count, options.max_output);
  std::vector<std::int32_t> selected(boxes.size());
  const test::AllocationCount allocations;
  const int kept = nms(boxes.data(), scores.data(), count, options, workspace, selected.data());
  CHECK(allocations.so_far() == 0);
  selected.resize(static_cast<std::size_t>(kept));
  return selected;
}

}  // namespace

TEST_CASE("nms: as published") {
  const nlohmann::json cases = test::vectors("nms")["single_class"];
  REQUIRE(!cases.empty());
  for (const auto& c : cases) {
    CAPTURE(c.dump());
    std::vector<BoxOf<double>> boxes;
    for (const auto& b : c["boxes"]) boxes.push_back({b[0], b[1], b[2], b[3]});
    NmsOptions options{.iou_threshold = c["iou_threshold"], .max_output = c["max_output"]};
    if (!c["score_threshold"].is_null()) options.score_threshold = c["score_threshold"];
    CHECK(
        run(boxes, c["scores"].get<std::vector<double>>(), options) ==
        c["selected"].get<std::vector<std::int32_t>>());
  }
}

TEST_CASE("nms: gives what the rule says, ties and odd boxes included") {
  Random random(3, Stream::demo);
  for (int round = 0; round < 60; ++round) {
    const auto boxes = test::odd_boxes<float>(random, 1 + random.below(120));
    std::vector<float> scores(boxes.size());
    for (float& score : scores) score = static_cast<float>(random.below(16)) / 16;
    if (round % 4 == 0) scores[0] = std::nanf("");
    const NmsOptions options{
        .iou_threshold = static_cast<double>(random.below(11)) / 10,
        .score_threshold = 0.1,
        .max_output = static_cast<int>(random.below(130))};
    CHECK(run(boxes, scores, options) == test::plain_nms(boxes, scores, options));
  }
}

TEST_CASE("nms: edges") {
  const std::vector<Box> two = {{0, 0, 1, 1}, {0, 0, 1, 1}};
  CHECK(run<float>({}, {}, {}).empty());
  CHECK(run<float>(two, {0.5f, 0.5f}, {}) == std::vector<std::int32_t>{0});
  CHECK(run<float>(two, {0.5f, 0.6f}, {}) == std::vector<std::int32_t>{1});
  CHECK(run<float>(two, {0.5f, 0.6f}, {.max_output = 0}).empty());
  CHECK(run<float>(two, {0.5f, 0.6f}, {.score_threshold = 0.6}).empty());
  NmsWorkspace<float> small(1, 1);
  std::int32_t selected[2];
  const float scores[2] = {1, 1};
  CHECK_THROWS_AS(nms(two.data(), scores, 2, {}, small, selected), ShapeError);
  CHECK_THROWS_AS(NmsOptions{.iou_threshold = 1.5}.check(), ConfigError);
}
