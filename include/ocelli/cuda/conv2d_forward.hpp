// conv2d's forward on the device, in float32 or tf32. Kernel: ocelli/kernels/conv2d.cuh.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/cuda/conv2d_tiles.hpp"

namespace ocelli::cuda {

namespace detail {

/// For tensors of S.
template <class S>
struct ChooseForward {
  template <class T, int X, int W>
  struct Kernel {
    static constexpr bool has_mixed = true;
    static constexpr auto kernel = &ocelli::kernel::conv2d_forward<S, T, X, W>;
  };
};

}  // namespace detail

template <class S>
void conv2d_forward_with(
    simt::Stream stream, const OpCall<S>& call, Precision precision, ConvTile tile) {
  const Conv2dGeometry g = conv2d_geometry(*call.op, call.in_shape[0], call.out_shape);
  const bool x = g.channels % 4 == 0 && aligned(call.in[0]);
  const bool w = g.out_channels % 4 == 0 && aligned(call.weight, call.bias, call.out);
  tile = detail::tile_with(tile, x);
  const TileExtent extent = extent_of(tile);
  simt::launch(
      detail::conv2d_kernel<detail::ChooseForward<S>::template Kernel>(precision, tile, x, w),
      dim3(
          blocks(call.batch * g.out_pixels(), extent.rows), blocks(g.out_channels, extent.columns)),
      dim3(static_cast<unsigned>(extent.threads)), 0, stream, g, call.batch, call.in[0],
      call.weight, call.bias, call.epilogue, call.out);
}
/// With the tile that suits the shapes.
template <class S>
void conv2d_forward(simt::Stream stream, const OpCall<S>& call, Precision precision) {
  const Conv2dGeometry g = conv2d_geometry(*call.op, call.in_shape[0], call.out_shape);
  conv2d_forward_with(
      stream, call, precision, conv2d_tile(call.batch * g.out_pixels(), g.out_channels, 1));
}

}  // namespace ocelli::cuda
