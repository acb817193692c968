// conv2d: every output channel sums a window over all input channels.
//
//   y[n,i,j,k] = f( b[k] + sum over u,v,c of  w[u,v,c,k] * x[n, i*stride+u*dilation-top,
//   j*stride+v*dilation-left, c] )
//
//   x [N,H,W,C]   w [KH,KW,C,K]   b [K] (optional)   y [N,OH,OW,K]
//   x reads as 0 outside the picture. f is the identity, or the activation fused for inference.
//
// A 1x1 window of stride 1 is one matrix product; a fully connected layer is a window of the whole
// picture.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/core/shape.hpp"
#include "ocelli/op/op.hpp"

namespace ocelli {

/// What a kernel needs to know, as plain ints; passed by value to device code.
struct Conv2dGeometry {
  int height, width, channels;              ///< of x
  int out_height, out_width, out_channels;  ///< of y
  int kernel_height, kernel_width, stride, dilation;
  int pad_top, pad_left;  ///< zeros before the first row and column

  constexpr long taps() const { return long(kernel_height) * kernel_width; }
  constexpr long pixels() const { return long(height) * width; }
  constexpr long out_pixels() const { return long(out_height) * out_width; }
  /// One matrix product over all pixels of the batch, without gathering windows.
  constexpr bool pointwise() const {
    return taps() == 1 && stride == 1 && pad_top == 0 && pad_left == 0;
  }
  constexpr long weights() const { return taps() * channels * out_channels; }
  /// Multiply-adds counted as 2, of one picture's forward.
  constexpr long flops() const { return 2 * out_pixels() * out_channels * taps() * channels; }
};

constexpr Conv2dGeometry conv2d_geometry(const OpDesc& op, const Shape& in, const Shape& out) {
  return {
      in.height,
      in.width,
      in.channels,
      out.height,
      out.width,
      out.channels,
      op.window.kernel_height,
      op.window.kernel_width,
      op.window.stride,
      op.window.dilation,
      op.window.pad_top,
      op.window.pad_left};
}

}  // namespace ocelli
