// Which tile multiplies a convolution's matrices in bfloat16, and into how many parts its depth is
// cut. A file for each of the three products includes it; apart, since their kernels take the
// longest to compile.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <type_traits>

#include "ocelli/cuda/conv2d_extent.hpp"
#include "ocelli/cuda/elementwise.hpp"
#include "ocelli/kernels/conv2d_mma.cuh"
#include "ocelli/kernels/conv2d_parts.cuh"

namespace ocelli::cuda {

/// Tiles of a product in bfloat16, by what they are good for.
enum class ConvBf16Tile : int {
  wide,    ///< 128 x 128: many rows and columns
  narrow,  ///< 128 x 32: few columns
  flat,    ///< 32 x 128: few rows
  middle,  ///< 64 x 64
  small,   ///< 32 x 32: maps of a few pixels, small weights
};

namespace detail {

template <ConvBf16Tile>
struct Bf16Tile {
  using Type = kernel::MmaTile<32, 32, 32, 16, 64>;
};
template <>
struct Bf16Tile<ConvBf16Tile::wide> {
  using Type = kernel::MmaTile<128, 128, 64, 32, 32>;
};
template <>
struct Bf16Tile<ConvBf16Tile::narrow> {
  using Type = kernel::MmaTile<128, 32, 32, 32, 32>;
};
template <>
struct Bf16Tile<ConvBf16Tile::flat> {
  using Type = kernel::MmaTile<32, 128, 32, 32, 32>;
};
template <>
struct Bf16Tile<ConvBf16Tile::middle> {
  using Type = kernel::MmaTile<64, 64, 32, 32, 32>;
};

/// visit(a tile of the kind)
template <class Visit>
constexpr auto with_tile(ConvBf16Tile tile, const Visit& visit) {
  using Kind = ConvBf16Tile;
  switch (tile) {
    case Kind::wide:
      return visit(typename Bf16Tile<Kind::wide>::Type{});
    case Kind::narrow:
      return visit(typename Bf16Tile<Kind::narrow>::Type{});
    case Kind::flat:
      return visit(typename Bf16Tile<Kind::flat>::Type{});
    case Kind::middle:
      return visit(typename Bf16Tile<Kind::middle>::Type{});
    case Kind::small:
      break;
  }
  return visit(typename Bf16Tile<Kind::small>::Type{});
}

}  // namespace detail

constexpr TileExtent extent_of(ConvBf16Tile tile) {
  return detail::with_tile(tile, [](auto shape) {
    using T = decltype(shape);
    return TileExtent{T::rows, T::columns, T::threads};
  });
}

/// The tile of a product [rows, columns] with many rows: the largest of which it makes enough to
/// keep a device busy, unless its columns would stand half empty.
/// @param whole  both sides can be fetched in pieces of 8
/// @param times  how many such products one launch makes
constexpr ConvBf16Tile conv2d_bf16_tile(long rows, long columns, bool whole, long times) {
  const auto fills = [&](ConvBf16Tile tile) {
    return times * extent_of(tile).tiles(rows, columns) >= kBusyBlocks / 2;
  };
  const auto padded = [&](ConvBf16Tile tile) {
    const long width = extent_of(tile).columns;
    return (columns + width - 1) / width * width;
  };
  if (columns <= 32)
    return fills(ConvBf16Tile::narrow) ? ConvBf16Tile::narrow : ConvBf16Tile::small;
  if (whole && columns > 64 && fills(ConvBf16Tile::wide) &&
      100 * padded(ConvBf16Tile::wide) <= 115 * padded(ConvBf16Tile::middle))
    return ConvBf16Tile::wide;
  return fills(ConvBf16Tile::middle) ? ConvBf16Tile::middle : ConvBf16Tile::small;
}

/// How a product is dealt out: a function of the extents alone.
struct ConvCut {
  ConvBf16Tile tile;
  int depth, parts;  ///< of a part; parts whose sums are added afterwards, 1: none
  long partial_floats(long rows, long columns) const {
    return parts > 1 ? parts * rows * columns : 0;
  }
};

/// Parts fill the device where the tiles do not, each of a depth that is worth a second launch.
constexpr ConvCut conv2d_bf16_cut(
    ConvBf16Tile tile, long rows, long columns, long depth, long times) {
  constexpr long least = 256, multiple = 64;
  const long tiles = times * extent_of(tile).tiles(rows, columns);
  const long wanted = 2 * tiles >= kBusyBlocks
                          ? 1
                          : std::clamp(kBusyBlocks / tiles, 1L, std::max(1L, depth / least));
  const long each = (depth + wanted - 1) / wanted;
  const long part = (each + multiple - 1) / multiple * multiple;
  return {tile, static_cast<int>(part), static_cast<int>((depth + part - 1) / part)};
}

namespace detail {

/// The tile that there is: those of 128 columns fetch whole pieces only, the wide one's sums leave
/// no registers for pieces of float, and the flat one is for weight gradients.
template <class S>
constexpr ConvBf16Tile tile_for(ConvBf16Tile tile, bool whole, bool has_flat = false) {
  if (tile == ConvBf16Tile::flat && !(whole && has_flat)) return ConvBf16Tile::small;
  if (tile == ConvBf16Tile::wide && !(whole && std::is_same_v<S, bfloat16>))
    return ConvBf16Tile::middle;
  return tile;
}

/// The kernel of a tile that tile_for has let through: Choose<T>::kernel.
template <class S, bool HasFlat, template <class> class Choose>
auto conv2d_bf16_kernel(ConvBf16Tile tile) {
  using Kind = ConvBf16Tile;
  if constexpr (std::is_same_v<S, bfloat16>)
    if (tile == Kind::wide) return Choose<typename Bf16Tile<Kind::wide>::Type>::kernel;
  if constexpr (HasFlat)
    if (tile == Kind::flat) return Choose<typename Bf16Tile<Kind::flat>::Type>::kernel;
  if (tile == Kind::narrow) return Choose<typename Bf16Tile<Kind::narrow>::Type>::kernel;
  if (tile == Kind::middle) return Choose<typename Bf16Tile<Kind::middle>::Type>::kernel;
  return Choose<typename Bf16Tile<Kind::small>::Type>::kernel;
}

/// @param channels  of the operand that is read through windows
inline kernel::ConvPlan conv2d_plan(
    const Conv2dGeometry& g, int batch, int channels, bool first_whole, bool second_whole) {
  return {
      g,
      batch,
      static_cast<int>(batch * g.out_pixels()),
      {g.height, g.width, g.channels, static_cast<int>(g.taps()), g.kernel_width, g.dilation,
       1.0f / static_cast<float>(g.kernel_width)},
      first_whole,
      second_whole,
      kernel::Divider(channels),
      kernel::Divider(static_cast<int>(g.out_pixels())),
      kernel::Divider(g.out_width)};
}

constexpr bool in_pieces(int channels) { return channels % kernel::kPiece == 0; }

/// Adds up the parts of `values` values.
template <class S>
void conv2d_add_parts(
    simt::Stream stream, const float* partial, int parts, long values, int channels,
    const float* bias, Activation f, kernel::Gradient<S> to) {
  simt::launch(
      kernel::conv2d_add_parts<S>, dim3(blocks(values, kernel::kConvElementThreads)),
      dim3(kernel::kConvElementThreads), 0, stream, partial, parts, static_cast<int>(values),
      kernel::Divider(channels), bias, f, to);
}

}  // namespace detail

}  // namespace ocelli::cuda
