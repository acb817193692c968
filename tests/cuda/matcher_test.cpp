// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/matcher.hpp"

#include "cuda/box_case.hpp"

using namespace ocelli;
using namespace ocelli::kernel_test;

namespace {

std::vector<std::int32_t> on_device(
    const std::vector<Box>& anchors, const Truth& truth, const MatchOptions& options) {
  DeviceArray<Box> a(anchors);
  DeviceTruth t(truth);
  const int batch = static_cast<int>(truth.batch()), count = static_cast<int>(anchors.size());
  DeviceArray<char> work(cuda::match_workspace(batch, truth.capacity));
  DeviceArray<std::int32_t> match(anchors.size() * truth.batch());
  cuda::match_anchors(
      nullptr, batch, a.data(), count, t.view(), options, work.data(), match.data());
  return match.values();
}

std::vector<std::int32_t> on_host(
    const std::vector<Box>& anchors, const Truth& truth, const MatchOptions& options) {
  const ArgmaxMatcher<float> matcher(anchors, options);
  std::vector<std::int32_t> all;
  std::vector<float> work(static_cast<std::size_t>(matcher.workspace_size()));
  std::vector<std::int32_t> match(static_cast<std::size_t>(matcher.match_size(truth.capacity)));
  for (std::size_t n = 0; n < truth.batch(); ++n) {
    const std::size_t at = n * static_cast<std::size_t>(truth.capacity);
    matcher.match(
        truth.boxes.data() + at, truth.counts[n],
        truth.weights.empty() ? nullptr : truth.weights.data() + at, work.data(), match.data());
    all.insert(all.end(), match.begin(), match.begin() + static_cast<long>(anchors.size()));
  }
  return all;
}

void check(const std::vector<Box>& anchors, const Truth& truth, const MatchOptions& options = {}) {
  const auto got = in_any_order([&] { return on_device(anchors, truth, options); });
  CHECK(got == on_host(anchors, truth, options));
}

}  // namespace

TEST_CASE("cuda matcher: as on the CPU for any number of anchors and boxes") {
  for (std::size_t count : {1u, 7u, 33u, 257u, 1917u})
    for (bool weighted : {false, true}) {
      CAPTURE(count);
      CAPTURE(weighted);
      const std::vector<Box> anchors = some_anchors(count);
      check(anchors, Truth({0, 1, 70, 100}, 100, 5, weighted));
      check(
          anchors, Truth({3, 1, 0, 9, 64}, 65, 5, weighted),
          {.matched_threshold = 0.6, .unmatched_threshold = 0.3});
      check(
          anchors, Truth({3, 0}, 3, 5, weighted),
          {.matched_threshold = 0.4,
           .unmatched_threshold = 0.2,
           .negatives_lower_than_unmatched = false});
      check(anchors, Truth({5, 1}, 5, 5, weighted), {.force_match_for_each_row = false});
    }
}

TEST_CASE("cuda matcher: ties go to the lowest row, forced ones to the lowest anchor") {
  // Four equal anchors, three equal boxes, and a box that overlaps nothing but forces the first.
  const std::vector<Box> anchors(4, Box{0.2f, 0.2f, 0.6f, 0.6f});
  Truth truth({4, 3}, 4, 1);
  for (Box& box : truth.boxes) box = {0.2f, 0.2f, 0.6f, 0.5f};
  truth.boxes[3] = {0.7f, 0.7f, 0.8f, 0.8f};
  check(anchors, truth);
  CHECK(on_device(anchors, truth, {})[0] == 0);
  // Low overlaps: only the forced anchor is matched.
  for (Box& box : truth.boxes) box = {0.2f, 0.2f, 0.3f, 0.3f};
  check(anchors, truth);
  CHECK(on_device(anchors, truth, {}) == std::vector<std::int32_t>{0, -1, -1, -1, 0, -1, -1, -1});
}

TEST_CASE("cuda matcher: boxes in the middle between anchors") {
  // A grid of equal anchors and boxes on the corners between four of them: every IoU is a tie.
  std::vector<Box> anchors;
  for (int y = 0; y < 8; ++y)
    for (int x = 0; x < 8; ++x) {
      const float cy = (static_cast<float>(y) + 0.5f) / 8, cx = (static_cast<float>(x) + 0.5f) / 8;
      anchors.push_back({cy - 0.1f, cx - 0.1f, cy + 0.1f, cx + 0.1f});
    }
  Truth truth({20, 5}, 20, 1);
  for (std::size_t i = 0; i < truth.boxes.size(); ++i) {
    const float cy = static_cast<float>(i % 7 + 1) / 8, cx = static_cast<float>(i / 7 + 1) / 8;
    truth.boxes[i] = {cy - 0.1f, cx - 0.1f, cy + 0.1f, cx + 0.1f};
  }
  check(anchors, truth);
  check(anchors, truth, {.matched_threshold = 0.1, .unmatched_threshold = 0.1});
}

TEST_CASE("cuda matcher: the floor") {
  CHECK(
      kernel::force_matches_floor(24, 100, 1917, 168) ==
      kernel::Floor{(16 + 4) * 24 * 100 + 16 * 1917, 17 * 1917 * 168});
  CHECK(
      kernel::assign_matches_floor(24, 100, 1917, 168) ==
      kernel::Floor{16 * 1917 + 4 * 1917 * 24 + (16 + 4) * 24 * 100, 17 * 1917 * 168});
}
