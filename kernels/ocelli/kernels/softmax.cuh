// softmax: over the channels of each pixel, a warp a pixel. Formula: ocelli/op/softmax.hpp.
//
// Lanes take every 32nd channel; their sums meet in a butterfly, whose order is fixed.
//
// floor, for P pixels of C channels of T bytes (an exponential counts as one operation):
//   forward   bytes = T * 2 * P*C    flops = 5 * P*C   (largest, difference, exp, sum, division)
//   backward  bytes = T * 3 * P*C    flops = 4 * P*C,   + T * P*C bytes to accumulate
// needs   P*C < 2^31
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/kernels/floor.cuh"
#include "ocelli/kernels/lanes.cuh"
#include "ocelli/op/softmax.hpp"

namespace ocelli::kernel {

template <class T = float>
constexpr Floor softmax_forward_floor(long pixels, long channels) {
  return {2 * kBytes<T> * pixels * channels, 5 * pixels * channels};
}
template <class T = float>
constexpr Floor softmax_backward_floor(long pixels, long channels, bool accumulate) {
  return {kBytes<T> * (accumulate ? 4 : 3) * pixels * channels, 4 * pixels * channels};
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

/// Block: 32 lanes by kSoftmaxPixels. y may be x where that is not deferred. The exponentials are
/// made twice, so that they need not be rounded to T in between.
template <class T>
OCELLI_KERNEL_BOUNDS(32 * kSoftmaxPixels)
softmax_forward(Operand<T> x, int pixels, int channels, T* y) {
  const int pixel = block_x() * kSoftmaxPixels + thread_y();
  if (pixel >= pixels) return;  // the whole warp
  const long row = long(pixel) * channels;
  float most = read<1>(x, row, 0).v[0];
  for (int c = thread_x(); c < channels; c += 32) {
    const float value = read<1>(x, row + c, c).v[0];
    most = value > most ? value : most;
  }
  most = largest_of_warp(most);
  const auto exponential = [&](int c) { return expf(read<1>(x, row + c, c).v[0] - most); };
  float sum = 0.0f;
  for (int c = thread_x(); c < channels; c += 32) sum += exponential(c);
  sum = sum_of_warp(sum);
  for (int c = thread_x(); c < channels; c += 32)
    store(y + row + c, Lanes<1>{{exponential(c) / sum}});
}

/// Block: 32 lanes by kSoftmaxPixels. dx may be dy.
template <class T>
OCELLI_KERNEL_BOUNDS(32 * kSoftmaxPixels)
softmax_backward(const T* y, const T* dy, int pixels, int channels, Gradient<T> dx) {
  const int pixel = block_x() * kSoftmaxPixels + thread_y();
  if (pixel >= pixels) return;  // the whole warp
  const long row = long(pixel) * channels;
  const auto at = [row](const T* p, int c) { return load<1>(p + row + c).v[0]; };
  float sum = 0.0f;
  for (int c = thread_x(); c < channels; c += 32) sum += at(y, c) * at(dy, c);
  sum = sum_of_warp(sum);
  for (int c = thread_x(); c < channels; c += 32)
    deliver<1>(dx, row + c, Lanes<1>{{at(y, c) * (at(dy, c) - sum)}});
}

}  // namespace ocelli::kernel
