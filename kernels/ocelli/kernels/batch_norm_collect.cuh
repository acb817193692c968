// batch_norm_collect: batch norm's statistics from the moments of chunks of its input's rows, which
// the operation that made the input has left.
//
//   mean = sum of n_i * m_i / n,   variance = sum of (s_i + n_i * (m_i - mean)^2) / n
//
// for chunks of n_i rows with mean m_i and sum of squared differences s_i, added in double, in an
// order that depends on the number of chunks alone.
//
// floor   bytes = 4 * (2 * chunks * C + 10 * C)    flops = 5 * chunks * C
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/kernels/batch_norm.cuh"

namespace ocelli::kernel {

/// Of a block: channels, and threads that share a channel's chunks. A warp reads whole sectors.
inline constexpr int kCollectColumns = 8, kCollectRows = 128;

constexpr Floor batch_norm_collect_floor(long channels, long chunks) {
  return {4 * (2 * chunks * channels + 10 * channels), 5 * chunks * channels};
}

/// @param moments  [chunks, 2, channels]
/// @param chunk    rows of each but the last
OCELLI_KERNEL_BOUNDS(kCollectColumns* kCollectRows)
batch_norm_collect(
    const float* moments, int chunks, int chunk, int rows, int channels, NormTensors norm) {
  OCELLI_SHARED(double, sums, [2][kCollectRows][kCollectColumns]);
  const int c = block_x() * kCollectColumns + thread_x();
  // Differences from the first chunk's mean, so that a large mean takes no digits from a small
  // variance.
  const double pivot = c < channels ? static_cast<double>(moments[c]) : 0.0;
  double sum = 0.0, square = 0.0;
  if (c < channels)
    for (int i = thread_y(); i < chunks; i += kCollectRows) {
      const float* const at = moments + long(i) * 2 * channels + c;
      const double n = rows - i * chunk < chunk ? rows - i * chunk : chunk;
      const double d = static_cast<double>(at[0]) - pivot;
      sum += n * d;
      square += static_cast<double>(at[channels]) + n * d * d;
    }
  sums[0][thread_y()][thread_x()] = sum;
  sums[1][thread_y()][thread_x()] = square;
  for (int half = kCollectRows / 2; half > 0; half /= 2) {
    __syncthreads();
    if (thread_y() >= half) continue;
    OCELLI_UNROLL
    for (int k = 0; k < 2; ++k)
      sums[k][thread_y()][thread_x()] += sums[k][thread_y() + half][thread_x()];
  }
  if (thread_y() != 0 || c >= channels) return;
  const double n = rows, from_pivot = sums[0][0][thread_x()] / n;
  double variance = sums[1][0][thread_x()] / n - from_pivot * from_pivot;
  if (variance < 0.0) variance = 0.0;  // by rounding; NaN stays
  const double mean = pivot + from_pivot;
  move_statistics(norm, rows, c, mean, variance);
  put_statistics(norm, channels, c, mean, variance);
}

}  // namespace ocelli::kernel
