// Canvas: shapes and text on a picture, edges smoothed by coverage.
//
// Every shape is a polygon and is filled by one rasteriser: kRows lines through each row of pixels,
// exact coverage along the line, even-odd rule. Coordinates are pixel edges: the top-left pixel
// covers (0, 0) to (1, 1). What lies outside the picture is cut off.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <span>
#include <string_view>
#include <vector>

#include "ocelli/box/box.hpp"
#include "ocelli/core/error.hpp"
#include "ocelli/data/image.hpp"
#include "ocelli/draw/color.hpp"
#include "ocelli/draw/font.hpp"

namespace ocelli::draw {

struct Point {
  float x = 0, y = 0;  ///< pixels from the top-left corner
};

/// Draws on a picture that it does not own and that must outlive it.
class Canvas {
 public:
  explicit Canvas(data::Image& image) : image_(&image) {
    const auto size = static_cast<std::size_t>(std::max(image.height, 0)) *
                      static_cast<std::size_t>(std::max(image.width, 0)) * 3;
    if (image.height <= 0 || image.width <= 0 || image.pixels.size() != size)
      throw ShapeError(
          "the picture's pixels do not fit its size", "canvas", "give height * width * 3 bytes");
    coverage_.resize(static_cast<std::size_t>(image.width) + 1);
  }

  int height() const { return image_->height; }
  int width() const { return image_->width; }

  /// Fills a closed polygon of at least three points; it may cross itself (even-odd rule). Points
  /// that are not finite draw nothing.
  void polygon(std::span<const Point> points, Color color) {
    if (points.size() < 3) return;
    float top = points[0].y, bottom = points[0].y;
    for (const Point& point : points) {
      if (!std::isfinite(point.x) || !std::isfinite(point.y)) return;
      top = std::min(top, point.y), bottom = std::max(bottom, point.y);
    }
    const int first = std::max(0, static_cast<int>(std::floor(std::max(top, -1.0F))));
    const int last = static_cast<int>(std::ceil(std::min(bottom, static_cast<float>(height()))));
    for (int y = first; y < last; ++y) {
      std::fill(coverage_.begin(), coverage_.end(), 0.0F);
      for (int row = 0; row < kRows; ++row)
        cover_line(
            points,
            static_cast<float>(y) + (static_cast<float>(row) + 0.5F) / static_cast<float>(kRows));
      for (int x = 0; x < width(); ++x) {
        const float covered = coverage_[static_cast<std::size_t>(x)];
        if (covered > 0) blend(y, x, color, std::min(covered, 1.0F));
      }
    }
  }

  void rectangle(const PixelBox& box, Color color) {
    const std::array<Point, 4> corners = {
        {{box.xmin, box.ymin}, {box.xmax, box.ymin}, {box.xmax, box.ymax}, {box.xmin, box.ymax}}};
    polygon(corners, color);
  }

  /// The outline of a box, `thickness` pixels inwards from its edges.
  void frame(const PixelBox& box, float thickness, Color color) {
    const float t = std::min({thickness, box.height() / 2, box.width() / 2});
    if (!(t > 0)) return rectangle(box, color);
    rectangle({box.ymin, box.xmin, box.ymin + t, box.xmax}, color);
    rectangle({box.ymax - t, box.xmin, box.ymax, box.xmax}, color);
    rectangle({box.ymin + t, box.xmin, box.ymax - t, box.xmin + t}, color);
    rectangle({box.ymin + t, box.xmax - t, box.ymax - t, box.xmax}, color);
  }

  void line(Point from, Point to, float thickness, Color color) {
    const float length = std::hypot(to.x - from.x, to.y - from.y);
    if (!(length > 0)) return;
    const float dx = (to.y - from.y) / length * thickness / 2;  // across the line
    const float dy = -(to.x - from.x) / length * thickness / 2;
    const std::array<Point, 4> corners = {
        {{from.x + dx, from.y + dy},
         {to.x + dx, to.y + dy},
         {to.x - dx, to.y - dy},
         {from.x - dx, from.y - dy}}};
    polygon(corners, color);
  }

  /// @param radius_x, radius_y  half axes in pixels, before the turn
  /// @param angle               radians, clockwise as seen
  void ellipse(Point centre, float radius_x, float radius_y, float angle, Color color) {
    const float largest = std::max(radius_x, radius_y);
    if (!(radius_x > 0) || !(radius_y > 0) || !std::isfinite(largest)) return;
    // Corners so close that the chord leaves the arc by less than 1/30 pixel.
    const int corners = std::clamp(static_cast<int>(std::sqrt(largest) * 12) + 8, 12, 720);
    std::vector<Point> points;
    points.reserve(static_cast<std::size_t>(corners));
    const float cosine = std::cos(angle), sine = std::sin(angle);
    for (int i = 0; i < corners; ++i) {
      const float turn =
          2 * std::numbers::pi_v<float> * static_cast<float>(i) / static_cast<float>(corners);
      const float x = radius_x * std::cos(turn), y = radius_y * std::sin(turn);
      points.push_back({centre.x + x * cosine - y * sine, centre.y + x * sine + y * cosine});
    }
    polygon(points, color);
  }
  void circle(Point centre, float radius, Color color) {
    ellipse(centre, radius, radius, 0, color);
  }

  /// One line of text with its top-left corner at `at`; kGlyphHeight * scale pixels high.
  /// @param text  UTF-8; what is not printable ASCII becomes an empty frame
  void text(Point at, std::string_view text, int scale, Color color) {
    const int left = static_cast<int>(std::lround(at.x)), top = static_cast<int>(std::lround(at.y));
    int column = 0;
    for (char character : text) {
      const auto byte = static_cast<unsigned char>(character);
      if ((byte & 0xC0U) == 0x80U) continue;  // the rest of a character that is drawn already
      const Glyph& shape = glyph(byte);
      for (int y = 0; y < kGlyphHeight * scale; ++y)
        for (int x = 0; x < kGlyphWidth * scale; ++x)
          if (shape.at(y / scale, x / scale))
            blend(top + y, left + column * kGlyphAdvance * scale + x, color, 1);
      ++column;
    }
  }

  /// Pixels from the left of the first character to the right of the last.
  static int text_width(std::string_view text, int scale) {
    const auto characters = static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    }));
    return characters == 0 ? 0 : (characters * kGlyphAdvance - 1) * scale;
  }

 private:
  static constexpr int kRows = 4;

  /// Adds the coverage of the polygon along one horizontal line.
  void cover_line(std::span<const Point> points, float y) {
    crossings_.clear();
    for (std::size_t i = 0; i < points.size(); ++i) {
      const Point& a = points[i];
      const Point& b = points[i + 1 == points.size() ? 0 : i + 1];
      if ((a.y <= y) == (b.y <= y)) continue;
      crossings_.push_back(a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x));
    }
    std::sort(crossings_.begin(), crossings_.end());
    const auto limit = static_cast<float>(width());
    for (std::size_t i = 0; i + 1 < crossings_.size(); i += 2) {
      const float begin = std::clamp(crossings_[i], 0.0F, limit);
      const float end = std::clamp(crossings_[i + 1], 0.0F, limit);
      for (int x = static_cast<int>(begin); static_cast<float>(x) < end; ++x) {
        const auto edge = static_cast<float>(x);
        coverage_[static_cast<std::size_t>(x)] +=
            (std::min(end, edge + 1) - std::max(begin, edge)) / kRows;
      }
    }
  }

  void blend(int y, int x, Color color, float covered) {
    if (y < 0 || x < 0 || y >= height() || x >= width()) return;
    const float share = covered * color.opacity;
    std::uint8_t* pixel = image_->at(y, x);
    const std::array<std::uint8_t, 3> ink = {color.red, color.green, color.blue};
    for (std::size_t c = 0; c < 3; ++c) {
      const auto old = static_cast<float>(pixel[c]);
      pixel[c] =
          static_cast<std::uint8_t>(std::lround(old + (static_cast<float>(ink[c]) - old) * share));
    }
  }

  data::Image* image_;
  std::vector<float> coverage_;  // of one row of pixels
  std::vector<float> crossings_;
};

}  // namespace ocelli::draw
