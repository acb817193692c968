// conv2d's weight gradient on the device, in float32 or tf32, and how many parts the pixels are cut
// into. Kernel: ocelli/kernels/conv2d.cuh.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "ocelli/cuda/conv2d_tiles.hpp"

namespace ocelli::cuda {

namespace detail {

/// For tensors of S.
template <class S>
struct ChooseWeightGradient {
  template <class T, int X, int Dy>
  struct Kernel {
    static constexpr bool has_mixed = true;
    static constexpr auto kernel = &ocelli::kernel::conv2d_weight_gradient<S, T, X, Dy>;
  };
};

}  // namespace detail

/// The parts into which the pixels of a weight gradient are cut.
struct ConvParts {
  ConvTile tile;
  int part, parts;  ///< pixels of a part; parts
};
inline ConvParts conv2d_parts(const Conv2dGeometry& g, int batch) {
  const long rows = g.taps() * g.channels, pixels = batch * g.out_pixels();
  // Parts fill the device where the tiles do not, so the tile may be as large as the weights allow.
  const ConvTile tile = g.out_channels <= 32 ? (rows <= 32 ? ConvTile::small : ConvTile::narrow)
                        : rows <= 64 || g.out_channels <= 64 ? ConvTile::middle
                                                             : ConvTile::wide;
  const long tiles = extent_of(tile).tiles(rows, g.out_channels);
  const long wanted = std::clamp((kBusyBlocks + tiles - 1) / tiles, 1L, (pixels + 127) / 128);
  const long part = (pixels + wanted - 1) / wanted;
  return {tile, static_cast<int>(part), static_cast<int>((pixels + part - 1) / part)};
}

/// Floats of workspace for the parts' sums.
inline long conv2d_weight_gradient_floats(const Conv2dGeometry& g, int batch) {
  return conv2d_parts(g, batch).parts * g.weights();
}

template <class S>
void conv2d_weight_gradient_with(
    simt::Stream stream, const OpCall<S>& call, Precision precision, const ConvParts& cut,
    float* partial) {
  const Conv2dGeometry g = conv2d_geometry(*call.op, call.in_shape[0], call.out_shape);
  const bool x = g.channels % 4 == 0 && aligned(call.in[0]);
  const bool dy = g.out_channels % 4 == 0 && aligned(call.dout);
  const ConvTile tile = detail::tile_with(cut.tile, x);
  const TileExtent extent = extent_of(tile);
  simt::launch(
      detail::conv2d_kernel<detail::ChooseWeightGradient<S>::template Kernel>(
          precision, tile, x, dy),
      dim3(
          blocks(g.taps() * g.channels, extent.rows), blocks(g.out_channels, extent.columns),
          static_cast<unsigned>(cut.parts)),
      dim3(static_cast<unsigned>(extent.threads)), 0, stream, g, call.batch, call.in[0], call.dout,
      cut.part, kernel::Divider(static_cast<int>(g.out_pixels())), kernel::Divider(g.out_width),
      partial);
  simt::launch(
      kernel::add_column_totals, total_grid(g.weights()), kTotalBlock, 0, stream, partial,
      cut.parts, static_cast<int>(g.weights()), call.dweight);
}
/// With the parts that suit the shapes.
template <class S>
void conv2d_weight_gradient(
    simt::Stream stream, const OpCall<S>& call, float* partial, Precision precision) {
  const Conv2dGeometry g = conv2d_geometry(*call.op, call.in_shape[0], call.out_shape);
  conv2d_weight_gradient_with(stream, call, precision, conv2d_parts(g, call.batch), partial);
}

}  // namespace ocelli::cuda
