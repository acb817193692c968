// pool: the largest, or the mean, of each window, channel by channel.
//
//   max      y[n,i,j,c] = max over the taps inside the picture of x
//   average  y[n,i,j,c] = mean over the taps inside the picture of x   (outside taps are not
//   counted)
//
//   x [N,H,W,C]   y [N,OH,OW,C].   A window of the whole picture is the global pool.
// Backward of max: the first largest tap in row order takes the gradient.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/core/shape.hpp"
#include "ocelli/op/op.hpp"

namespace ocelli {

struct PoolGeometry {
  int height, width, channels;  ///< of x
  int out_height, out_width;    ///< of y
  int kernel_height, kernel_width, stride;
  int pad_top, pad_left;

  constexpr long pixels() const { return long(height) * width; }
  constexpr long out_pixels() const { return long(out_height) * out_width; }
};

constexpr PoolGeometry pool_geometry(const OpDesc& op, const Shape& in, const Shape& out) {
  return {
      in.height,
      in.width,
      in.channels,
      out.height,
      out.width,
      op.window.kernel_height,
      op.window.kernel_width,
      op.window.stride,
      op.window.pad_top,
      op.window.pad_left};
}

}  // namespace ocelli
