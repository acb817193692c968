// add: y = f(x0 + x1 + ...) and each dxk = dy * f'(...). Formula: ocelli/op/add.hpp.
//
// floor, for n values of T bytes and K inputs (f itself counts as one operation):
//   forward   bytes = T * (K + 1) * n                     flops = K * n
//   backward  bytes = T * (1 + r + written + added) * n   flops = 2 * n + added * n
//             r: tensors read for f' (y: 1; the inputs: K; none: 0); `written` of the dx are
//             wanted, `added` of them added to
// needs   n < 2^31; V = 16 / T where the channels are a multiple of that
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/kernels/activation.cuh"
#include "ocelli/op/add.hpp"

namespace ocelli::kernel {

template <class T = float>
constexpr Floor add_forward_floor(long values, int inputs) {
  return {kBytes<T> * (inputs + 1) * values, inputs * values};
}
template <class T = float>
constexpr Floor add_backward_floor(long values, int inputs, Activation f, int written, int added) {
  const int read = add_backward_reads_inputs(f) ? inputs : add_backward_reads_output(f) ? 1 : 0;
  return {kBytes<T> * (1 + read + written + added) * values, (2 + added) * values};
}

template <class T>
struct AddInputs {
  int count;
  Operand<T> x[kMaxInputs];
};
/// Where dy goes; data is null where it is not wanted.
template <class T>
struct AddGradients {
  Gradient<T> dx[kMaxInputs];
};

template <int V, class T>
OCELLI_DEVICE Lanes<V> sum_of_inputs(const AddInputs<T>& in, long i, int c) {
  Lanes<V> sum = read<V>(in.x[0], i, c);
  OCELLI_UNROLL
  for (int k = 1; k < kMaxInputs; ++k) {
    if (k >= in.count) break;
    const Lanes<V> more = read<V>(in.x[k], i, c);
    OCELLI_UNROLL
    for (int e = 0; e < V; ++e) sum.v[e] += more.v[e];
  }
  return sum;
}

/// A thread V values. y may be an undeferred input.
template <int V, class T>
OCELLI_KERNEL_BOUNDS(kElementThreads)
add_forward(AddInputs<T> in, int values, Divider vectors, Activation f, T* y) {
  const int at = thread_of_grid();
  if (at >= values / V) return;
  Lanes<V> value = sum_of_inputs<V>(in, long(at) * V, vectors.remainder(at) * V);
  OCELLI_UNROLL
  for (int e = 0; e < V; ++e) value.v[e] = activate(f, value.v[e]);
  store<V>(y + long(at) * V, value);
}

/// A thread V values. One dx may be dy. Reads y or the inputs only where f' needs them.
template <int V, class T>
OCELLI_KERNEL_BOUNDS(kElementThreads)
add_backward(
    AddInputs<T> in, const T* y, const T* dy, int values, Divider vectors, Activation f,
    AddGradients<T> out) {
  const int at = thread_of_grid();
  if (at >= values / V) return;
  const long i = long(at) * V;
  Lanes<V> gradient = load<V>(dy + i);
  if (add_backward_reads_output(f)) {
    const Lanes<V> value = load<V>(y + i);
    OCELLI_UNROLL
    for (int e = 0; e < V; ++e) gradient.v[e] *= activation_slope_at_output(f, value.v[e]);
  }
  if (add_backward_reads_inputs(f)) {
    const Lanes<V> sum = sum_of_inputs<V>(in, i, vectors.remainder(at) * V);
    OCELLI_UNROLL
    for (int e = 0; e < V; ++e) gradient.v[e] *= activation_slope(f, sum.v[e]);
  }
  OCELLI_UNROLL
  for (int k = 0; k < kMaxInputs; ++k)
    if (k < in.count && out.dx[k].data != nullptr) deliver<V>(out.dx[k], i, gradient);
}

}  // namespace ocelli::kernel
