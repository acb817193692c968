// SPDX-License-Identifier: Apache-2.0
#include "ocelli/box/duplicate_index.hpp"

#include <doctest/doctest.h>

#include <initializer_list>

#include "box/plain_nms.hpp"

using namespace ocelli;

namespace {

template <class T>
void check_against_plain(std::uint64_t seed, float odd_seed_shift) {
  Random random(seed, Stream::demo);
  long suppressed = 0, kept_total = 0;
  for (int round = 0; round < 150; ++round) {
    const std::size_t count = 1 + random.below(round % 10 == 0 ? 900 : 120);
    auto boxes = test::odd_boxes<T>(random, count);
    for (auto& box : boxes)
      box.ymin += static_cast<T>(odd_seed_shift), box.ymax += static_cast<T>(odd_seed_shift);
    const double thresholds[] = {0.5, 0.6, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0};
    const double threshold = thresholds[random.below(8)];
    std::vector<T> scores(boxes.size());
    for (std::size_t i = 0; i < boxes.size(); ++i) scores[i] = -static_cast<T>(i);
    const auto want = test::plain_nms(
        boxes, scores, {.iou_threshold = threshold, .max_output = static_cast<int>(count)});
    DuplicateIndex<T> index(static_cast<int>(count), threshold);
    index.clear();
    std::vector<std::int32_t> got;
    for (std::size_t i = 0; i < boxes.size(); ++i)
      if (index.keep(ordered(boxes[i]))) got.push_back(static_cast<std::int32_t>(i));
    REQUIRE(got == want);
    kept_total += static_cast<long>(got.size());
    suppressed += static_cast<long>(count - got.size());
  }
  CHECK(suppressed > kept_total / 10);  // the boxes do try the index
}

}  // namespace

TEST_CASE("duplicate_index: exactly plain NMS, in float") { check_against_plain<float>(1, 0); }
TEST_CASE("duplicate_index: exactly plain NMS, in double") { check_against_plain<double>(2, 0); }
TEST_CASE("duplicate_index: exactly plain NMS, far from the origin") {
  check_against_plain<float>(3, 1000);
  check_against_plain<double>(4, -1000);
}

TEST_CASE("duplicate_index: boxes on both sides of a cell's or a size's border") {
  DuplicateIndex<float> index(8, 0.99);
  index.clear();
  CHECK(index.keep({0, 0, 1, 1}));
  CHECK_FALSE(index.keep({-1e-3f, -1e-3f, 0.9995f, 0.9995f}));  // size just below 1, corner below 0
  CHECK_FALSE(index.keep({1e-3f, 1e-3f, 1.0015f, 1.0015f}));
  CHECK(index.keep({0, 0.02f, 1, 1.02f}));
  index.clear();
  CHECK(index.keep({0, 0, 1, 1}));
}

TEST_CASE("duplicate_index: boxes on both sides of the sizes that the table takes") {
  for (const float size : {1e15f, 1e-15f})
    for (const float first : {1.0005f, 0.9995f}) {
      DuplicateIndex<float> index(2, 0.99);
      index.clear();
      CHECK(index.keep({0, 0, size * first, 1}));
      CHECK_FALSE(index.keep({0, 0, size * (2 - first), 1}));
    }
}
