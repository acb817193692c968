// Tests of masks as run lengths, and of polygons turned into them.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/rle.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "ocelli/core/random.hpp"
#include "support/message_of.hpp"
#include "support/vectors.hpp"

namespace ocelli::data {
namespace {

using Counts = std::vector<std::uint32_t>;
using test::message_of;

TEST_CASE("rle: by hand") {
  // Columns 2..5 and rows 1..3 of 6 x 8.
  const Rle rle{6, 8, {13, 3, 3, 3, 3, 3, 3, 3, 14}};
  CHECK(rle_to_string(rle) == "=3300000;");
  CHECK(rle_from_string("=3300000;", 6, 8, "") == rle);
  CHECK(rle_area(rle) == 12);
  CHECK(rle_box(rle) == PixelBox{1, 2, 4, 6});
  const auto mask = rle_to_mask(rle);
  CHECK(mask[1 * 8 + 2] == 1);
  CHECK(mask[0 * 8 + 2] == 0);
  CHECK(rle_from_mask(mask, 6, 8) == rle);
}

TEST_CASE("rle: strings, areas and boxes of known masks") {
  struct Known {
    Rle rle;
    std::string text;
    std::uint64_t area;
    PixelBox box;
  };
  Counts striped(41, 15);
  striped.front() = 305, striped.back() = 310;
  const std::vector<Known> known = {
      {{4, 5, {5, 2, 2, 2, 2, 2, 5}}, "5220003", 6, {1, 1, 3, 4}},
      {{30, 40, striped}, "a9??0000000000000000000000000000000000000W9", 300, {5, 10, 20, 30}},
      {{2, 2, {0, 4}}, "04", 4, {0, 0, 2, 2}},
      {{2, 2, {4}}, "4", 0, {}},
      {{4, 5, {20}}, "d0", 0, {}}};
  for (const Known& k : known) {
    CHECK(rle_to_string(k.rle) == k.text);
    CHECK(rle_from_string(k.text, k.rle.height, k.rle.width, "") == k.rle);
    CHECK(rle_area(k.rle) == k.area);
    CHECK(rle_box(k.rle) == k.box);
  }
}

TEST_CASE("rle: any mask survives both forms") {
  Random random(7, Stream::demo);
  for (int round = 0; round < 50; ++round) {
    const int h = 1 + static_cast<int>(random.below(20)),
              w = 1 + static_cast<int>(random.below(20));
    std::vector<std::uint8_t> mask(static_cast<std::size_t>(h * w));
    for (auto& pixel : mask) pixel = random.chance(0.4f);
    const Rle rle = rle_from_mask(mask, h, w);
    CHECK(rle_to_mask(rle) == mask);
    CHECK(rle_from_string(rle_to_string(rle), h, w, "") == rle);
    CHECK(rle_union(rle, rle) == rle);
  }
}

TEST_CASE("rle: strings that are none") {
  const auto message = [](const char* text) {
    return message_of<DataError>([&] { rle_from_string(text, 6, 8, "a.json:3"); });
  };
  CHECK(
      message("=33") ==
      "a.json:3: the runs of the mask add up to 19, not to 6 x 8; export the mask again");
  CHECK(
      message("=33P") ==
      "a.json:3: the mask's string ends in the middle of a number; export the mask again");
  CHECK(
      message("= 3") ==
      "a.json:3: the mask's string holds a character outside '0' .. 'o'; export the mask again");
  CHECK(test::says(message("ooooooooooo"), "too large"));
  CHECK(test::says(message("000A"), "negative or absurd"));
}

TEST_CASE("rle: polygons by hand") {
  struct Known {
    int height, width;
    Ring ring;
    Counts counts;
  };
  const std::vector<Known> known = {
      {6, 8, {2, 1, 6, 1, 6, 4, 2, 4}, {13, 3, 3, 3, 3, 3, 3, 3, 14}},
      {6, 8, {2, 4, 6, 4, 6, 1, 2, 1}, {13, 3, 3, 3, 3, 3, 3, 3, 14}},
      {6, 8, {1.5f, 0.5f, 5.5f, 0.5f, 5.5f, 3.5f, 1.5f, 3.5f}, {13, 3, 3, 3, 3, 3, 3, 3, 14}},
      {4, 5, {0.5f, 0.5f, 3.5f, 0.5f, 3.5f, 2.5f}, {9, 1, 3, 1, 6}},
      {6, 8, {1, 0, 6, 5, 1, 5}, {6, 5, 2, 4, 3, 3, 4, 2, 5, 1, 13}},
      {4, 5, {0.2f, 0.2f, 0.4f, 0.2f, 0.4f, 0.4f}, {20}},
      {6, 8, {-1, -1, 3, -1, 3, 2, -1, 2}, {0, 2, 4, 2, 4, 2, 34}},
      {6, 8, {6, 4, 9, 4, 9, 8, 6, 8}, {40, 2, 4, 2}}};
  for (const Known& k : known) CHECK(rasterise({k.ring}, k.height, k.width).counts == k.counts);
}

TEST_CASE("rle: polygons as the public routines rasterise them") {
  const auto cases = test::vectors("polygon_rle").at("cases");
  REQUIRE(cases.size() == 37);
  for (const auto& c : cases) {
    const Rle rle = rasterise({c.at("polygon").get<Ring>()}, c.at("height"), c.at("width"));
    CHECK(rle.counts == c.at("counts").get<Counts>());
    CHECK(rle_to_string(rle) == c.at("string").get<std::string>());
    CHECK(rle_area(rle) == c.at("area").get<std::uint64_t>());
  }
}

TEST_CASE("rle: rings are united") {
  const Rle both = rasterise({{0, 0, 2, 0, 2, 2, 0, 2}, {1, 0, 4, 0, 4, 2, 1, 2}}, 3, 5);
  CHECK(both.counts == Counts{0, 2, 1, 2, 1, 2, 1, 2, 4});
}

TEST_CASE("rle: rings of absurd coordinates stay finite work") {
  CHECK(
      rle_area(rasterise({{-1e30f, -1e30f, 1e30f, -1e30f, 1e30f, 1e30f, -1e30f, 1e30f}}, 6, 8)) ==
      48);
}

}  // namespace
}  // namespace ocelli::data
