// Colours, and one for each class.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace ocelli::draw {

struct Color {
  std::uint8_t red = 0, green = 0, blue = 0;
  float opacity = 1;  ///< [0, 1]

  friend constexpr bool operator==(const Color&, const Color&) = default;
};

/// A colour for each label, 1-based: the first twelve are chosen to differ, further ones go round
/// the colour circle by the golden angle. The report page uses the same.
inline Color class_color(int label) {
  constexpr std::array<Color, 12> chosen = {
      {{230, 80, 70},
       {50, 130, 230},
       {60, 180, 90},
       {240, 165, 40},
       {150, 90, 220},
       {30, 185, 195},
       {235, 100, 175},
       {150, 190, 40},
       {120, 140, 165},
       {170, 110, 60},
       {95, 105, 240},
       {215, 190, 60}}};
  if (label >= 1 && label <= static_cast<int>(chosen.size()))
    return chosen[static_cast<std::size_t>(label - 1)];
  const double hue = std::fmod(std::abs(label) * 137.50776405, 360.0) / 60;  // in 0 .. 6
  const auto channel = [&](double shift) {
    const double k = std::fmod(shift + hue, 6.0);
    return static_cast<std::uint8_t>(
        std::lround(225 - 150 * std::clamp(std::min(k, 4 - k), 0.0, 1.0)));
  };
  return {channel(5), channel(3), channel(1)};
}

/// Black or white, whichever is read better on a colour.
inline Color ink_on(Color ground) {
  const int light = 299 * ground.red + 587 * ground.green + 114 * ground.blue;
  return light > 150'000 ? Color{20, 20, 24} : Color{255, 255, 255};
}

}  // namespace ocelli::draw
