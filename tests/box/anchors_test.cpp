// SPDX-License-Identifier: Apache-2.0
#include "ocelli/box/anchors.hpp"

#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <string>

#include "support/vectors.hpp"

using namespace ocelli;

namespace {

constexpr std::array<MapSize, 6> kMaps = {{{19, 19}, {10, 10}, {5, 5}, {3, 3}, {2, 2}, {1, 1}}};

std::vector<MapSize> maps_of(const nlohmann::json& list) {
  std::vector<MapSize> maps;
  for (const auto& map : list) maps.push_back({map[0], map[1]});
  return maps;
}
std::array<double, 4> corners(const BoxOf<double>& b) { return {b.ymin, b.xmin, b.ymax, b.xmax}; }
void check_box(const BoxOf<double>& box, const nlohmann::json& want) {
  for (std::size_t k = 0; k < 4; ++k)  // a dozen operations on numbers up to 2
    CHECK(std::abs(corners(box)[k] - want[k].get<double>()) < 1e-14);
}

}  // namespace

TEST_CASE("anchors: as published") {
  const nlohmann::json v = test::vectors("ssd_anchors_300");
  const auto anchors = ssd_anchors<double>(maps_of(v["feature_maps"]), 300, 300);
  REQUIRE(anchors.size() == v["count"].get<std::size_t>());
  for (std::size_t i = 0; i < 10; ++i) {
    check_box(anchors[i], v["first10"][i]);
    check_box(anchors[anchors.size() - 10 + i], v["last10"][i]);
  }
  for (const auto& [index, box] : v["samples"].items()) check_box(anchors[std::stoul(index)], box);

  double checksum = 0, sums[4] = {};
  for (std::size_t a = 0; a < anchors.size(); ++a)
    for (std::size_t k = 0; k < 4; ++k) {
      const double value = corners(anchors[a])[k];
      checksum += value * (static_cast<double>(((4 * a + k) * 7919 + 13) % 1009) / 1009);
      sums[k] += value;
    }
  // Sums of 7668 numbers up to 2.
  const double tolerance = 7668 * 2 * 7668 * std::numeric_limits<double>::epsilon();
  CHECK(std::abs(checksum - v["order_checksum"].get<double>()) < tolerance);
  for (std::size_t k = 0; k < 4; ++k)
    CHECK(std::abs(sums[k] - v["sum_columns"][k].get<double>()) < tolerance);
  for (std::size_t layer = 0; layer < 6; ++layer) {
    double layer_sums[4] = {};
    for (std::size_t a = v["layer_offsets"][layer]; a < v["layer_offsets"][layer + 1]; ++a)
      for (std::size_t k = 0; k < 4; ++k) layer_sums[k] += corners(anchors[a])[k];
    for (std::size_t k = 0; k < 4; ++k)
      CHECK(std::abs(layer_sums[k] - v["per_layer_sum"][layer][k].get<double>()) < tolerance);
  }
}

TEST_CASE("anchors: as published, a picture that is not square") {
  const nlohmann::json v = test::vectors("ssd_anchors_300")["nonsquare_300x600"];
  const auto anchors = ssd_anchors<double>(maps_of(v["feature_maps"]), 300, 600);
  REQUIRE(anchors.size() == v["count"].get<std::size_t>());
  double sums[4] = {};
  for (const auto& anchor : anchors)
    for (std::size_t k = 0; k < 4; ++k) sums[k] += corners(anchor)[k];
  for (std::size_t k = 0; k < 4; ++k)
    CHECK(sums[k] == doctest::Approx(v["sum_columns"][k].get<double>()).epsilon(1e-12));
  for (std::size_t i = 0; i < 4; ++i) {
    check_box(anchors[i], v["first4"][i]);
    check_box(anchors[anchors.size() - 4 + i], v["last4"][i]);
  }
}

TEST_CASE("anchors: the count is known to the compiler") {
  constexpr SsdAnchorOptions options;
  static_assert(options.count(kMaps) == 1917);
  static_assert(options.boxes_per_place(0) == 3 && options.boxes_per_place(1) == 6);
  SsdAnchorOptions plain;
  plain.reduce_boxes_in_lowest_layer = false;
  plain.interpolated_ratio = 0;
  CHECK(plain.boxes_per_place(0) == 5);
  CHECK(ssd_anchors(kMaps, 300, 300, plain).size() == static_cast<std::size_t>(plain.count(kMaps)));
}

TEST_CASE("anchors: one map, and scales of one's own") {
  const std::array<MapSize, 1> one = {{{1, 1}}};
  SsdAnchorOptions options;
  options.num_layers = 1;
  options.reduce_boxes_in_lowest_layer = false;
  options.aspect_ratio_count = 1;
  auto anchors = ssd_anchors<double>(one, 100, 100, options);
  REQUIRE(anchors.size() == 2);
  CHECK(anchors[0].height() == doctest::Approx(0.2));
  CHECK(anchors[1].height() == doctest::Approx(std::sqrt(0.2 * 1.0)));
  options.scales = {0.05, 0.2};
  options.scale_count = 2;
  anchors = ssd_anchors<double>(one, 100, 100, options);
  CHECK(anchors[0].height() == doctest::Approx(0.05));
  CHECK(anchors[1].height() == doctest::Approx(std::sqrt(0.05 * 0.2)));
  options.scale_count = 1;  // the scale after the last is 1
  CHECK(ssd_anchors<double>(one, 100, 100, options)[1].width() == doctest::Approx(std::sqrt(0.05)));
}

TEST_CASE("anchors: errors name the option") {
  const auto message = [](auto change) {
    SsdAnchorOptions options;
    change(options);
    try {
      ssd_anchors(kMaps, 300, 300, options);
    } catch (const ConfigError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  CHECK(
      message([](auto& o) { o.num_layers = 5; }) ==
      "anchor_generator_num_layers: ssd anchors: the net has 6 feature maps, not 5; set it to the "
      "number of feature maps");
  CHECK(message([](auto& o) { o.min_scale = 0; }).find("anchor_generator_min_scale") == 0);
  CHECK(message([](auto& o) { o.max_scale = 0.1; }).find("anchor_generator_max_scale") == 0);
  CHECK(message([](auto& o) { o.scale_count = 3; }).find("scale_count") == 0);
  CHECK(message([](auto& o) { o.aspect_ratios[1] = -1; }).find("aspect_ratios") == 0);
  CHECK_THROWS_AS(ssd_anchors(kMaps, 0, 300), ConfigError);
}
