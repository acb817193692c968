// Geometry: transforms that move pixels, and boxes and polygons with them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>

#include "ocelli/core/random.hpp"
#include "ocelli/data/sample.hpp"

namespace ocelli::data {

/// A number of a transform that a configuration may set, with its range.
template <class T>
struct Parameter {
  const char* name;
  double T::*member;
  double low, high;
};

// Every transform has: its name, its defaults as members (p: the probability that it happens), the
// list of its parameters, and apply(), which draws what it needs.

/// Mirrors left and right: x -> width - x.
struct HorizontalFlip {
  double p = 0.5;

  static constexpr const char* name = "horizontal_flip";
  static constexpr auto parameters() {
    return std::array{Parameter<HorizontalFlip>{"p", &HorizontalFlip::p, 0, 1}};
  }
  void apply(Sample& sample, Random&) const { sample.flip_x(); }
};

/// Mirrors top and bottom: y -> height - y.
struct VerticalFlip {
  double p = 0.5;

  static constexpr const char* name = "vertical_flip";
  static constexpr auto parameters() {
    return std::array{Parameter<VerticalFlip>{"p", &VerticalFlip::p, 0, 1}};
  }
  void apply(Sample& sample, Random&) const { sample.flip_y(); }
};

/// 0, 1, 2 or 3 quarter turns, each as likely.
struct RandomRotate90 {
  double p = 0.5;

  static constexpr const char* name = "random_rotate90";
  static constexpr auto parameters() {
    return std::array{Parameter<RandomRotate90>{"p", &RandomRotate90::p, 0, 1}};
  }
  void apply(Sample& sample, Random& random) const {
    const std::uint32_t turns = random.below(4);
    if (turns == 2) {  // half a turn is two mirrorings, which cost nothing
      sample.flip_x();
      sample.flip_y();
      return;
    }
    for (std::uint32_t turn = 0; turn < turns; ++turn) sample.turn();
  }
};

/// Zooms out: lays the picture somewhere on a plain canvas whose sides are up to max_ratio times as
/// long, for small objects' sake. Liu et al., "SSD", arXiv:1512.02325, section 3.6.
struct Expand {
  double p = 0.5;
  double max_ratio = 4;
  double fill = -1;  ///< grey value 0 .. 255 of the canvas; below 0: the picture's mean colour

  static constexpr const char* name = "expand";
  static constexpr auto parameters() {
    return std::array{
        Parameter<Expand>{"p", &Expand::p, 0, 1},
        Parameter<Expand>{"max_ratio", &Expand::max_ratio, 1, 16},
        Parameter<Expand>{"fill", &Expand::fill, -1, 255}};
  }
  void apply(Sample& sample, Random& random) const {
    const float ratio = random.uniform(1.0f, static_cast<float>(max_ratio));
    const int h = static_cast<int>(static_cast<float>(sample.height()) * ratio);
    const int w = static_cast<int>(static_cast<float>(sample.width()) * ratio);
    const auto room = [](int canvas, int picture) {
      return static_cast<std::uint32_t>(canvas - picture + 1);
    };
    const int top = static_cast<int>(random.below(room(h, sample.height())));
    const int left = static_cast<int>(random.below(room(w, sample.width())));
    const auto grey = static_cast<float>(fill);
    sample.set_fill(fill < 0 ? sample.mean() : std::array{grey, grey, grey});
    sample.crop(-top, -left, h, w);
  }
};

/// Resizes to the net's size at this place of the list: what follows works on fewer pixels.
struct Resize {
  double p = 1;

  static constexpr const char* name = "resize";
  static constexpr auto parameters() {
    return std::array{Parameter<Resize>{"p", &Resize::p, 0, 1}};
  }
  void apply(Sample& sample, Random&) const { sample.resize_to_target(); }
};

}  // namespace ocelli::data
