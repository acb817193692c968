// How operations are dealt out to blocks and threads: numbers of blocks, lanes, columns.
//
// All of it is a function of the extents (and, for lanes, of the addresses' alignment),
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

/// Whether lanes of 16 bytes may be loaded there; null may.
template <class... T>
bool aligned(const T*... p) {
  return ((reinterpret_cast<std::uintptr_t>(p) % 16 == 0) && ...);
}
template <class T>
bool aligned(const Operand<T>& x) {
  return aligned(x.data, x.scale, x.shift);
}

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

/// Lanes of a thread that has neighbouring channels of a tensor of T: 16 bytes, or 1.
template <class T>
constexpr int channel_lanes(int channels, bool may_be_wide) {
  return may_be_wide && channels % kernel::kWide<T> == 0 ? kernel::kWide<T> : 1;
}

/// Block and grid of column_partials.
struct ColumnLaunch {
  dim3 grid, block;
};
/// @param lanes  of a thread
inline ColumnLaunch column_launch(int channels, int lanes, int chunks) {
  const int vectors = channels / lanes;
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
template <class T>
void add_column_sums(
    simt::Stream stream, const T* x, long rows, int channels, float* partial, float* gradient) {
  const RowChunks cut = row_chunks(rows, channels);
  const int lanes = channel_lanes<T>(channels, aligned(x));
  const ColumnLaunch launch = column_launch(channels, lanes, cut.chunks);
  simt::launch(
      lanes > 1 ? kernel::column_sums<kernel::kWide<T>, T> : kernel::column_sums<1, T>, launch.grid,
      launch.block, 0, stream, x, static_cast<int>(rows), channels, cut.chunk, partial);
  simt::launch(
      kernel::add_column_totals, total_grid(channels), kTotalBlock, 0, stream, partial, cut.chunks,
      channels, gradient);
}

}  // namespace ocelli::cuda
