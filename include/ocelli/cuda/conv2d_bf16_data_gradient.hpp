// conv2d's data gradient on the device, in bfloat16 on tensor cores. Kernel:
// ocelli/kernels/conv2d_mma.cuh.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numeric>

#include "ocelli/cuda/conv2d_bf16_tiles.hpp"

namespace ocelli::cuda {

namespace detail {

template <class S>
struct ChooseBf16DataGradient {
  template <class T>
  struct Of {
    static constexpr auto kernel = &ocelli::kernel::conv2d_mma_data_gradient<T, S>;
  };
};

/// Pixels of the largest phase.
inline long phase_rows(const Conv2dGeometry& g, int batch) {
  const long height = (g.height + g.stride - 1) / g.stride;
  return batch * height * ((g.width + g.stride - 1) / g.stride);
}

}  // namespace detail

/// The tile and the parts that suit the shapes.
inline ConvCut conv2d_bf16_data_gradient_cut(const Conv2dGeometry& g, int batch) {
  const long rows = detail::phase_rows(g, batch), phases = long(g.stride) * g.stride;
  const long step = g.stride / std::gcd(g.stride, g.dilation);  // taps of a phase are so far apart
  const long taps = ((g.kernel_height + step - 1) / step) * ((g.kernel_width + step - 1) / step);
  const ConvBf16Tile tile =
      conv2d_bf16_tile(rows, g.channels, detail::in_pieces(g.out_channels), phases);
  return conv2d_bf16_cut(tile, rows, g.channels, taps * g.out_channels, phases);
}

/// @param weight   the operation's, rounded
/// @param partial  cut.partial_floats of dx, or null for one part
template <class S>
void conv2d_bf16_data_gradient_with(
    simt::Stream stream, const OpCall<S>& call, const bfloat16* weight, const ConvCut& cut,
    float* partial) {
  const Conv2dGeometry g = conv2d_geometry(*call.op, call.in_shape[0], call.out_shape);
  const bool dy = detail::in_pieces(g.out_channels) && aligned(call.dout) && aligned(weight);
  const bool dx = g.channels % 4 == 0 && aligned(call.din[0]);
  const ConvBf16Tile tile = detail::tile_for<S>(cut.tile, dy);
  const TileExtent extent = extent_of(tile);
  const unsigned phases = static_cast<unsigned>(g.stride * g.stride);
  const kernel::Gradient<S> to = gradient_of(call, 0);
  simt::launch(
      detail::conv2d_bf16_kernel<S, false, detail::ChooseBf16DataGradient<S>::template Of>(tile),
      dim3(
          blocks(g.channels, extent.columns),
          blocks(detail::phase_rows(g, call.batch), extent.rows),
          static_cast<unsigned>(cut.parts) * phases),
      dim3(static_cast<unsigned>(extent.threads)), 0, stream,
      detail::conv2d_plan(g, call.batch, g.out_channels, dy, dy), call.dout, weight,
      kernel::DepthCut{cut.depth, cut.parts > 1 ? partial : nullptr}, to, dx);
  if (cut.parts > 1)
    detail::conv2d_add_parts<S>(
        stream, partial, cut.parts, call.batch * g.pixels() * g.channels, g.channels, nullptr,
        Activation::none, to);
}

}  // namespace ocelli::cuda
