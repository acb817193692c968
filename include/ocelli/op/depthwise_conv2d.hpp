// depthwise_conv2d: one K x K filter per channel; channels never mix.
//
//   y[n,i,j,c] = f( b[c] + sum over u,v of  w[u,v,c] * x[n, i*stride+u*dilation-top,
//   j*stride+v*dilation-left, c] )
//
//   x [N,H,W,C]   w [KH,KW,C]   b [C] (optional)   y [N,OH,OW,C]
//   x reads as 0 outside the picture. f is the identity, or the activation fused for inference.
//
// Howard et al., "MobileNets", arXiv:1704.04861, section 3.1.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/core/shape.hpp"
#include "ocelli/op/op.hpp"

namespace ocelli {

/// What a kernel needs to know, as plain ints; passed by value to device code.
struct DepthwiseConv2dGeometry {
  int height, width, channels;  ///< of x
  int out_height, out_width;    ///< of y
  int kernel_height, kernel_width, stride, dilation;
  int pad_top, pad_left;  ///< zeros before the first row and column

  constexpr long taps() const { return long(kernel_height) * kernel_width; }
  constexpr long pixels() const { return long(height) * width; }
  constexpr long out_pixels() const { return long(out_height) * out_width; }
  constexpr long weights() const { return taps() * channels; }
  /// Multiply-adds counted as 2, of one picture's forward.
  constexpr long flops() const { return 2 * out_pixels() * channels * taps(); }
};

constexpr DepthwiseConv2dGeometry depthwise_conv2d_geometry(
    const OpDesc& op, const Shape& in, const Shape& out) {
  return {
      in.height,
      in.width,
      in.channels,
      out.height,
      out.width,
      op.window.kernel_height,
      op.window.kernel_width,
      op.window.stride,
      op.window.dilation,
      op.window.pad_top,
      op.window.pad_left};
}

}  // namespace ocelli
