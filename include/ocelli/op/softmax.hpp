// softmax: turns the channels of each pixel into positive values that sum to 1.
//
//   y[n,i,j,c] = exp(x[n,i,j,c] - m) / sum over k of exp(x[n,i,j,k] - m),   m = max over k of x
//   dx[..,c] = y[..,c] * (dy[..,c] - sum over k of y[..,k] * dy[..,k])
//
//   x, y [N,H,W,C].   `out` may be an undeferred input's memory, `din` may be `dout`.
// Backward reads `out`, not the input.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/core/shape.hpp"

namespace ocelli {

struct SoftmaxGeometry {
  long pixels;  ///< H * W of one picture
  int channels;
};

constexpr SoftmaxGeometry softmax_geometry(const Shape& in) { return {in.pixels(), in.channels}; }

}  // namespace ocelli
