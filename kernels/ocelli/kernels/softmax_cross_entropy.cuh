// softmax_cross_entropy: losses of rows of logits, one class each, and gradients. Formula:
// ocelli/loss/softmax_cross_entropy.hpp.
//
// tiling    one warp = one row; one block = 8 rows
// bytes     rows * (8 * columns + 4 + 4), + 4 * rows with weights; without gradients 4 * columns
// FLOPs     rows * columns * (2 * 24 + 3): the exponential twice, instead of storing it
// bound     51 columns and more: 6 FLOP/byte, so memory and arithmetic alike
// needs     targets in 0..columns - 1
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ocelli/core/fast_math.hpp"
#include "ocelli/kernels/floor.cuh"
#include "ocelli/kernels/flops.cuh"
#include "ocelli/kernels/reduce.cuh"

namespace ocelli::kernel {

inline constexpr int kSoftmaxThreads = 256;
inline constexpr int kSoftmaxRows = kSoftmaxThreads / 32;

constexpr Floor softmax_cross_entropy_floor(long rows, long columns, bool gradient, bool weights) {
  const long once = kExpFlops + 1;  // the difference and its exponential
  return {
      rows * ((gradient ? 8 : 4) * columns + 8 + (weights ? 4 : 0)),
      rows * columns * (gradient ? 2 * once + 3 : once + 2)};
}

/// Grid (rows / 8).
/// @param logits    [rows, columns]   @param targets  [rows]
/// @param weights   [rows], or null: all 1
/// @param losses    [rows], weighted
/// @param d_logits  [rows, columns], weighted, or null
OCELLI_KERNEL_BOUNDS(kSoftmaxThreads)
softmax_cross_entropy(
    const float* logits, const std::int32_t* targets, const float* weights, int rows, int columns,
    float* losses, float* d_logits) {
  const long row = static_cast<long>(blockIdx.x) * kSoftmaxRows + warp_id();
  if (row >= rows) return;  // whole warps
  const float* z = logits + row * columns;
  const int target = targets[row];
  const float weight = weights == nullptr ? 1.0f : weights[row];
  float top = z[0];
  for (int c = lane_id(); c < columns; c += 32) top = z[c] > top ? z[c] : top;
  for (int step = 16; step > 0; step /= 2) {
    const float other = __shfl_xor_sync(kWholeWarp, top, step);
    top = other > top ? other : top;
  }
  float sum = 0;
  for (int c = lane_id(); c < columns; c += 32) sum += fast_exp(z[c] - top);
  sum = warp_sum(sum);
  if (lane_id() == 0) losses[row] = weight * (logf(sum) + (top - z[target]));
  if (d_logits == nullptr) return;
  const float scale = weight / sum;
  for (int c = lane_id(); c < columns; c += 32)
    d_logits[row * columns + c] = scale * fast_exp(z[c] - top) - (c == target ? weight : 0.0f);
}

}  // namespace ocelli::kernel
