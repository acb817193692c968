// im2col: the windows of a block of output pixels as rows of a matrix, never those of a whole
// picture.
//
//   row r, column (u, v, c) = x[n, i*stride+u*dilation-top, j*stride+v*dilation-left, c]
//   for the output pixel first + r = (n, i, j) counted over the batch; 0 outside the picture
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "ocelli/cpu/operand.hpp"
#include "ocelli/op/conv2d.hpp"

namespace ocelli::cpu {

/// Counts pixels of a batch of pictures as (n, i, j).
struct PixelCursor {
  int height, width;
  long n;
  int i, j;

  PixelCursor(int picture_height, int picture_width, long at)
      : height(picture_height), width(picture_width) {
    const long pixels = long(height) * width;
    n = at / pixels;
    i = static_cast<int>(at % pixels / width);
    j = static_cast<int>(at % pixels % width);
  }
  void next() {
    if (++j < width) return;
    j = 0;
    if (++i < height) return;
    i = 0;
    ++n;
  }
};

/// Whether rows of x serve as they are.
inline bool reads_in_place(const Conv2dGeometry& g, const Operand<float>& x) {
  return g.pointwise() && !x.deferred();
}

/// Writes rows first .. first + rows - 1 to `to` [rows, taps * C].
inline void gather_windows(
    const Conv2dGeometry& g, const Operand<float>& x, long first, long rows, float* to) {
  const int C = g.channels;
  if (g.pointwise()) return read_pixels(x, C, rows, x.data + first * C, to);

  const int run = g.kernel_width * C;  // a row of a window in one piece
  const bool plain = !x.deferred();
  PixelCursor at(g.out_height, g.out_width, first);
  for (long r = 0; r < rows; ++r, at.next()) {
    const int top = at.i * g.stride - g.pad_top, left = at.j * g.stride - g.pad_left;
    const float* picture = x.data + at.n * g.pixels() * C;
    const bool whole = g.dilation == 1 && left >= 0 && left + g.kernel_width <= g.width;
    if (plain && whole && top >= 0 && top + g.kernel_height <= g.height) {
      const float* from = picture + (long(top) * g.width + left) * C;
      for (int u = 0; u < g.kernel_height; ++u, from += long(g.width) * C, to += run)
        copy_floats(from, run, to);
      continue;
    }
    for (int u = 0; u < g.kernel_height; ++u, to += run) {
      const int h = top + u * g.dilation;
      if (h < 0 || h >= g.height) {
        std::fill_n(to, run, 0.0f);
      } else if (whole) {
        read_pixels(x, C, g.kernel_width, picture + (long(h) * g.width + left) * C, to);
      } else {
        for (int v = 0; v < g.kernel_width; ++v) {
          const int w = left + v * g.dilation;
          if (w < 0 || w >= g.width) {
            std::fill_n(to + v * C, C, 0.0f);
          } else {
            read_pixels(x, C, 1, picture + (long(h) * g.width + w) * C, to + v * C);
          }
        }
      }
    }
  }
}

}  // namespace ocelli::cpu
