// softmax: over the channels of each pixel, a warp a pixel. Formula: ocelli/op/softmax.hpp.
//
// Lanes take every 32nd channel; their sums meet in a butterfly, whose order is fixed.
//
// floor, for P pixels of C channels (an exponential counts as one operation):
//   forward   bytes = 4 * 2 * P*C    flops = 5 * P*C   (largest, difference, exp, sum, division)
//   backward  bytes = 4 * 3 * P*C    flops = 4 * P*C,   + 4 * P*C bytes to accumulate
// needs   P*C < 2^31
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/kernels/floor.cuh"
#include "ocelli/kernels/lanes.cuh"
#include "ocelli/op/softmax.hpp"

namespace ocelli::kernel {

constexpr Floor softmax_forward_floor(long pixels, long channels) {
  return {8 * pixels * channels, 5 * pixels * channels};
}
constexpr Floor softmax_backward_floor(long pixels, long channels, bool accumulate) {
  return {4 * (accumulate ? 4 : 3) * pixels * channels, 4 * pixels * channels};
}

inline constexpr int kSoftmaxPixels = 8;  ///< of a block: its warps

OCELLI_DEVICE float sum_of_warp(float value) {
  OCELLI_UNROLL
  for (int bit = 16; bit > 0; bit /= 2) value += __shfl_xor_sync(0xFFFFFFFFu, value, bit);
  return value;
}
OCELLI_DEVICE float largest_of_warp(float value) {
  OCELLI_UNROLL
  for (int bit = 16; bit > 0; bit /= 2) {
    const float other = __shfl_xor_sync(0xFFFFFFFFu, value, bit);
    value = other > value ? other : value;
  }
  return value;
}

/// Block: 32 lanes by kSoftmaxPixels. y may be x where that is not deferred.
OCELLI_KERNEL_BOUNDS(32 * kSoftmaxPixels)
softmax_forward(Operand<float> x, int pixels, int channels, float* y) {
  const int pixel = block_x() * kSoftmaxPixels + thread_y();
  if (pixel >= pixels) return;  // the whole warp
  const long row = long(pixel) * channels;
  float most = read<1>(x, row, 0).v[0];
  for (int c = thread_x(); c < channels; c += 32) {
    const float value = read<1>(x, row + c, c).v[0];
    most = value > most ? value : most;
  }
  most = largest_of_warp(most);
  float sum = 0.0f;
  for (int c = thread_x(); c < channels; c += 32) {
    const float e = expf(read<1>(x, row + c, c).v[0] - most);
    y[row + c] = e;
    sum += e;
  }
  sum = sum_of_warp(sum);
  for (int c = thread_x(); c < channels; c += 32) y[row + c] /= sum;
}

/// Block: 32 lanes by kSoftmaxPixels. dx may be dy.
OCELLI_KERNEL_BOUNDS(32 * kSoftmaxPixels)
softmax_backward(const float* y, const float* dy, int pixels, int channels, Gradient<float> dx) {
  const int pixel = block_x() * kSoftmaxPixels + thread_y();
  if (pixel >= pixels) return;  // the whole warp
  const long row = long(pixel) * channels;
  float sum = 0.0f;
  for (int c = thread_x(); c < channels; c += 32) sum += y[row + c] * dy[row + c];
  sum = sum_of_warp(sum);
  for (int c = thread_x(); c < channels; c += 32)
    deliver<1>(dx, row + c, Lanes<1>{{y[row + c] * (dy[row + c] - sum)}});
}

}  // namespace ocelli::kernel
