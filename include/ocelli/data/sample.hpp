// Sample: one picture on its way into a batch, with its objects. Crops and mirrorings only move a
// window over the source's pixels; they are carried out by the one pass that resizes. Transforms
// that change pixel values first render the window into memory of the sample's own.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include "ocelli/data/dataset.hpp"
#include "ocelli/data/resize.hpp"

namespace ocelli::data {

/// A picture in flight. Boxes and polygons are in pixel edges of the picture as it is now, height()
/// x width(), and every member function keeps them on their pixels. Memory is kept between
/// pictures.
class Sample {
 public:
  std::vector<Object> objects;

  /// Allocates for pictures of up to max_width columns that are never rendered, and max_objects.
  void reserve(int max_width, std::size_t max_objects, int out_height, int out_width) {
    objects.reserve(max_objects);
    resizer_.reserve(max_width, out_height, out_width);
  }

  /// Starts over with another picture, whose pixels must stay; leaves no objects.
  /// @param out_height, out_width  the size that finish() will write
  void begin(
      Pixels<std::uint8_t> picture, int out_height, int out_width,
      Resampling resampling = Resampling::bilinear) {
    source_ = picture;
    rendered_ = false;
    window_ = {0, 0, picture.height, picture.width, false, false, {}};
    out_height_ = out_height;
    out_width_ = out_width;
    resampling_ = resampling;
    objects.clear();
  }

  int height() const { return window_.height; }
  int width() const { return window_.width; }

  /// Mirrors left and right: x -> width - x.
  void flip_x() {
    window_.flip_x = !window_.flip_x;
    const auto w = static_cast<float>(width());
    move_points([w](float x, float y) { return std::pair{w - x, y}; });
  }
  /// Mirrors top and bottom: y -> height - y.
  void flip_y() {
    window_.flip_y = !window_.flip_y;
    const auto h = static_cast<float>(height());
    move_points([h](float x, float y) { return std::pair{x, h - y}; });
  }
  /// Keeps height x width pixels from (top, left), which may reach beyond the picture: new ground
  /// is the fill colour. Objects move along; cutting or dropping them is the caller's
  /// (clip_objects).
  void crop(int top, int left, int height, int width) {
    const bool grows =
        top < 0 || left < 0 || top + height > window_.height || left + width > window_.width;
    if (grows && !shows_whole_source()) render();  // what was cut off must not come back
    window_.top += window_.flip_y ? window_.height - top - height : top;
    window_.left += window_.flip_x ? window_.width - left - width : left;
    window_.height = height;
    window_.width = width;
    const auto dy = static_cast<float>(top), dx = static_cast<float>(left);
    move_points([dy, dx](float x, float y) { return std::pair{x - dx, y - dy}; });
  }
  /// The colour of ground beyond the picture, RGB 0 .. 255, of this and later crops.
  void set_fill(std::array<float, 3> fill) {
    if (shows_fill()) render();  // earlier ground keeps its colour
    window_.fill = fill;
  }
  /// Quarter turn against the clock: (x, y) -> (y, width - x).
  void turn() {
    float* from = render();
    const auto h = static_cast<std::size_t>(height()), w = static_cast<std::size_t>(width());
    spare_.resize(h * w * 3);
    for (std::size_t i = 0; i < w; ++i) {
      for (std::size_t j = 0; j < h; ++j) {
        for (std::size_t c = 0; c < 3; ++c) {
          spare_[(i * h + j) * 3 + c] = from[(j * w + (w - 1 - i)) * 3 + c];
        }
      }
    }
    const auto edge = static_cast<float>(width());
    move_points([edge](float x, float y) { return std::pair{y, edge - x}; });
    adopt_spare(width(), height());
  }
  /// Resizes to what finish() will write, so that later transforms work on fewer pixels.
  void resize_to_target() {
    const float y = static_cast<float>(out_height_) / static_cast<float>(height());
    const float x = static_cast<float>(out_width_) / static_cast<float>(width());
    resample_into_spare(out_height_, out_width_, resampling_);
    adopt_spare(out_height_, out_width_);
    move_points([x, y](float px, float py) { return std::pair{px * x, py * y}; });
  }

  /// The mean colour of the picture, RGB 0 .. 255; ground beyond the source is left out.
  std::array<float, 3> mean() const {
    return rendered_ ? mean_of(Pixels<float>{pixels_.data(), pixels_height_, pixels_width_})
                     : mean_of(source_);
  }

  /// The picture's values, [height(), width(), 3] in 0 .. 255, to be changed in place.
  float* render() {
    const bool plain = rendered_ && !window_.flip_x && !window_.flip_y && window_.top == 0 &&
                       window_.left == 0 && window_.height == pixels_height_ &&
                       window_.width == pixels_width_;
    if (!plain) {
      resample_into_spare(height(), width(), Resampling::bilinear);
      adopt_spare(height(), width());
    }
    return pixels_.data();
  }
  /// Memory of at least count floats for a transform to work in; render()'s values stay.
  float* scratch(std::size_t count) {
    spare_.resize(count);
    return spare_.data();
  }

  /// Writes the picture for the net: [out_height, out_width, 3] = scale of the resized values.
  void finish(float* out, PixelScale scale = {}) {
    resample(out_height_, out_width_, out, scale, resampling_);
  }

  /// Cuts every box and polygon at the picture's edges; drops an object of which keep(object, part)
  /// says no, or nothing is left. `part` is the share of the box's area that is inside.
  template <class Keep>
  void clip_objects(Keep&& keep) {
    const auto h = static_cast<float>(height()), w = static_cast<float>(width());
    std::size_t kept = 0;
    for (std::size_t i = 0; i < objects.size(); ++i) {
      Object& object = objects[i];
      const PixelBox box = object.box;
      const PixelBox inside{
          std::max(box.ymin, 0.0f), std::max(box.xmin, 0.0f), std::min(box.ymax, h),
          std::min(box.xmax, w)};
      if (inside.ymin >= inside.ymax || inside.xmin >= inside.xmax) continue;
      if (!keep(object, inside.area() / box.area())) continue;
      object.box = inside;
      if (!object.polygon.empty()) {
        clip_polygon(object.polygon, h, w);
        if (object.polygon.empty()) continue;  // the box reaches in, the object does not
      }
      if (kept != i) std::swap(objects[kept], object);
      ++kept;
    }
    objects.resize(kept);
  }

 private:
  template <class Move>
  void move_points(Move&& move) {
    for (Object& object : objects) {
      PixelBox& box = object.box;
      const auto [x0, y0] = move(box.xmin, box.ymin);
      const auto [x1, y1] = move(box.xmax, box.ymax);
      box = {std::min(y0, y1), std::min(x0, x1), std::max(y0, y1), std::max(x0, x1)};
      for (Ring& ring : object.polygon) {
        for (std::size_t k = 0; k + 1 < ring.size(); k += 2) {
          std::tie(ring[k], ring[k + 1]) = move(ring[k], ring[k + 1]);
        }
      }
    }
  }

  /// Sutherland and Hodgman, 1974: one edge of the picture after the other. Rings of fewer than
  /// three points, or without extent, are dropped.
  static void clip_polygon(std::vector<Ring>& rings, float height, float width) {
    Ring cut;
    for (Ring& ring : rings) {
      for (int side = 0; side < 4; ++side) {
        const std::size_t axis = side < 2 ? 0 : 1;  // 0: x, 1: y
        const float edge = side % 2 == 0 ? 0.0f : axis == 0 ? width : height;
        const float sign = side % 2 == 0 ? 1.0f : -1.0f;
        cut.clear();
        for (std::size_t k = 0; k + 1 < ring.size(); k += 2) {
          const std::size_t next = k + 2 < ring.size() ? k + 2 : 0;
          const float a = sign * (ring[k + axis] - edge), b = sign * (ring[next + axis] - edge);
          if (a >= 0) cut.insert(cut.end(), {ring[k], ring[k + 1]});
          if ((a < 0) != (b < 0)) {
            const float f = a / (a - b);
            const float other =
                ring[k + 1 - axis] + f * (ring[next + 1 - axis] - ring[k + 1 - axis]);
            cut.push_back(axis == 0 ? edge : other);
            cut.push_back(axis == 0 ? other : edge);
          }
        }
        ring.swap(cut);
      }
    }
    std::erase_if(rings, [](const Ring& ring) { return ring.size() < 6 || !has_extent(ring); });
  }
  static bool has_extent(const Ring& ring) {
    float low[2] = {ring[0], ring[1]}, high[2] = {ring[0], ring[1]};
    for (std::size_t k = 2; k < ring.size(); ++k) {
      low[k % 2] = std::min(low[k % 2], ring[k]);
      high[k % 2] = std::max(high[k % 2], ring[k]);
    }
    return high[0] > low[0] && high[1] > low[1];
  }

  template <class T>
  std::array<float, 3> mean_of(Pixels<T> from) const {
    const int top = std::max(window_.top, 0), left = std::max(window_.left, 0);
    const int bottom = std::min(window_.top + window_.height, from.height);
    const int right = std::min(window_.left + window_.width, from.width);
    if (top >= bottom || left >= right) return window_.fill;
    double sum[3] = {0, 0, 0};
    for (int i = top; i < bottom; ++i) {
      const auto begin = static_cast<std::size_t>(i) * static_cast<std::size_t>(from.width) +
                         static_cast<std::size_t>(left);
      const T* x = from.data + begin * 3;
      float row[3] = {0, 0, 0};
      for (int j = left; j < right; ++j, x += 3) {
        for (int c = 0; c < 3; ++c) row[c] += static_cast<float>(x[c]);
      }
      for (int c = 0; c < 3; ++c) sum[c] += static_cast<double>(row[c]);
    }
    const double count = static_cast<double>(bottom - top) * (right - left);
    return {
        static_cast<float>(sum[0] / count), static_cast<float>(sum[1] / count),
        static_cast<float>(sum[2] / count)};
  }

  int source_height() const { return rendered_ ? pixels_height_ : source_.height; }
  int source_width() const { return rendered_ ? pixels_width_ : source_.width; }
  bool shows_fill() const {
    return window_.top < 0 || window_.left < 0 || window_.top + window_.height > source_height() ||
           window_.left + window_.width > source_width();
  }
  bool shows_whole_source() const {
    return window_.top <= 0 && window_.left <= 0 &&
           window_.top + window_.height >= source_height() &&
           window_.left + window_.width >= source_width();
  }
  void resample(int height, int width, float* out, PixelScale scale, Resampling resampling) {
    if (rendered_) {
      const Pixels<float> from{pixels_.data(), pixels_height_, pixels_width_};
      resizer_(from, window_, height, width, out, scale, resampling);
    } else {
      resizer_(source_, window_, height, width, out, scale, resampling);
    }
  }
  void resample_into_spare(int height, int width, Resampling resampling) {
    spare_.resize(static_cast<std::size_t>(height) * static_cast<std::size_t>(width) * 3);
    resample(height, width, spare_.data(), {1, 0}, resampling);
  }
  void adopt_spare(int height, int width) {
    pixels_.swap(spare_);
    rendered_ = true;
    pixels_height_ = height;
    pixels_width_ = width;
    window_ = {0, 0, height, width, false, false, window_.fill};
  }

  Pixels<std::uint8_t> source_;
  std::vector<float> pixels_, spare_;  ///< pixels_: the source, once rendered
  bool rendered_ = false;
  int pixels_height_ = 0, pixels_width_ = 0;
  Window window_;
  int out_height_ = 0, out_width_ = 0;
  Resampling resampling_ = Resampling::bilinear;
  Resizer resizer_;
};

}  // namespace ocelli::data
