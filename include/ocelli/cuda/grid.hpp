// How operations are dealt out to blocks and threads: numbers of blocks, lanes of four, columns.
//
// All of it is a function of the extents (and, for lanes of four, of the addresses' alignment),
// never of the device: so every device makes its sums in the same order.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "ocelli/kernels/column_sums.cuh"
#include "ocelli/op/call.hpp"
#include "ocelli/simt/device.hpp"

namespace ocelli::cuda {

/// Blocks that hold `count` things, `each` a block; count > 0.
constexpr unsigned blocks(long count, long each) {
  return static_cast<unsigned>((count + each - 1) / each);
}

/// What a device should have at least to be busy: two blocks on each of some 132 multiprocessors.
inline constexpr long kBusyBlocks = 264;

/// Whether lanes of four may be loaded there; null may.
template <class... T>
bool aligned(const T*... p) {
  return ((reinterpret_cast<std::uintptr_t>(p) % 16 == 0) && ...);
}
inline bool aligned(const Operand<float>& x) { return aligned(x.data, x.scale, x.shift); }

/// The smallest power of two that is not below `n`, at most `limit` (a power of two).
constexpr int power_of_two(int n, int limit) {
  int p = 1;
  while (p < n && p < limit) p *= 2;
  return p;
}

/// Rows that one block of a first stage of column sums takes, and how many blocks that makes.
struct RowChunks {
  int chunk, chunks;
};
inline RowChunks row_chunks(long rows, long channels) {
  const long across = (channels + 127) / 128;
  const long wanted = std::clamp(rows / 128, 1L, std::max(1L, 2 * kBusyBlocks / across));
  const long chunk = (rows + wanted - 1) / wanted;
  return {static_cast<int>(chunk), static_cast<int>((rows + chunk - 1) / chunk)};
}

/// Block and grid of column_partials.
struct ColumnLaunch {
  dim3 grid, block;
};
inline ColumnLaunch column_launch(int channels, bool four, int chunks) {
  const int vectors = four ? channels / 4 : channels;
  const int width = power_of_two(vectors, 32);
  return {
      dim3(blocks(vectors, width), static_cast<unsigned>(chunks)),
      dim3(static_cast<unsigned>(width), static_cast<unsigned>(kernel::kColumnThreads / width))};
}

/// Block and grid of the second stage.
inline const dim3 kTotalBlock(kernel::kTotalColumns, kernel::kTotalRows);
inline dim3 total_grid(long channels) { return dim3(blocks(channels, kernel::kTotalColumns)); }

/// gradient[c] += the column sums of x [rows, channels]; needs column_sum_floats of workspace.
inline long column_sum_floats(long rows, long channels) {
  return row_chunks(rows, channels).chunks * channels;
}
inline void add_column_sums(
    simt::Stream stream, const float* x, long rows, int channels, float* partial, float* gradient) {
  const RowChunks cut = row_chunks(rows, channels);
  const bool four = channels % 4 == 0 && aligned(x);
  const ColumnLaunch launch = column_launch(channels, four, cut.chunks);
  simt::launch(
      four ? kernel::column_sums<4> : kernel::column_sums<1>, launch.grid, launch.block, 0, stream,
      x, static_cast<int>(rows), channels, cut.chunk, partial);
  simt::launch(
      kernel::add_column_totals, total_grid(channels), kTotalBlock, 0, stream, partial, cut.chunks,
      channels, gradient);
}

}  // namespace ocelli::cuda
