// column_sums: sums over the rows of a matrix [rows, channels], channel by channel, in two stages
// whose order depends on the extents alone: so two runs give the same bits on any device.
//
//   1. partials   a block sums `chunk` rows of up to 32 * V channels, its rows in a tree
//   2. totals     a block sums the chunks of 32 channels, in double
//
// add_column_totals  floor: 4 * (chunks * channels + 2 * channels) bytes, chunks * channels FLOPs
// column_partials    floor: (T * rows + 4 * chunks) * channels bytes, rows * channels FLOPs, for
// values
//                    of T bytes
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/kernels/floor.cuh"
#include "ocelli/kernels/lanes.cuh"

namespace ocelli::kernel {

inline constexpr int kColumnThreads = 256;                ///< of a block of partials, x * y
inline constexpr int kTotalColumns = 32, kTotalRows = 8;  ///< of a block of totals, x and y

template <class T = float>
constexpr Floor column_partials_floor(long rows, long channels, long chunks) {
  return {(kBytes<T> * rows + 4 * chunks) * channels, rows * channels};
}
constexpr Floor add_column_totals_floor(long chunks, long channels) {
  return {4 * (chunks * channels + 2 * channels), chunks * channels};
}

/// Stage 1: Count sums at once. fetch(row, c) asks for a row's numbers and term(fetched, c) makes a
/// Lanes<V>[Count] of them, wrapped in Terms; a thread asks for Ahead rows before it uses the
/// first, so that enough of memory is on its way. Block: x lanes over the channels by y rows, both
/// powers of two, kColumnThreads in all. Grid: channels, chunks.
template <int V, int Count>
struct Terms {
  Lanes<V> sum[Count];
};

/// @param partial  [chunks, Count, channels]
template <int V, int Count, int Ahead, class Fetch, class Term>
OCELLI_DEVICE void column_partials(
    int rows, int channels, int chunk, float* partial, const Fetch& fetch, const Term& term) {
  OCELLI_SHARED(float, sums, [Count * V][kColumnThreads]);
  const int c = (block_x() * static_cast<int>(blockDim.x) + thread_x()) * V;
  const int first = block_y() * chunk;
  const int last = rows - first < chunk ? rows : first + chunk;

  Terms<V, Count> mine;
  OCELLI_UNROLL
  for (int k = 0; k < Count; ++k) mine.sum[k] = lanes_of<V>(0.0f);
  const int step = static_cast<int>(blockDim.y);
  if (c < channels)
    for (int row = first + thread_y(); row < last; row += Ahead * step) {
      decltype(fetch(row, c)) fetched[Ahead];
      OCELLI_UNROLL
      for (int a = 0; a < Ahead; ++a) {
        const int at = row + a * step;
        fetched[a] = fetch(at < last ? at : row, c);
      }
      OCELLI_UNROLL
      for (int a = 0; a < Ahead; ++a) {
        if (row + a * step >= last) continue;
        const Terms<V, Count> more = term(fetched[a], c);
        OCELLI_UNROLL
        for (int k = 0; k < Count; ++k) OCELLI_UNROLL
        for (int e = 0; e < V; ++e) mine.sum[k].v[e] += more.sum[k].v[e];
      }
    }

  const int width = static_cast<int>(blockDim.x);
  const int place = thread_y() * width + thread_x();
  OCELLI_UNROLL
  for (int k = 0; k < Count; ++k) OCELLI_UNROLL
  for (int e = 0; e < V; ++e) sums[k * V + e][place] = mine.sum[k].v[e];
  for (int half = static_cast<int>(blockDim.y) / 2; half > 0; half /= 2) {
    __syncthreads();
    if (thread_y() >= half) continue;
    OCELLI_UNROLL
    for (int k = 0; k < Count * V; ++k) sums[k][place] += sums[k][place + half * width];
  }
  if (thread_y() != 0 || c >= channels) return;
  OCELLI_UNROLL
  for (int k = 0; k < Count; ++k) {
    Lanes<V> total;
    OCELLI_UNROLL
    for (int e = 0; e < V; ++e) total.v[e] = sums[k * V + e][place];
    store<V>(partial + (long(block_y()) * Count + k) * channels + c, total);
  }
}

/// Stage 2: the totals of channel c, of which every thread of the block must ask (c may lie beyond
/// the channels). True for the one thread of each channel that gets them.
template <int Count>
OCELLI_DEVICE bool column_totals(
    const float* partial, int chunks, int channels, int c, double (&total)[Count]) {
  OCELLI_SHARED(double, sums, [Count][kTotalRows][kTotalColumns]);
  OCELLI_UNROLL
  for (int k = 0; k < Count; ++k) {
    double sum = 0;
    if (c < channels)
      for (int chunk = thread_y(); chunk < chunks; chunk += kTotalRows)
        sum += static_cast<double>(partial[(long(chunk) * Count + k) * channels + c]);
    sums[k][thread_y()][thread_x()] = sum;
  }
  __syncthreads();
  if (thread_y() != 0 || c >= channels) return false;
  OCELLI_UNROLL
  for (int k = 0; k < Count; ++k) {
    total[k] = 0;
    for (int y = 0; y < kTotalRows; ++y) total[k] += sums[k][y][thread_x()];
  }
  return true;
}

/// The channel of this thread in a block of totals.
OCELLI_DEVICE int total_channel() { return block_x() * kTotalColumns + thread_x(); }

/// Sums of each channel of x.
template <int V, class T>
OCELLI_KERNEL_BOUNDS(kColumnThreads)
column_sums(const T* x, int rows, int channels, int chunk, float* partial) {
  column_partials<V, 1, 4>(
      rows, channels, chunk, partial,
      [=](int row, int c) { return fetch<V>(x + long(row) * channels + c); },
      [](const Packed<V, T>& values, int) { return Terms<V, 1>{{widen(values)}}; });
}

/// gradient[c] += the sum of partial [chunks, channels] over the chunks.
OCELLI_KERNEL_BOUNDS(kTotalColumns* kTotalRows)
add_column_totals(const float* partial, int chunks, int channels, float* gradient) {
  const int c = total_channel();
  double total[1];
  if (column_totals<1>(partial, chunks, channels, c, total))
    gradient[c] = static_cast<float>(static_cast<double>(gradient[c]) + total[0]);
}

}  // namespace ocelli::kernel
