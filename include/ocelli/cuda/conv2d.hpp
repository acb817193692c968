// conv2d on the device: which tile multiplies, and how many parts the pixels of a weight gradient
// are cut into. Kernels: ocelli/kernels/conv2d.cuh.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "ocelli/cuda/elementwise.hpp"
#include "ocelli/cuda/workspace.hpp"
#include "ocelli/kernels/conv2d.cuh"

namespace ocelli::cuda {

/// Tiles of a product, by what they are good for.
enum class ConvTile : int {
  wide,    ///< 128 x 128: many rows and columns
  narrow,  ///< 128 x 32: few channels
  middle,  ///< 64 x 64
  small,   ///< 32 x 32: maps of a few pixels, small weights
};

/// The tiles of a precision; they have the same extents and threads in each.
template <Precision P>
struct ConvTiles {
  using Wide = kernel::MatrixTile<P, 128, 128, 64, 32>;
  using Narrow = kernel::MatrixTile<P, 128, 32, 32, 32>;
  using Middle = kernel::MatrixTile<P, 64, 64, 32, 32>;
  using Small = kernel::MatrixTile<P, 32, 32, 32, 16>;
};
template <>
struct ConvTiles<Precision::float32> {
  using Wide = kernel::Tile<128, 128, 8, 8>;
  using Narrow = kernel::Tile<128, 32, 8, 4>;
  using Middle = kernel::Tile<64, 64, 8, 4>;
  using Small = kernel::Tile<32, 32, 4, 4>;
};

/// Rows, columns and threads of a tile.
struct TileExtent {
  int rows, columns, threads;
  constexpr long tiles(long of_rows, long of_columns) const {
    return long(blocks(of_rows, rows)) * blocks(of_columns, columns);
  }
};
constexpr TileExtent extent_of(ConvTile tile) {
  const auto of = [](auto shape) {
    using T = decltype(shape);
    return TileExtent{T::rows, T::columns, T::threads};
  };
  using Tiles = ConvTiles<Precision::float32>;
  switch (tile) {
    case ConvTile::wide:
      return of(Tiles::Wide{});
    case ConvTile::narrow:
      return of(Tiles::Narrow{});
    case ConvTile::middle:
      return of(Tiles::Middle{});
    case ConvTile::small:
      break;
  }
  return of(Tiles::Small{});
}

/// The largest tile that the product [rows, columns] fills, and of which it makes enough to keep a
/// device busy.
/// @param times  how many such products one launch makes
constexpr ConvTile conv2d_tile(long rows, long columns, long times) {
  const auto fills = [&](ConvTile tile) {
    return times * extent_of(tile).tiles(rows, columns) >= kBusyBlocks / 2;
  };
  if (columns <= 32) return fills(ConvTile::narrow) ? ConvTile::narrow : ConvTile::small;
  if (columns > 64 && fills(ConvTile::wide)) return ConvTile::wide;
  return fills(ConvTile::middle) ? ConvTile::middle : ConvTile::small;
}

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

namespace detail {

/// Lanes of the two sources: both of four, the first alone, or none. Other mixes run as none, which
/// has no wide tile and no tensor cores: each kernel costs time to compile.
template <template <class, int, int> class Choose, Precision P>
auto conv2d_kernel_of(ConvTile tile, bool first, bool second) {
  using Tiles = ConvTiles<P>;
  const auto of = [&](auto shape) {
    using T = decltype(shape);
    if constexpr (Choose<T, 4, 4>::has_mixed)
      if (first && !second) return Choose<T, 4, 1>::kernel;
    if constexpr (P == Precision::float32 && T::columns < Tiles::Wide::columns)
      if (!first || !second) return Choose<T, 1, 1>::kernel;
    return Choose<T, 4, 4>::kernel;
  };
  switch (tile) {
    case ConvTile::wide:
      return of(typename Tiles::Wide{});
    case ConvTile::narrow:
      return of(typename Tiles::Narrow{});
    case ConvTile::middle:
      return of(typename Tiles::Middle{});
    case ConvTile::small:
      break;
  }
  return of(typename Tiles::Small{});
}
template <template <class, int, int> class Choose>
auto conv2d_kernel(Precision precision, ConvTile tile, bool first, bool second) {
  const bool has_lanes =
      first && (second || Choose<ConvTiles<Precision::tf32>::Small, 4, 4>::has_mixed);
  if (precision == Precision::tf32 && has_lanes)
    return conv2d_kernel_of<Choose, Precision::tf32>(tile, first, second);
  if (precision == Precision::bf16 && has_lanes)
    return conv2d_kernel_of<Choose, Precision::bf16>(tile, first, second);
  return conv2d_kernel_of<Choose, Precision::float32>(tile, first, second);
}

/// The tile that there is for these lanes.
constexpr ConvTile tile_with(ConvTile tile, bool has_lanes) {
  return tile == ConvTile::wide && !has_lanes ? ConvTile::middle : tile;
}

template <class T, int X, int W>
struct ChooseForward {
  static constexpr bool has_mixed = true;
  static constexpr auto kernel = &ocelli::kernel::conv2d_forward<T, X, W>;
};
template <class T, int Dy, int Dx>
struct ChooseDataGradient {
  static constexpr bool has_mixed = false;
  static constexpr auto kernel = &ocelli::kernel::conv2d_data_gradient<T, Dy, Dx>;
};
template <class T, int X, int Dy>
struct ChooseWeightGradient {
  static constexpr bool has_mixed = true;
  static constexpr auto kernel = &ocelli::kernel::conv2d_weight_gradient<T, X, Dy>;
};

}  // namespace detail

/// Floats of workspace that backward needs.
inline long conv2d_backward_floats(const OpCall<float>& call) {
  const Conv2dGeometry g = conv2d_geometry(*call.op, call.in_shape[0], call.out_shape);
  const long bias = column_sum_floats(call.batch * g.out_pixels(), g.out_channels);
  return std::max(conv2d_parts(g, call.batch).parts * g.weights(), bias);
}

inline void conv2d_forward_with(
    simt::Stream stream, const OpCall<float>& call, Precision precision, ConvTile tile) {
  const Conv2dGeometry g = conv2d_geometry(*call.op, call.in_shape[0], call.out_shape);
  const bool x = g.channels % 4 == 0 && aligned(call.in[0]);
  const bool w = g.out_channels % 4 == 0 && aligned(call.weight, call.bias, call.out);
  tile = detail::tile_with(tile, x);
  const TileExtent extent = extent_of(tile);
  simt::launch(
      detail::conv2d_kernel<detail::ChooseForward>(precision, tile, x, w),
      dim3(
          blocks(call.batch * g.out_pixels(), extent.rows), blocks(g.out_channels, extent.columns)),
      dim3(static_cast<unsigned>(extent.threads)), 0, stream, g, call.batch, call.in[0],
      call.weight, call.bias, call.epilogue, call.out);
}
inline void conv2d_forward(
    simt::Stream stream, const OpCall<float>& call, Precision precision = Precision::float32) {
  const Conv2dGeometry g = conv2d_geometry(*call.op, call.in_shape[0], call.out_shape);
  conv2d_forward_with(
      stream, call, precision, conv2d_tile(call.batch * g.out_pixels(), g.out_channels, 1));
}

inline void conv2d_data_gradient_with(
    simt::Stream stream, const OpCall<float>& call, Precision precision, ConvTile tile) {
  const Conv2dGeometry g = conv2d_geometry(*call.op, call.in_shape[0], call.out_shape);
  const bool dy = g.out_channels % 4 == 0 && aligned(call.dout, call.weight);
  const bool dx = g.channels % 4 == 0 && aligned(call.din[0]);
  tile = detail::tile_with(tile, dy && dx);
  const TileExtent extent = extent_of(tile);
  const long height = (g.height + g.stride - 1) / g.stride;
  const long width = (g.width + g.stride - 1) / g.stride;
  simt::launch(
      detail::conv2d_kernel<detail::ChooseDataGradient>(precision, tile, dy, dx),
      dim3(
          blocks(call.batch * height * width, extent.rows), blocks(g.channels, extent.columns),
          static_cast<unsigned>(g.stride * g.stride)),
      dim3(static_cast<unsigned>(extent.threads)), 0, stream, g, call.batch, call.dout, call.weight,
      gradient_of(call, 0));
}

inline void conv2d_weight_gradient_with(
    simt::Stream stream, const OpCall<float>& call, Precision precision, const ConvParts& cut,
    float* partial) {
  const Conv2dGeometry g = conv2d_geometry(*call.op, call.in_shape[0], call.out_shape);
  const bool x = g.channels % 4 == 0 && aligned(call.in[0]);
  const bool dy = g.out_channels % 4 == 0 && aligned(call.dout);
  const ConvTile tile = detail::tile_with(cut.tile, x);
  const TileExtent extent = extent_of(tile);
  simt::launch(
      detail::conv2d_kernel<detail::ChooseWeightGradient>(precision, tile, x, dy),
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

inline void conv2d_backward(
    simt::Stream stream, Workspace& workspace, const OpCall<float>& call,
    Precision precision = Precision::float32) {
  const Conv2dGeometry g = conv2d_geometry(*call.op, call.in_shape[0], call.out_shape);
  float* const partial = workspace.get(conv2d_backward_floats(call));
  if (call.dbias != nullptr)
    add_column_sums(
        stream, call.dout, call.batch * g.out_pixels(), g.out_channels, partial, call.dbias);
  if (call.dweight != nullptr)
    conv2d_weight_gradient_with(stream, call, precision, conv2d_parts(g, call.batch), partial);
  if (call.din[0] == nullptr) return;
  const long pixels = call.batch * g.pixels(), phases = long(g.stride) * g.stride;
  conv2d_data_gradient_with(
      stream, call, precision, conv2d_tile((pixels + phases - 1) / phases, g.channels, phases));
}

}  // namespace ocelli::cuda
