// SPDX-License-Identifier: Apache-2.0
#include "ocelli/box/matcher.hpp"

#include <doctest/doctest.h>

#include <array>

#include "ocelli/box/anchors.hpp"
#include "ocelli/box/iou.hpp"
#include "ocelli/core/random.hpp"
#include "support/counting_allocator.hpp"
#include "support/vectors.hpp"

using namespace ocelli;

namespace {

constexpr std::array<MapSize, 6> kMaps = {{{19, 19}, {10, 10}, {5, 5}, {3, 3}, {2, 2}, {1, 1}}};

template <class T>
std::vector<std::int32_t> match(
    const ArgmaxMatcher<T>& matcher, const std::vector<BoxOf<T>>& boxes,
    const T* weights = nullptr) {
  const int rows = static_cast<int>(boxes.size());
  std::vector<T> work(static_cast<std::size_t>(matcher.workspace_size()));
  std::vector<std::int32_t> result(static_cast<std::size_t>(matcher.match_size(rows)));
  matcher.match(boxes.data(), rows, weights, work.data(), result.data());
  result.resize(static_cast<std::size_t>(matcher.anchors()));
  return result;
}

MatchOptions options_of(const nlohmann::json& p) {
  return {p["mt"], p["ut"], p.value("neg_low", true), p.value("force", false)};
}

/// The rule word by word, over a matrix.
std::vector<std::int32_t> plain_match(
    const std::vector<std::vector<double>>& iou, std::size_t columns, const MatchOptions& options,
    const std::vector<double>& weights) {
  std::vector<std::int32_t> match(columns, kNegative);
  if (iou.empty()) return match;
  for (std::size_t a = 0; a < columns; ++a) {
    int row = -1;
    double best = -1;
    for (std::size_t g = 0; g < iou.size(); ++g)
      if (iou[g][a] > best) best = iou[g][a], row = static_cast<int>(g);
    const bool low = best < options.unmatched_threshold;
    if (best >= options.matched_threshold)
      match[a] = row;
    else
      match[a] = low == options.negatives_lower_than_unmatched ? kNegative : kIgnored;
  }
  if (!options.force_match_for_each_row) return match;
  std::vector<bool> taken(columns);
  for (std::size_t g = 0; g < iou.size(); ++g) {
    if (!(weights[g] > 0)) continue;
    std::size_t best = 0;
    for (std::size_t a = 1; a < columns; ++a)
      if (iou[g][a] > iou[g][best]) best = a;
    if (!taken[best]) match[best] = static_cast<std::int32_t>(g);
    taken[best] = true;
  }
  return match;
}

}  // namespace

TEST_CASE("matcher: as published") {
  const nlohmann::json file = test::vectors("matcher");
  int checked = 0;
  for (const auto& c : file["cases"]) {
    CAPTURE(c["name"].get<std::string>());
    const MatchOptions options = options_of(c["params"]);
    if (c.contains("similarity")) {
      const auto similarity = c["similarity"].get<std::vector<std::vector<double>>>();
      const auto want = c["result"].get<std::vector<std::int32_t>>();
      const long columns = static_cast<long>(want.size());
      const int rows = static_cast<int>(similarity.size());
      std::vector<double> values(want.size()), best(want.size());
      std::vector<std::int32_t> result(want.size() + similarity.size());
      match_rows<double>(
          rows, columns, options,
          [&](int row, double* out) {
            std::copy_n(similarity[static_cast<std::size_t>(row)].begin(), columns, out);
          },
          [&](int row) {
            return !c["params"].contains("valid") ||
                   c["params"]["valid"][static_cast<std::size_t>(row)];
          },
          values.data(), best.data(), result.data());
      result.resize(want.size());
      CHECK(result == want);
      ++checked;
    }
    if (c.contains("groundtruth")) {
      std::vector<BoxOf<double>> boxes, anchors;
      for (const auto& b : c["groundtruth"]) boxes.push_back({b[0], b[1], b[2], b[3]});
      if (c.contains("anchors"))
        for (const auto& b : c["anchors"]) anchors.push_back({b[0], b[1], b[2], b[3]});
      else
        anchors = ssd_anchors<double>(kMaps, 300, 300);
      const ArgmaxMatcher<double> matcher(anchors, options);
      const auto result = match(matcher, boxes);
      if (c.contains("result")) {
        CHECK(result == c["result"].get<std::vector<std::int32_t>>());
      } else {
        long positives = 0;
        for (std::int32_t m : result) positives += m >= 0;
        CHECK(positives == c["num_positive"].get<long>());
        for (const auto& p : c["positives"]) {
          const std::size_t a = p[0], g = p[1];
          CHECK(result[a] == static_cast<std::int32_t>(g));
          CHECK(iou(boxes[g], anchors[a]) == doctest::Approx(p[2].get<double>()).epsilon(1e-12));
        }
      }
      ++checked;
    }
  }
  CHECK(checked >= 14);
}

TEST_CASE("matcher: the fast loops give what the rule says, for many shapes") {
  Random random(7, Stream::demo);
  for (int round = 0; round < 60; ++round) {
    const std::size_t columns = 1 + random.below(70), rows = random.below(9);
    const auto draw = [&](float quantum) {
      const auto q = [&](float low, float high) {
        return static_cast<double>(std::round(random.uniform(low, high) / quantum) * quantum);
      };
      const double y = q(0, 0.8f), x = q(0, 0.8f);
      return BoxOf<double>{y, x, y + q(0, 0.5f), x + q(0, 0.5f)};  // zero areas and ties included
    };
    std::vector<BoxOf<double>> anchors(columns), boxes(rows);
    for (auto& anchor : anchors) anchor = draw(0.125f);
    for (auto& box : boxes) box = draw(0.125f);
    std::vector<double> weights(rows);
    for (double& weight : weights) weight = random.below(3);
    const MatchOptions options{
        0.5, random.chance(0.5f) ? 0.5 : 0.25, random.chance(0.5f), random.chance(0.7f)};
    const ArgmaxMatcher<double> matcher(anchors, options);
    std::vector<std::vector<double>> similarity(rows, std::vector<double>(columns));
    for (std::size_t g = 0; g < rows; ++g) matcher.ious(boxes[g], similarity[g].data());
    CHECK(
        match(matcher, boxes, weights.data()) ==
        plain_match(similarity, columns, options, weights));
    for (std::size_t g = 0; g < rows; ++g)
      for (std::size_t a = 0; a < columns; ++a)
        CHECK(similarity[g][a] == doctest::Approx(iou(boxes[g], anchors[a])).epsilon(1e-14));
  }
}

TEST_CASE("matcher: edges") {
  const std::vector<Box> anchors = ssd_anchors(kMaps, 300, 300);
  const ArgmaxMatcher<float> matcher{std::span<const Box>(anchors)};
  SUBCASE("no ground truth: all negative") {
    for (std::int32_t m : match(matcher, {})) CHECK(m == kNegative);
  }
  SUBCASE("the same box twice: the lower row has all of it") {
    const Box box{0.2f, 0.2f, 0.6f, 0.6f};
    long first = 0;
    for (std::int32_t m : match(matcher, {box, box})) {
      CHECK(m != 1);
      first += m == 0;
    }
    CHECK(first > 0);
  }
  SUBCASE("a box without area still forces one anchor") {
    long positives = 0;
    for (std::int32_t m : match(matcher, {{0.5f, 0.5f, 0.5f, 0.5f}})) positives += m >= 0;
    CHECK(positives == 1);
  }
  SUBCASE("100 boxes, without allocation") {
    std::vector<Box> boxes(100, {0.1f, 0.1f, 0.4f, 0.4f});
    std::vector<float> work(static_cast<std::size_t>(matcher.workspace_size()));
    std::vector<std::int32_t> result(static_cast<std::size_t>(matcher.match_size(100)));
    const test::AllocationCount count;
    matcher.match(boxes.data(), 100, nullptr, work.data(), result.data());
    CHECK(count.so_far() == 0);
  }
  SUBCASE("options out of range") {
    CHECK_THROWS_AS((ArgmaxMatcher<float>(anchors, {.matched_threshold = 1.5})), ConfigError);
    CHECK_THROWS_AS(
        (ArgmaxMatcher<float>(anchors, {.matched_threshold = 0.4, .unmatched_threshold = 0.5})),
        ConfigError);
  }
}
