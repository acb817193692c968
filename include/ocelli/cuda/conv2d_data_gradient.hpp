// conv2d's data gradient on the device, in float32 or tf32. Kernel: ocelli/kernels/conv2d.cuh.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/cuda/conv2d_tiles.hpp"

namespace ocelli::cuda {

namespace detail {

/// For tensors of S.
template <class S>
struct ChooseDataGradient {
  template <class T, int Dy, int Dx>
  struct Kernel {
    static constexpr bool has_mixed = false;
    static constexpr auto kernel = &ocelli::kernel::conv2d_data_gradient<S, T, Dy, Dx>;
  };
};

}  // namespace detail

template <class S>
void conv2d_data_gradient_with(
    simt::Stream stream, const OpCall<S>& call, Precision precision, ConvTile tile) {
  const Conv2dGeometry g = conv2d_geometry(*call.op, call.in_shape[0], call.out_shape);
  const bool dy = g.out_channels % 4 == 0 && aligned(call.dout, call.weight);
  const bool dx = g.channels % 4 == 0 && aligned(call.din[0]);
  tile = detail::tile_with(tile, dy && dx);
  const TileExtent extent = extent_of(tile);
  const long height = (g.height + g.stride - 1) / g.stride;
  const long width = (g.width + g.stride - 1) / g.stride;
  simt::launch(
      detail::conv2d_kernel<detail::ChooseDataGradient<S>::template Kernel>(
          precision, tile, dy, dx),
      dim3(
          blocks(call.batch * height * width, extent.rows), blocks(g.channels, extent.columns),
          static_cast<unsigned>(g.stride * g.stride)),
      dim3(static_cast<unsigned>(extent.threads)), 0, stream, g, call.batch, call.dout, call.weight,
      gradient_of(call, 0));
}
/// With the tile that suits the shapes.
template <class S>
void conv2d_data_gradient(simt::Stream stream, const OpCall<S>& call, Precision precision) {
  const Conv2dGeometry g = conv2d_geometry(*call.op, call.in_shape[0], call.out_shape);
  const long pixels = call.batch * g.pixels(), phases = long(g.stride) * g.stride;
  conv2d_data_gradient_with(
      stream, call, precision, conv2d_tile((pixels + phases - 1) / phases, g.channels, phases));
}

}  // namespace ocelli::cuda
