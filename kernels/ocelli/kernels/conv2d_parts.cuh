// The second stage of a convolution in bf16 whose depth was cut: the sums of its parts, added in an
// order that their number alone determines.
//
// floor, for n values of p parts and tensors of S bytes a value:
//   conv2d_add_parts         bytes = 4 * p * n + S * n      flops = (p - 1) * n
//     with a bias 4 * channels bytes and n flops more, to accumulate S * n and n
//   conv2d_add_weight_parts  bytes = 4 * (p * n + 2 * n)    flops = p * n
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/kernels/divider.cuh"
#include "ocelli/kernels/floor.cuh"
#include "ocelli/kernels/lanes.cuh"

namespace ocelli::kernel {

template <class S>
constexpr Floor conv2d_add_parts_floor(
    long values, long channels, long parts, bool bias, bool accumulate) {
  const long bytes = kBytes<S> * (accumulate ? 2 : 1);
  return {
      (4 * parts + bytes) * values + (bias ? 4 * channels : 0),
      (parts - 1 + (bias ? 1 : 0) + (accumulate ? 1 : 0)) * values};
}

constexpr Floor conv2d_add_weight_parts_floor(long weights, long parts) {
  return {4 * (parts + 2) * weights, parts * weights};
}

inline constexpr int kConvElementThreads = 256;

/// to = f(sum of the parts + bias), or to += it; a thread a value.
/// @param partial  [parts, values]
/// @param bias     [channels], or null
template <class S>
OCELLI_KERNEL_BOUNDS(kConvElementThreads)
conv2d_add_parts(
    const float* partial, int parts, int values, Divider by_channels, const float* bias,
    Activation f, Gradient<S> to) {
  const int at = thread_of_grid();
  if (at >= values) return;
  float sum = partial[at];
  for (int part = 1; part < parts; ++part) sum += partial[long(part) * values + at];
  if (bias != nullptr) sum += bias[by_channels.remainder(at)];
  deliver(to, at, Lanes<1>{{activate(f, sum)}});
}

/// Of a block: weights, and threads that share a weight's parts.
inline constexpr int kPartColumns = 32, kPartRows = 32;

/// gradient[i] += the sum of partial [parts, weights] over many parts.
OCELLI_KERNEL_BOUNDS(kPartColumns* kPartRows)
conv2d_add_weight_parts(const float* partial, int parts, int weights, float* gradient) {
  OCELLI_SHARED(double, sums, [kPartRows][kPartColumns]);
  const int i = block_x() * kPartColumns + thread_x();
  double sum = 0.0;
  if (i < weights)
    for (int part = thread_y(); part < parts; part += kPartRows)
      sum += static_cast<double>(partial[long(part) * weights + i]);
  sums[thread_y()][thread_x()] = sum;
  for (int half = kPartRows / 2; half > 0; half /= 2) {
    __syncthreads();
    if (thread_y() < half) sums[thread_y()][thread_x()] += sums[thread_y() + half][thread_x()];
  }
  if (thread_y() == 0 && i < weights)
    gradient[i] = static_cast<float>(static_cast<double>(gradient[i]) + sums[0][thread_x()]);
}

}  // namespace ocelli::kernel
