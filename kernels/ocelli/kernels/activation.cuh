// activation: y = f(x) and dx = dy * f'(x), value by value. Formula: ocelli/op/activation.hpp.
//
// floor, for n values of T bytes (f itself counts as one operation):
//   forward   bytes = T * 2n    flops = n
//   backward  bytes = T * 3n    flops = 2n,   + T * n bytes to accumulate
// needs   n < 2^31; V = 16 / T where the channels are a multiple of that
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/kernels/divider.cuh"
#include "ocelli/kernels/floor.cuh"
#include "ocelli/kernels/lanes.cuh"

namespace ocelli::kernel {

template <class T = float>
constexpr Floor activation_forward_floor(long values) {
  return {2 * kBytes<T> * values, values};
}
template <class T = float>
constexpr Floor activation_backward_floor(long values, bool accumulate) {
  return {kBytes<T> * (accumulate ? 4 : 3) * values, 2 * values};
}

inline constexpr int kElementThreads = 256;

/// A thread V values, of channels that `vectors` (channels / V) tells.
template <int V, class T>
OCELLI_KERNEL_BOUNDS(kElementThreads)
activation_forward(Operand<T> x, int values, Divider vectors, Activation f, T* y) {
  const int at = thread_of_grid();
  if (at >= values / V) return;
  Lanes<V> value = read<V>(x, long(at) * V, vectors.remainder(at) * V);
  OCELLI_UNROLL
  for (int e = 0; e < V; ++e) value.v[e] = activate(f, value.v[e]);
  store<V>(y + long(at) * V, value);
}

/// dx may be dy.
template <int V, class T>
OCELLI_KERNEL_BOUNDS(kElementThreads)
activation_backward(
    Operand<T> x, const T* dy, int values, Divider vectors, Activation f, Gradient<T> dx) {
  const int at = thread_of_grid();
  if (at >= values / V) return;
  const Lanes<V> value = read<V>(x, long(at) * V, vectors.remainder(at) * V);
  Lanes<V> gradient = load<V>(dy + long(at) * V);
  OCELLI_UNROLL
  for (int e = 0; e < V; ++e) gradient.v[e] *= activation_slope(f, value.v[e]);
  deliver<V>(dx, long(at) * V, gradient);
}

}  // namespace ocelli::kernel
