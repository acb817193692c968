// Raster: drawing with smooth edges. A shape is its signed distance in pixels (below 0 inside); a
// pixel is covered by 0.5 minus the distance of its centre, cut to 0 .. 1.
//
// Distances after Quilez, "2D distance functions".
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "ocelli/box/box.hpp"
#include "ocelli/core/random.hpp"
#include "ocelli/data/image.hpp"

namespace ocelli::data {

struct Point {
  float x = 0, y = 0;  ///< pixel edges: the centre of the first pixel is (0.5, 0.5)
};

/// RGB, 0 .. 255.
using Colour = std::array<float, 3>;

/// (1 - t) * a + t * b.
inline Colour mixed(const Colour& a, const Colour& b, float t) {
  return {a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1]), a[2] + t * (b[2] - a[2])};
}

/// @param hue  in turns, any number  @param saturation, value  0 .. 1
inline Colour colour_of(float hue, float saturation, float value) {
  const auto channel = [&](float n) {
    float k = std::fmod(n + hue * 6, 6.0f);
    if (k < 0) k += 6;
    return 255 * value * (1 - saturation * std::clamp(std::min(k, 4 - k), 0.0f, 1.0f));
  };
  return {channel(5), channel(3), channel(1)};
}

/// 0 at and below low, 1 at and above high, smooth between.
inline float smooth_step(float low, float high, float v) {
  const float t = std::clamp((v - low) / (high - low), 0.0f, 1.0f);
  return t * t * (3 - 2 * t);
}

inline float length_of(float x, float y) { return std::sqrt(x * x + y * y); }

inline float distance_to_disc(Point at, Point centre, float radius) {
  return length_of(at.x - centre.x, at.y - centre.y) - radius;
}

/// A line from a to b with round ends.
inline float distance_to_line(Point at, Point a, Point b, float half_width) {
  const float x = b.x - a.x, y = b.y - a.y, px = at.x - a.x, py = at.y - a.y;
  const float t = std::clamp((px * x + py * y) / (x * x + y * y), 0.0f, 1.0f);
  return length_of(px - t * x, py - t * y) - half_width;
}

/// The inside of a closed outline that does not cross itself, grown by `rounding` all around.
inline float distance_to_polygon(Point at, const std::vector<Point>& corners, float rounding) {
  float nearest = 1e18f, sign = 1;
  for (std::size_t i = 0, j = corners.size() - 1; i < corners.size(); j = i++) {
    const Point a = corners[i], b = corners[j];
    const float x = b.x - a.x, y = b.y - a.y, px = at.x - a.x, py = at.y - a.y;
    const float t = std::clamp((px * x + py * y) / (x * x + y * y), 0.0f, 1.0f);
    const float dx = px - t * x, dy = py - t * y;
    nearest = std::min(nearest, dx * dx + dy * dy);
    // An upward or downward crossing of the ray to the right turns inside out.
    const bool below = at.y >= a.y, above = at.y<b.y, left = x * py> y * px;
    if ((below && above && left) || (!below && !above && !left)) sign = -sign;
  }
  return sign * std::sqrt(nearest) - rounding;
}

/// The tight box of a rounded polygon.
inline PixelBox box_of(const std::vector<Point>& corners, float rounding) {
  PixelBox box{1e18f, 1e18f, -1e18f, -1e18f};
  for (const Point& p : corners) {
    box.ymin = std::min(box.ymin, p.y - rounding), box.ymax = std::max(box.ymax, p.y + rounding);
    box.xmin = std::min(box.xmin, p.x - rounding), box.xmax = std::max(box.xmax, p.x + rounding);
  }
  return box;
}

/// A picture in floats, to be drawn on.
class Canvas {
 public:
  Canvas(int height, int width)
      : height_(height),
        width_(width),
        values_(static_cast<std::size_t>(height) * static_cast<std::size_t>(width)) {}

  int height() const { return height_; }
  int width() const { return width_; }

  /// Sets every pixel to colour(centre).
  template <class Paint>
  void fill(Paint&& colour) {
    for (int i = 0; i < height_; ++i) {
      for (int j = 0; j < width_; ++j) pixel(i, j) = colour(centre(i, j));
    }
  }

  /// Lays colour(centre, distance) over every pixel inside a shape.
  /// @param area      where the shape can be
  /// @param distance  signed, of a point, in pixels
  /// @param opacity   of a point's distance, 0 .. 1; edge() for a clean edge
  template <class Distance, class Opacity, class Paint>
  void draw(const PixelBox& area, Distance&& distance, Opacity&& opacity, Paint&& colour) {
    const int top = std::max(0, static_cast<int>(std::floor(area.ymin)) - 1);
    const int left = std::max(0, static_cast<int>(std::floor(area.xmin)) - 1);
    const int bottom = std::min(height_, static_cast<int>(std::ceil(area.ymax)) + 1);
    const int right = std::min(width_, static_cast<int>(std::ceil(area.xmax)) + 1);
    for (int i = top; i < bottom; ++i) {
      for (int j = left; j < right; ++j) {
        const Point at = centre(i, j);
        const float d = distance(at);
        const float share = opacity(d);
        if (share > 0) pixel(i, j) = mixed(pixel(i, j), colour(at, d), share);
      }
    }
  }

  /// How much of a pixel a shape covers whose edge is `distance` away from its centre.
  static float edge(float distance) { return std::clamp(0.5f - distance, 0.0f, 1.0f); }

  /// Rounded to 8 bits.
  Image image() const {
    Image result = make_image(height_, width_);
    std::uint8_t* out = result.pixels.data();
    for (const Colour& colour : values_) {
      for (const float v : colour) {
        *out++ = static_cast<std::uint8_t>(std::clamp(v, 0.0f, 255.0f) + 0.5f);
      }
    }
    return result;
  }

 private:
  static Point centre(int i, int j) {
    return {static_cast<float>(j) + 0.5f, static_cast<float>(i) + 0.5f};
  }
  Colour& pixel(int i, int j) {
    return values_
        [static_cast<std::size_t>(i) * static_cast<std::size_t>(width_) +
         static_cast<std::size_t>(j)];
  }

  int height_, width_;
  std::vector<Colour> values_;
};

/// Smooth random ground: random values on a square grid of `cell` pixels, smoothly joined.
class ValueNoise {
 public:
  ValueNoise(int height, int width, float cell, Random& random)
      : cell_(cell), columns_(static_cast<std::size_t>(static_cast<float>(width) / cell) + 2) {
    const std::size_t rows = static_cast<std::size_t>(static_cast<float>(height) / cell) + 2;
    values_.resize(rows * columns_);
    for (float& v : values_) v = random.uniform(-1, 1);
  }
  /// -1 .. 1, of a point inside the picture.
  float operator()(Point at) const {
    const float x = at.x / cell_, y = at.y / cell_;
    const auto j = static_cast<std::size_t>(x), i = static_cast<std::size_t>(y);
    const float fx = smooth_step(0, 1, x - static_cast<float>(j));
    const float fy = smooth_step(0, 1, y - static_cast<float>(i));
    const float* v = values_.data() + i * columns_ + j;
    const float upper = v[0] + fx * (v[1] - v[0]);
    const float lower = v[columns_] + fx * (v[columns_ + 1] - v[columns_]);
    return upper + fy * (lower - upper);
  }

 private:
  float cell_;
  std::size_t columns_;
  std::vector<float> values_;
};

}  // namespace ocelli::data
