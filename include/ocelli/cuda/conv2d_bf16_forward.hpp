// conv2d's forward on the device, in bfloat16 on tensor cores. Kernel:
// ocelli/kernels/conv2d_mma.cuh.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/cuda/column_moments.hpp"
#include "ocelli/cuda/conv2d_bf16_tiles.hpp"

namespace ocelli::cuda {

namespace detail {

template <class S>
struct ChooseBf16Forward {
  template <class T>
  struct Of {
    static constexpr auto kernel = &ocelli::kernel::conv2d_mma_forward<T, S>;
  };
};

}  // namespace detail

/// The tile and the parts that suit the shapes.
inline ConvCut conv2d_bf16_forward_cut(const Conv2dGeometry& g, int batch) {
  const long rows = batch * g.out_pixels();
  const bool whole = detail::in_pieces(g.channels) && detail::in_pieces(g.out_channels);
  const ConvBf16Tile tile = conv2d_bf16_tile(rows, g.out_channels, whole, 1);
  return conv2d_bf16_cut(tile, rows, g.out_channels, g.taps() * g.channels, 1);
}

/// The rows of y whose moments one block leaves.
inline int conv2d_bf16_chunk(const Conv2dGeometry& g, int batch, ConvBf16Tile tile) {
  // So many blocks that every multiprocessor has several at once, and no more to add up.
  constexpr long most = 4 * kBusyBlocks;
  const TileExtent extent = extent_of(tile);
  const long down = blocks(batch * g.out_pixels(), extent.rows);
  const long across = blocks(g.out_channels, extent.columns);
  const long wanted = std::clamp(most / across, 1L, down);
  const long tiles = tile == ConvBf16Tile::wide ? 1 : (down + wanted - 1) / wanted;
  return static_cast<int>(tiles) * extent.rows;
}

/// What a batch norm can be told of y; no chunks where the depth is cut.
inline ColumnMoments conv2d_bf16_moments(const Conv2dGeometry& g, int batch) {
  const ConvCut cut = conv2d_bf16_forward_cut(g, batch);
  if (cut.parts > 1) return {};
  return {
      nullptr, static_cast<int>(batch * g.out_pixels()), g.out_channels,
      conv2d_bf16_chunk(g, batch, cut.tile)};
}

/// @param weight   the operation's, rounded
/// @param partial  cut.partial_floats of the output, or null for one part
/// @param moments  floats() of conv2d_bf16_moments, or null
template <class S>
void conv2d_bf16_forward_with(
    simt::Stream stream, const OpCall<S>& call, const bfloat16* weight, const ConvCut& cut,
    float* partial, float* moments) {
  const Conv2dGeometry g = conv2d_geometry(*call.op, call.in_shape[0], call.out_shape);
  const long rows = call.batch * g.out_pixels();
  const bool x = detail::in_pieces(g.channels) && aligned(call.in[0]);
  const bool w = detail::in_pieces(g.out_channels) && aligned(weight);
  const bool y = g.out_channels % 4 == 0 && aligned(call.out) && aligned(call.bias);
  const ConvBf16Tile tile = detail::tile_for<S>(cut.tile, x && w);
  const TileExtent extent = extent_of(tile);
  const int chunk = conv2d_bf16_chunk(g, call.batch, cut.tile);  // whole tiles of either kind
  simt::launch(
      detail::conv2d_bf16_kernel<S, false, detail::ChooseBf16Forward<S>::template Of>(tile),
      dim3(
          blocks(g.out_channels, extent.columns), blocks(rows, chunk),
          static_cast<unsigned>(cut.parts)),
      dim3(static_cast<unsigned>(extent.threads)), 0, stream,
      detail::conv2d_plan(g, call.batch, g.channels, x, w), call.in[0], weight, chunk / extent.rows,
      kernel::DepthCut{cut.depth, cut.parts > 1 ? partial : nullptr}, call.bias, call.epilogue,
      call.out, y, cut.parts > 1 ? nullptr : moments);
  if (cut.parts > 1)
    detail::conv2d_add_parts<S>(
        stream, partial, cut.parts, rows * g.out_channels, g.out_channels, call.bias, call.epilogue,
        {call.out, false});
}

}  // namespace ocelli::cuda
