// Which tile multiplies a convolution's matrices. A file for each of conv2d's three products
// includes it; apart, since their kernels take the longest to compile.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/cuda/conv2d_extent.hpp"
#include "ocelli/cuda/elementwise.hpp"
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

template <class A, class B>
inline constexpr bool kSameExtent =
    A::rows == B::rows&& A::columns == B::columns&& A::threads == B::threads;
template <class A, class B>
inline constexpr bool kSameExtents = kSameExtent<typename A::Wide, typename B::Wide>&& kSameExtent<
    typename A::Narrow, typename B::Narrow>&& kSameExtent<typename A::Middle, typename B::Middle>&&
    kSameExtent<typename A::Small, typename B::Small>;
static_assert(kSameExtents<ConvTiles<Precision::float32>, ConvTiles<Precision::tf32>>);

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
  return conv2d_kernel_of<Choose, Precision::float32>(tile, first, second);
}

/// The tile that there is for these lanes.
constexpr ConvTile tile_with(ConvTile tile, bool has_lanes) {
  return tile == ConvTile::wide && !has_lanes ? ConvTile::middle : tile;
}

}  // namespace detail

}  // namespace ocelli::cuda
