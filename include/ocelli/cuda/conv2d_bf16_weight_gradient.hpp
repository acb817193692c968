// conv2d's weight gradient on the device, in bfloat16 on tensor cores. Kernel:
// ocelli/kernels/conv2d_mma.cuh.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/cuda/conv2d_bf16_tiles.hpp"

namespace ocelli::cuda {

namespace detail {

template <class S>
struct ChooseBf16WeightGradient {
  template <class T>
  struct Of {
    static constexpr auto kernel = &ocelli::kernel::conv2d_mma_weight_gradient<T, S>;
  };
};

}  // namespace detail

/// The tile, and the parts into which the pixels are cut; both suit the shapes.
inline ConvCut conv2d_bf16_weight_gradient_cut(const Conv2dGeometry& g, int batch) {
  const long rows = g.taps() * g.channels, pixels = batch * g.out_pixels();
  const bool whole = detail::in_pieces(g.channels) && detail::in_pieces(g.out_channels);
  // Parts fill the device where the tiles do not, so the tile may be as large as the weights allow.
  ConvBf16Tile tile = ConvBf16Tile::wide;
  if (rows <= 32)
    tile = g.out_channels > 64 ? ConvBf16Tile::flat : ConvBf16Tile::small;
  else if (g.out_channels <= 32)
    tile = ConvBf16Tile::narrow;
  else if (rows <= 64 || g.out_channels <= 64)
    tile = ConvBf16Tile::middle;
  if (!whole) tile = detail::tile_for<bfloat16>(tile, false, true);
  const TileExtent extent = extent_of(tile);
  // Small tiles have few loads under way, so more of them share a multiprocessor.
  const long busy = kBusyBlocks * 256 / extent.threads;
  const long tiles = extent.tiles(rows, g.out_channels);
  constexpr long least = 256, multiple = 64;  // pixels of a part
  const long wanted = std::clamp(busy / tiles, 1L, (pixels + least - 1) / least);
  const long part = ((pixels + wanted - 1) / wanted + multiple - 1) / multiple * multiple;
  return {tile, static_cast<int>(part), static_cast<int>((pixels + part - 1) / part)};
}

/// Up to so many parts the blocks of add_column_totals are large enough.
inline constexpr int kFewParts = 4 * kernel::kTotalRows;

/// Adds to dweight.
/// @param partial  cut.parts * weights floats
template <class S>
void conv2d_bf16_weight_gradient_with(
    simt::Stream stream, const OpCall<S>& call, const ConvCut& cut, float* partial) {
  const Conv2dGeometry g = conv2d_geometry(*call.op, call.in_shape[0], call.out_shape);
  const bool x = detail::in_pieces(g.channels) && aligned(call.in[0]);
  const bool dy = detail::in_pieces(g.out_channels) && aligned(call.dout);
  const ConvBf16Tile tile = detail::tile_for<S>(cut.tile, x && dy, true);
  const TileExtent extent = extent_of(tile);
  simt::launch(
      detail::conv2d_bf16_kernel<S, true, detail::ChooseBf16WeightGradient<S>::template Of>(tile),
      dim3(
          blocks(g.out_channels, extent.columns), blocks(g.taps() * g.channels, extent.rows),
          static_cast<unsigned>(cut.parts)),
      dim3(static_cast<unsigned>(extent.threads)), 0, stream,
      detail::conv2d_plan(g, call.batch, g.channels, x, dy), call.in[0], call.dout, cut.depth,
      partial);
  const int weights = static_cast<int>(g.weights());
  if (cut.parts > kFewParts)
    simt::launch(
        kernel::conv2d_add_weight_parts, dim3(blocks(weights, kernel::kPartColumns)),
        dim3(kernel::kPartColumns, kernel::kPartRows), 0, stream, partial, cut.parts, weights,
        call.dweight);
  else
    simt::launch(
        kernel::add_column_totals, total_grid(weights), kTotalBlock, 0, stream, partial, cut.parts,
        weights, call.dweight);
}

}  // namespace ocelli::cuda
