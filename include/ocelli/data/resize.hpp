// resize: any window of a picture, mirrored or not, to float pixels of any size, in one pass.
//
// bilinear  TensorFlow 1's own: output i reads s = i * in / out, t = floor(s), f = s - t,
//           y[i] = (1 - f) * x[t] + f * x[min(t + 1, in - 1)]; rows and columns alike. No
//           half-pixel centres, nothing is averaged when shrinking.
// area      shrinking averages all pixels that an output pixel covers (antialiased); enlarging is
//           bilinear with half-pixel centres.
//
//   x [H,W,3] uint8 or float   y [OH,OW,3] float = multiply * resized + add
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

namespace ocelli::data {

enum class Resampling { bilinear, area };

/// The pixels of a picture that somebody else owns: [height, width, 3], values 0 .. 255.
template <class T>
struct Pixels {
  const T* data = nullptr;
  int height = 0, width = 0;
};

/// A rectangle of a picture, in whole pixels, then mirrored. It may reach beyond the picture: there
/// it shows `fill`.
struct Window {
  int top = 0, left = 0, height = 0, width = 0;
  bool flip_x = false, flip_y = false;
  std::array<float, 3> fill{};  ///< RGB, 0 .. 255
};

/// What the net sees of a value v in 0 .. 255: multiply * v + add. The default gives [-1, 1].
struct PixelScale {
  float multiply = 2.0f / 255.0f, add = -1.0f;
};

/// Resizes; keeps its scratch memory, so that it allocates nothing once it has seen the largest
/// sizes. One per thread.
class Resizer {
 public:
  /// Allocates for windows of pictures up to width columns, shrunk or enlarged to out_height x
  /// out_width with bilinear resampling.
  void reserve(int width, int out_height, int out_width) {
    row_.reserve(padded(width));
    rows_.reserve(out_height);
    columns_.reserve(out_width);
  }

  /// Writes [out_height, out_width, 3] to out. The window has at least one pixel.
  template <class T>
  void operator()(
      Pixels<T> source, const Window& window, int out_height, int out_width, float* out,
      PixelScale scale = {}, Resampling resampling = Resampling::bilinear) {
    rows_.plan(window.height, out_height, window.top, window.flip_y, source.height, resampling);
    columns_.plan(window.width, out_width, window.left, window.flip_x, source.width, resampling);
    row_.resize(padded(source.width));
    for (int c = 0; c < 3; ++c) {
      row_[at(c)] = window.fill[at(c)];
      row_[at((source.width + 1) * 3 + c)] = window.fill[at(c)];
    }
    const auto [low, high] = columns_.used(source.width);
    for (int i = 0; i < out_height; ++i) {
      if (low <= high) mix_rows(source, window, i, low, high);
      float* line = out + at(i) * at(out_width) * 3;
      if (columns_.taps == 2) {
        mix_two_columns(line, out_width, scale);
      } else {
        mix_columns(line, out_width, scale);
      }
    }
  }

 private:
  /// Which source positions each output position mixes, for rows or for columns. Position 0 is the
  /// fill before the picture, 1 .. size are its pixels, size + 1 is the fill after it.
  struct Axis {
    std::vector<int> positions;  ///< [out][taps]
    std::vector<float> weights;  ///< [out][taps], sum to 1
    int taps = 2;

    void reserve(int out) {
      positions.reserve(at(out) * 2);
      weights.reserve(at(out) * 2);
    }

    void plan(int in, int out, int begin, bool flip, int size, Resampling resampling) {
      const bool average = resampling == Resampling::area && in > out;
      taps = average ? (in + out - 1) / out + 1 : 2;
      positions.resize(at(out) * at(taps));
      weights.resize(at(out) * at(taps));
      const auto place = [&](int i, int tap, int v, float weight) {
        const int p = flip ? begin + in - 1 - v : begin + v;
        positions[at(i) * at(taps) + at(tap)] = std::clamp(p, -1, size) + 1;
        weights[at(i) * at(taps) + at(tap)] = weight;
      };
      for (int i = 0; i < out; ++i) {
        if (average) {
          const double from = double(i) * in / out, to = double(i + 1) * in / out;
          const int first = static_cast<int>(from);
          for (int tap = 0; tap < taps; ++tap) {
            const int v = first + tap;
            const double overlap = std::min(to, v + 1.0) - std::max(from, double(v));
            place(
                i, tap, std::min(v, in - 1),
                v < in ? static_cast<float>(std::max(overlap, 0.0) / (to - from)) : 0.0f);
          }
          continue;
        }
        int low = 0;
        float f = 0;
        if (resampling == Resampling::bilinear) {
          const long s = static_cast<long>(i) * in;  // in units of 1 / out: exact
          low = static_cast<int>(s / out);
          f = static_cast<float>(s % out) / static_cast<float>(out);
        } else {
          const double s = std::clamp((i + 0.5) * in / out - 0.5, 0.0, in - 1.0);
          low = static_cast<int>(s);
          f = static_cast<float>(s - low);
        }
        place(i, 0, low, 1 - f);
        place(i, 1, std::min(low + 1, in - 1), f);
      }
    }

    /// The first and last pixel (from 0) that are read; last < first when only fill is read.
    std::array<int, 2> used(int size) const {
      int low = size, high = -1;
      for (const int p : positions) {
        if (p == 0 || p > size) continue;
        low = std::min(low, p - 1);
        high = std::max(high, p - 1);
      }
      return {low, high};
    }
  };

  static constexpr std::size_t at(int i) { return static_cast<std::size_t>(i); }
  /// The row of scratch: the picture's columns with one pixel of fill on either side.
  static constexpr std::size_t padded(int width) { return at(width + 2) * 3; }

  /// row_ = output row i, not yet resized across, for the source's columns low .. high.
  template <class T>
  void mix_rows(Pixels<T> source, const Window& window, int i, int low, int high) {
    float* row = row_.data() + at(low + 1) * 3;
    const int count = (high - low + 1) * 3;
    const int* position = rows_.positions.data() + at(i) * at(rows_.taps);
    const float* weight = rows_.weights.data() + at(i) * at(rows_.taps);
    const auto inside = [&](int tap) {
      return position[tap] > 0 && position[tap] <= source.height;
    };
    const auto line = [&](int tap) {
      return source.data + (at(position[tap] - 1) * at(source.width) + at(low)) * 3;
    };
    if (rows_.taps == 2 && inside(0) && inside(1)) {
      blend(line(0), line(1), weight[1], row, count);
      return;
    }
    std::fill(row, row + count, 0.0f);
    for (int tap = 0; tap < rows_.taps; ++tap) {
      if (weight[tap] == 0) continue;
      if (inside(tap)) {
        add_row(line(tap), weight[tap], row, count);
      } else {
        for (int k = 0; k < count; ++k) row[k] += weight[tap] * window.fill[at(k % 3)];
      }
    }
  }

  // Both loops run in blocks of a fixed length, which a compiler makes vector code of at -O2 too.
  static constexpr int kBlock = 16;

  template <class T>
  static void blend(
      const T* __restrict__ a, const T* __restrict__ b, float f, float* __restrict__ y, int count) {
    int i = 0;
    for (; i + kBlock <= count; i += kBlock) {
      for (int k = 0; k < kBlock; ++k) {
        const auto u = static_cast<float>(a[i + k]), v = static_cast<float>(b[i + k]);
        y[i + k] = u + f * (v - u);
      }
    }
    for (; i < count; ++i) {
      const auto u = static_cast<float>(a[i]), v = static_cast<float>(b[i]);
      y[i] = u + f * (v - u);
    }
  }
  template <class T>
  static void add_row(const T* __restrict__ x, float weight, float* __restrict__ y, int count) {
    int i = 0;
    for (; i + kBlock <= count; i += kBlock) {
      for (int k = 0; k < kBlock; ++k) y[i + k] += weight * static_cast<float>(x[i + k]);
    }
    for (; i < count; ++i) y[i] += weight * static_cast<float>(x[i]);
  }

  void mix_two_columns(float* out, int width, PixelScale scale) const {
    const float* row = row_.data();
    const int* position = columns_.positions.data();
    const float* weight = columns_.weights.data();
    for (int j = 0; j < width; ++j) {
      const float* a = row + at(position[2 * j]) * 3;
      const float* b = row + at(position[2 * j + 1]) * 3;
      const float f = weight[2 * j + 1];
      for (int c = 0; c < 3; ++c) {
        out[j * 3 + c] = (a[c] + f * (b[c] - a[c])) * scale.multiply + scale.add;
      }
    }
  }
  void mix_columns(float* out, int width, PixelScale scale) const {
    const int* position = columns_.positions.data();
    const float* weight = columns_.weights.data();
    for (int j = 0; j < width; ++j) {
      float sum[3] = {0, 0, 0};
      for (int tap = 0; tap < columns_.taps; ++tap, ++position, ++weight) {
        const float* x = row_.data() + at(*position) * 3;
        for (int c = 0; c < 3; ++c) sum[c] += *weight * x[c];
      }
      for (int c = 0; c < 3; ++c) out[j * 3 + c] = sum[c] * scale.multiply + scale.add;
    }
  }

  std::vector<float> row_;
  Axis rows_, columns_;
};

}  // namespace ocelli::data
