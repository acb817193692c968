// Which tile multiplies a convolution's matrices in bfloat16, and into how many parts its depth is
// cut. A file for each of the three products includes it; apart, since their kernels take the
// longest to compile.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <type_traits>

#include "ocelli/cuda/conv2d_tiles.hpp"
#include "ocelli/kernels/conv2d_mma.cuh"

namespace ocelli::cuda {

/// The tiles of ConvTile for bfloat16.
struct ConvBf16Tiles {
  using Wide = kernel::MmaTile<128, 128, 64, 32, 32>;
  using Narrow = kernel::MmaTile<128, 32, 32, 32, 32>;
  using Middle = kernel::MmaTile<64, 64, 32, 32, 32>;
  using Small = kernel::MmaTile<32, 32, 32, 16, 64>;
};
static_assert(kSameExtents<ConvTiles<Precision::float32>, ConvBf16Tiles>);

/// The tile of a product [rows, columns]: the largest of which it makes enough to keep a device
/// busy, unless its columns would stand half empty.
/// @param times  how many such products one launch makes
constexpr ConvTile conv2d_bf16_tile(long rows, long columns, long times) {
  const auto padded = [&](ConvTile tile) {
    const long width = extent_of(tile).columns;
    return (columns + width - 1) / width * width;
  };
  const ConvTile tile = conv2d_tile(rows, columns, times);
  if (tile == ConvTile::wide && 100 * padded(tile) > 115 * padded(ConvTile::middle))
    return ConvTile::middle;
  return tile;
}

/// How a product is dealt out: a function of the extents alone.
struct ConvCut {
  ConvTile tile;
  int depth, parts;  ///< of a part; parts whose sums are added afterwards, 1: none
  long partial_floats(long rows, long columns) const {
    return parts > 1 ? parts * rows * columns : 0;
  }
};

/// Parts fill the device where the tiles do not, each of a depth that is worth a second launch.
constexpr ConvCut conv2d_bf16_cut(ConvTile tile, long rows, long columns, long depth, long times) {
  constexpr long least = 256, multiple = 64;
  const long tiles = times * extent_of(tile).tiles(rows, columns);
  const long wanted =
      2 * tiles >= kBusyBlocks ? 1 : std::clamp(kBusyBlocks / tiles, 1L, std::max(1L, depth / least));
  const long each = (depth + wanted - 1) / wanted;
  const long part = (each + multiple - 1) / multiple * multiple;
  return {tile, static_cast<int>(part), static_cast<int>((depth + part - 1) / part)};
}

namespace detail {

/// The tile that there is: the wide one fetches whole pieces of bfloat16 only.
template <class S>
constexpr ConvTile bf16_tile_with(ConvTile tile, bool whole) {
  return tile_with(tile, whole && std::is_same_v<S, bfloat16>);
}

template <class S, template <class> class Choose>
auto conv2d_bf16_kernel(ConvTile tile) {
  if constexpr (std::is_same_v<S, bfloat16>)
    if (tile == ConvTile::wide) return Choose<ConvBf16Tiles::Wide>::kernel;
  switch (tile) {
    case ConvTile::narrow:
      return Choose<ConvBf16Tiles::Narrow>::kernel;
    case ConvTile::wide:
    case ConvTile::middle:
      return Choose<ConvBf16Tiles::Middle>::kernel;
    case ConvTile::small:
      break;
  }
  return Choose<ConvBf16Tiles::Small>::kernel;
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
