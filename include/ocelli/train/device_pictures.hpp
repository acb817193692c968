// Device pictures: whether a backend can draw the batches of a training by itself, and the training
// pictures for it. The backend's types are known by their members alone; see
// ocelli/cuda/pictures.hpp.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <type_traits>
#include <variant>
#include <vector>

#include "ocelli/data/augment.hpp"
#include "ocelli/data/cache.hpp"
#include "ocelli/data/loader.hpp"
#include "ocelli/data/sample.hpp"
#include "ocelli/data/targets.hpp"

namespace ocelli::train {

namespace detail {

/// Puts a transform into a device's rule.
/// @return its place in the device's order, or -1: the device does not know it
template <class Rule, class Transform>
int add_to_rule(Rule& rule, const Transform& t) {
  const auto number = [](double v) { return static_cast<float>(v); };
  const float p = number(t.p);
  if constexpr (std::is_same_v<Transform, data::Expand>) {
    rule.expand = {1, p};
    rule.max_ratio = number(t.max_ratio);
    rule.fill = number(t.fill);
    return 0;
  } else if constexpr (std::is_same_v<Transform, data::HorizontalFlip>) {
    rule.flip_x = {1, p};
    return 1;
  } else if constexpr (std::is_same_v<Transform, data::VerticalFlip>) {
    rule.flip_y = {1, p};
    return 2;
  } else if constexpr (std::is_same_v<Transform, data::SsdRandomCrop>) {
    rule.crop = {1, p};
    rule.keep = number(t.keep);
    rule.min_area = number(t.min_area);
    rule.max_area = number(t.max_area);
    rule.min_aspect = number(t.min_aspect);
    rule.max_aspect = number(t.max_aspect);
    return 3;
  } else if constexpr (std::is_same_v<Transform, data::Resize>) {
    rule.resize = {1, p};
    return 4;
  } else if constexpr (std::is_same_v<Transform, data::RandomAdjustBrightness>) {
    rule.brightness = {1, p};
    rule.max_shift = number(t.max_delta);
    return 5;
  } else if constexpr (std::is_same_v<Transform, data::RandomAdjustContrast>) {
    rule.contrast = {1, p};
    rule.min_contrast = number(t.min_delta);
    rule.max_contrast = number(t.max_delta);
    return 6;
  } else if constexpr (std::is_same_v<Transform, data::RandomAdjustHue>) {
    rule.hue = {1, p};
    rule.max_turn = number(t.max_delta);
    return 7;
  } else if constexpr (std::is_same_v<Transform, data::RandomAdjustSaturation>) {
    rule.saturation = {1, p};
    rule.min_saturation = number(t.min_delta);
    rule.max_saturation = number(t.max_delta);
    return 8;
  } else {
    return -1;
  }
}

}  // namespace detail

/// Says what the loader does in a device's words.
/// @param rule  without any step; filled in
/// @return empty, or why a device cannot do it
template <class Rule>
std::string describe(const data::LoaderOptions& options, Rule& rule) {
  if (options.resampling != data::Resampling::bilinear)
    return "the resampling is by area, a device's is bilinear";
  if (options.targets != data::TargetKind::boxes)
    return "the targets are classes of whole pictures, a device's are boxes";
  constexpr int kResize = 4;
  int before = -1;
  bool resized = false;
  std::string before_name;
  for (const data::Transform& any : options.augmentation.transforms()) {
    const auto [place, name, p] = std::visit(
        [&](const auto& t) {
          return std::tuple<int, std::string, double>(detail::add_to_rule(rule, t), t.name, t.p);
        },
        any);
    if (place < 0) return "a device has no " + name;
    if (place <= before)
      return name + " comes after " + before_name +
             "; a device's order is expand, horizontal_flip, vertical_flip, ssd_random_crop, "
             "resize, then brightness, contrast, hue and saturation, each once";
    if (place == kResize) resized = p >= 1;
    if (place > kResize && !resized)
      return name + " comes before the resize to the net's input, a device's after it";
    before = place;
    before_name = name;
  }
  return {};
}

/// Bytes of pixels that training takes part of, as the cache gives them.
inline std::size_t picture_bytes(const data::Targets& targets, const data::ImageCache& cache) {
  std::size_t bytes = 0;
  data::Image decoded;
  for (const data::TrainingPicture& picture : targets.pictures) {
    const auto pixels = cache.get(picture.picture, decoded);
    bytes += static_cast<std::size_t>(pixels.height) * static_cast<std::size_t>(pixels.width) * 3;
  }
  return bytes;
}

/// Puts all training pictures into a device's store, with their boxes in the store's pixels.
template <class Pictures>
void fill(Pictures& store, const data::Targets& targets, const data::ImageCache& cache) {
  data::Image decoded;
  data::Sample whole;
  std::vector<PixelBox> boxes;
  std::vector<std::int32_t> labels;
  for (const data::TrainingPicture& picture : targets.pictures) {
    const auto pixels = cache.get(picture.picture, decoded);
    const float y = static_cast<float>(pixels.height) / static_cast<float>(picture.height);
    const float x = static_cast<float>(pixels.width) / static_cast<float>(picture.width);
    boxes.clear();
    labels.clear();
    for (const data::Object& object : picture.objects) {
      const PixelBox& box = object.box;
      boxes.push_back({box.ymin * y, box.xmin * x, box.ymax * y, box.xmax * x});
      labels.push_back(object.label);
    }
    whole.begin(pixels, 1, 1);
    const std::array<float, 3> mean = whole.mean();
    const std::size_t size =
        static_cast<std::size_t>(pixels.height) * static_cast<std::size_t>(pixels.width) * 3;
    store.add(pixels.height, pixels.width, {pixels.data, size}, boxes, labels, mean);
  }
  store.finish();
}

}  // namespace ocelli::train
