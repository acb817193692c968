// Random crops: ssd_random_crop keeps a part of the picture that holds enough of at least one
// object; random_resized_crop, for whole-picture labels, any part of a size and shape.
//
// ssd_random_crop: one of seven minimum overlaps is chosen, then a rectangle as TensorFlow's
// sample_distorted_bounding_box draws it: random aspect ratio, then random height between the two
// area limits, then random place; up to 100 tries.
//
// Liu et al., "SSD", arXiv:1512.02325, section 2.2; TensorFlow Object Detection API,
// ssd_random_crop. Szegedy et al., "Going Deeper with Convolutions", arXiv:1409.4842, section 6.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <span>

#include "ocelli/core/random.hpp"
#include "ocelli/data/geometry.hpp"
#include "ocelli/data/sample.hpp"

namespace ocelli::data {

/// What sample_distorted_crop looks for.
struct CropLimits {
  float min_object_covered = 0.1f;          ///< share of at least one box, 0 .. 1
  float min_aspect = 0.5f, max_aspect = 2;  ///< width / height, in pixels
  float min_area = 0.1f, max_area = 1;      ///< share of the picture
  int attempts = 100;
};

struct CropRectangle {
  int top = 0, left = 0, height = 0, width = 0;
};

namespace detail {

/// One attempt at a rectangle; none when rounding leaves the limits. Rounds half to even.
inline std::optional<CropRectangle> draw_rectangle(
    int height, int width, const CropLimits& limits, Random& random) {
  const float aspect =
      limits.min_aspect + random.uniform() * (limits.max_aspect - limits.min_aspect);
  const auto whole = static_cast<float>(height) * static_cast<float>(width);
  const float min_area = limits.min_area * whole, max_area = limits.max_area * whole;
  const auto round = [](float x) { return static_cast<int>(std::lrint(x)); };
  const auto width_of = [&](int h) { return round(static_cast<float>(h) * aspect); };

  int h = round(std::sqrt(min_area / aspect));
  int max_h = round(std::sqrt(max_area / aspect));
  if (width_of(max_h) > width) {
    constexpr float below_half = 0.5f - 1e-7f;
    max_h = static_cast<int>((static_cast<float>(width) + below_half) / aspect);
  }
  max_h = std::min(max_h, height);
  h = std::min(h, max_h);
  if (h < max_h) h += static_cast<int>(random.below(static_cast<std::uint32_t>(max_h - h + 1)));

  int w = width_of(h);
  const auto area = [&] { return static_cast<float>(w) * static_cast<float>(h); };
  if (area() < min_area) w = width_of(++h);
  if (area() > max_area) w = width_of(--h);
  if (area() < min_area || area() > max_area || w > width || h > height || w <= 0 || h <= 0) {
    return std::nullopt;
  }
  CropRectangle crop{0, 0, h, w};
  if (h < height) crop.top = static_cast<int>(random.below(static_cast<std::uint32_t>(height - h)));
  if (w < width) crop.left = static_cast<int>(random.below(static_cast<std::uint32_t>(width - w)));
  return crop;
}

/// True when one box at least, cut to whole pixels, has the wanted share inside the crop.
inline bool covers_enough(
    const CropRectangle& crop, std::span<const Object> objects, int height, int width,
    float share) {
  const auto covered = [&](int top, int left, int bottom, int right) {
    top = std::clamp(top, 0, height), bottom = std::clamp(bottom, 0, height);
    left = std::clamp(left, 0, width), right = std::clamp(right, 0, width);
    const auto area = static_cast<float>(bottom - top) * static_cast<float>(right - left);
    if (bottom <= top || right <= left || area < 1) return false;
    const int y = std::min(bottom, crop.top + crop.height) - std::max(top, crop.top);
    const int x = std::min(right, crop.left + crop.width) - std::max(left, crop.left);
    const float common = y > 0 && x > 0 ? static_cast<float>(y) * static_cast<float>(x) : 0.0f;
    return common / area >= share;
  };
  bool any = false;
  for (const Object& object : objects) {
    if (object.crowd) continue;
    any = true;
    const PixelBox& box = object.box;
    if (covered(
            static_cast<int>(box.ymin), static_cast<int>(box.xmin), static_cast<int>(box.ymax),
            static_cast<int>(box.xmax))) {
      return true;
    }
  }
  return !any && covered(0, 0, height, width);  // no objects: the picture itself is one
}

}  // namespace detail

/// A rectangle of whole pixels within the limits; the whole picture when every attempt fails.
inline CropRectangle sample_distorted_crop(
    int height, int width, std::span<const Object> objects, const CropLimits& limits,
    Random& random) {
  for (int attempt = 0; attempt < limits.attempts; ++attempt) {
    const auto crop = detail::draw_rectangle(height, width, limits, random);
    if (crop && detail::covers_enough(*crop, objects, height, width, limits.min_object_covered)) {
      return *crop;
    }
  }
  return {0, 0, height, width};
}

/// Crops so that at least one box has the chosen share inside; then keeps the boxes that have that
/// share inside, cut at the edges. A crop may leave no boxes. Crowd regions count for nothing and
/// stay as long as any part of them does.
struct SsdRandomCrop {
  double p = 1;
  double keep = 0.15;  ///< probability that the picture stays whole
  double min_area = 0.1, max_area = 1;
  double min_aspect = 0.5, max_aspect = 2;

  static constexpr const char* name = "ssd_random_crop";
  static constexpr auto parameters() {
    using Crop = SsdRandomCrop;
    return std::array{
        Parameter<Crop>{"p", &Crop::p, 0, 1},
        Parameter<Crop>{"keep", &Crop::keep, 0, 1},
        Parameter<Crop>{"min_area", &Crop::min_area, 0.0001, 1},
        Parameter<Crop>{"max_area", &Crop::max_area, 0.0001, 1},
        Parameter<Crop>{"min_aspect", &Crop::min_aspect, 0.01, 100},
        Parameter<Crop>{"max_aspect", &Crop::max_aspect, 0.01, 100}};
  }
  /// The seven cases: both the share that one box must have inside, and the share below which a
  /// box is dropped.
  static constexpr std::array<float, 7> kOverlaps = {0.0f, 0.1f, 0.3f, 0.5f, 0.7f, 0.9f, 1.0f};

  void apply(Sample& sample, Random& random) const {
    const float overlap = kOverlaps[random.below(7)];
    if (random.chance(static_cast<float>(keep))) return;
    const CropLimits limits{
        overlap, static_cast<float>(min_aspect), static_cast<float>(max_aspect),
        static_cast<float>(min_area), static_cast<float>(max_area)};
    const CropRectangle crop =
        sample_distorted_crop(sample.height(), sample.width(), sample.objects, limits, random);
    sample.crop(crop.top, crop.left, crop.height, crop.width);
    sample.clip_objects(
        [overlap](const Object& object, float part) { return object.crowd || part >= overlap; });
  }
};

/// Keeps a part of the picture by area and aspect alone, which is then resized to the net's input:
/// what classifiers are trained with. The defaults cut away less than the usual 0.08 .. 1, after
/// which a small net with few pictures has often lost what the label is about. A picture too long
/// for any such part stays whole. Objects are cut at the edges, or dropped with nothing inside.
struct RandomResizedCrop {
  double p = 1;
  double min_area = 0.35, max_area = 1;
  double min_aspect = 0.75, max_aspect = 1.3333;

  static constexpr const char* name = "random_resized_crop";
  static constexpr auto parameters() {
    using Crop = RandomResizedCrop;
    return std::array{
        Parameter<Crop>{"p", &Crop::p, 0, 1},
        Parameter<Crop>{"min_area", &Crop::min_area, 0.0001, 1},
        Parameter<Crop>{"max_area", &Crop::max_area, 0.0001, 1},
        Parameter<Crop>{"min_aspect", &Crop::min_aspect, 0.01, 100},
        Parameter<Crop>{"max_aspect", &Crop::max_aspect, 0.01, 100}};
  }
  void apply(Sample& sample, Random& random) const {
    const CropLimits limits{
        0, static_cast<float>(min_aspect), static_cast<float>(max_aspect),
        static_cast<float>(min_area), static_cast<float>(max_area)};
    const CropRectangle crop =
        sample_distorted_crop(sample.height(), sample.width(), {}, limits, random);
    sample.crop(crop.top, crop.left, crop.height, crop.width);
    sample.clip_objects([](const Object&, float) { return true; });
  }
};

}  // namespace ocelli::data
