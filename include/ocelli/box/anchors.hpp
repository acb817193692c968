// Anchors of SSD: boxes of a few shapes around the middle of every place of every feature map.
//
//   scale of map i     s_i = min + (max - min) i / (L - 1),  s_L = 1
//   map 0, reduced     (0.1, 1) (s_0, 2) (s_0, 1/2)                             as (scale, ratio)
//   map i              (s_i, r) for each aspect ratio r, then (sqrt(s_i s_{i+1}), interpolated
//   ratio) place (y, x)       centre ((y + 0.5) / fh, (x + 0.5) / fw) size               h = s /
//   sqrt(r) * m / H,  w = s * sqrt(r) * m / W,  m = min(H, W)
//
// Order: map, y, x, box. Anchors are not clipped: many reach outside the picture.
// Liu et al., "SSD", arXiv:1512.02325, section 2.2; ratio = width / height.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "ocelli/box/box.hpp"
#include "ocelli/core/error.hpp"

namespace ocelli {

/// Extents of a feature map.
struct MapSize {
  int height = 0, width = 0;
  friend constexpr bool operator==(const MapSize&, const MapSize&) = default;
};

struct SsdAnchorOptions {
  static constexpr int kMaxRatios = 8, kMaxLayers = 12;

  int num_layers = 6;       ///< L: number of feature maps
  double min_scale = 0.2;   ///< s_0, as a part of the picture's shorter side
  double max_scale = 0.95;  ///< s_{L-1}
  std::array<double, kMaxRatios> aspect_ratios = {1.0, 2.0, 0.5, 3.0, 0.3333};
  int aspect_ratio_count = 5;
  double interpolated_ratio = 1.0;             ///< of the extra box between two scales; <= 0: none
  bool reduce_boxes_in_lowest_layer = true;    ///< three boxes a place on map 0
  double reduced_scale = 0.1;                  ///< of map 0's first box, when reduced
  double base_height = 1.0, base_width = 1.0;  ///< multiply all heights, all widths
  /// Scales of your own, for objects smaller (or larger) than the formula's: either L of them (then
  /// s_L is 1) or L + 1, each above 0. scale_count 0 takes the formula.
  std::array<double, kMaxLayers + 1> scales = {};
  int scale_count = 0;

  /// Anchors at each place of map `layer`.
  constexpr int boxes_per_place(int layer) const {
    if (layer == 0 && reduce_boxes_in_lowest_layer) return 3;
    return aspect_ratio_count + (interpolated_ratio > 0 ? 1 : 0);
  }
  /// s_layer; layer in 0 .. L.
  constexpr double scale(int layer) const {
    if (scale_count > 0) return layer < scale_count ? scales[static_cast<std::size_t>(layer)] : 1.0;
    if (layer >= num_layers) return 1.0;
    if (num_layers == 1) return min_scale;
    return min_scale + (max_scale - min_scale) * layer / (num_layers - 1);
  }
  /// Anchors on all maps; maps.size() must be num_layers.
  constexpr long count(std::span<const MapSize> maps) const {
    long sum = 0;
    for (std::size_t i = 0; i < maps.size(); ++i)
      sum += long(maps[i].height) * maps[i].width * boxes_per_place(static_cast<int>(i));
    return sum;
  }

  /// Throws ConfigError naming the first option that is out of range.
  void check() const {
    const auto refuse = [](const char* option, double value, const char* advice) {
      throw ConfigError("ssd anchors: the value is " + std::to_string(value), option, advice);
    };
    if (num_layers < 1 || num_layers > kMaxLayers)
      refuse("anchor_generator_num_layers", num_layers, "give 1 to 12, the number of feature maps");
    if (!(min_scale > 0) || !(min_scale <= 1))
      refuse("anchor_generator_min_scale", min_scale, "give a number above 0 and at most 1");
    if (!(max_scale >= min_scale) || !(max_scale <= 1))
      refuse("anchor_generator_max_scale", max_scale, "give a number from min_scale to 1");
    if (aspect_ratio_count < 1 || aspect_ratio_count > kMaxRatios)
      refuse("aspect_ratio_count", aspect_ratio_count, "give 1 to 8 ratios");
    for (int i = 0; i < aspect_ratio_count; ++i)
      if (const double ratio = aspect_ratios[static_cast<std::size_t>(i)];
          !(ratio > 0) || !std::isfinite(ratio))
        refuse("aspect_ratios", ratio, "give width / height, above 0");
    if (!std::isfinite(interpolated_ratio))
      refuse("interpolated_ratio", interpolated_ratio, "give a number; 0 leaves the box out");
    if (!(reduced_scale > 0) || !std::isfinite(reduced_scale))
      refuse("reduced_scale", reduced_scale, "give a number above 0");
    if (!(base_height > 0) || !std::isfinite(base_height))
      refuse("base_height", base_height, "give a number above 0");
    if (!(base_width > 0) || !std::isfinite(base_width))
      refuse("base_width", base_width, "give a number above 0");
    if (scale_count != 0 && scale_count != num_layers && scale_count != num_layers + 1)
      refuse("scale_count", scale_count, "give one scale a map, or one more, or none");
    for (int i = 0; i < scale_count; ++i)
      if (const double s = scales[static_cast<std::size_t>(i)]; !(s > 0) || !std::isfinite(s))
        refuse("scales", s, "give a part of the picture's shorter side, above 0");
  }
};

/// The anchors of one place of a map, by size.
struct SsdAnchorShapes {
  double height[SsdAnchorOptions::kMaxRatios + 1] = {};  ///< parts of the picture's height
  double width[SsdAnchorOptions::kMaxRatios + 1] = {};
  int count = 0;
};

/// Size of a square anchor of scale 1, as parts of the picture.
struct SsdAnchorUnit {
  double height, width;
};

inline SsdAnchorUnit ssd_anchor_unit(
    int image_height, int image_width, const SsdAnchorOptions& options) {
  const double shorter = image_height < image_width ? image_height : image_width;
  return {options.base_height * shorter / image_height, options.base_width * shorter / image_width};
}

/// The shapes of map `layer`.
inline SsdAnchorShapes ssd_anchor_shapes(
    const SsdAnchorOptions& options, int layer, const SsdAnchorUnit& unit) {
  SsdAnchorShapes shapes;
  const auto shape = [&](double scale, double ratio) {
    const double root = std::sqrt(ratio);
    shapes.height[shapes.count] = scale / root * unit.height;
    shapes.width[shapes.count++] = scale * root * unit.width;
  };
  const double scale = options.scale(layer);
  if (layer == 0 && options.reduce_boxes_in_lowest_layer) {
    shape(options.reduced_scale, 1.0);
    shape(scale, 2.0);
    shape(scale, 0.5);
  } else {
    for (int r = 0; r < options.aspect_ratio_count; ++r)
      shape(scale, options.aspect_ratios[static_cast<std::size_t>(r)]);
    if (options.interpolated_ratio > 0)
      shape(std::sqrt(scale * options.scale(layer + 1)), options.interpolated_ratio);
  }
  return shapes;
}

/// Throws ConfigError for options out of range, a number of maps other than num_layers, an empty
/// map or picture.
inline void check_ssd_anchors(
    std::span<const MapSize> maps, int image_height, int image_width,
    const SsdAnchorOptions& options) {
  options.check();
  if (static_cast<int>(maps.size()) != options.num_layers)
    throw ConfigError(
        "ssd anchors: the net has " + std::to_string(maps.size()) + " feature maps, not " +
            std::to_string(options.num_layers),
        "anchor_generator_num_layers", "set it to the number of feature maps");
  if (image_height < 1 || image_width < 1)
    throw ConfigError(
        "ssd anchors: the picture is " + std::to_string(image_height) + " x " +
            std::to_string(image_width),
        "image_height, image_width", "give the net's input size in pixels");
  for (std::size_t layer = 0; layer < maps.size(); ++layer)
    if (maps[layer].height < 1 || maps[layer].width < 1)
      throw ConfigError(
          "ssd anchors: feature map " + std::to_string(layer) + " is empty", "",
          "use a larger input");
}

/// All anchors for a picture of image_height x image_width pixels, computed in double.
/// Throws ConfigError for options out of range or a number of maps other than num_layers.
template <class T = float>
std::vector<BoxOf<T>> ssd_anchors(
    std::span<const MapSize> maps, int image_height, int image_width,
    const SsdAnchorOptions& options = {}) {
  check_ssd_anchors(maps, image_height, image_width, options);
  const SsdAnchorUnit unit = ssd_anchor_unit(image_height, image_width, options);

  std::vector<BoxOf<T>> anchors;
  anchors.reserve(static_cast<std::size_t>(options.count(maps)));
  for (int layer = 0; layer < options.num_layers; ++layer) {
    const SsdAnchorShapes shapes = ssd_anchor_shapes(options, layer, unit);
    const MapSize map = maps[static_cast<std::size_t>(layer)];
    for (int y = 0; y < map.height; ++y)
      for (int x = 0; x < map.width; ++x) {
        const double cy = (y + 0.5) / map.height, cx = (x + 0.5) / map.width;
        for (int b = 0; b < shapes.count; ++b) {
          const double h = shapes.height[b], w = shapes.width[b];
          anchors.push_back(
              {static_cast<T>(cy - 0.5 * h), static_cast<T>(cx - 0.5 * w),
               static_cast<T>(cy + 0.5 * h), static_cast<T>(cx + 0.5 * w)});
        }
      }
  }
  return anchors;
}

}  // namespace ocelli
