// A deferred batch norm and its activation as convolutions apply them: the values of lanes.cuh's
// read(), in fewer instructions, since these stand in the middle of long loops.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/kernels/lanes.cuh"

namespace ocelli::kernel {

/// f of each.
template <int V>
OCELLI_DEVICE void activate_all(Activation f, Lanes<V>& a) {
  if (f == Activation::none) return;
  if (f == Activation::relu || f == Activation::relu6) {
    const float most = f == Activation::relu6 ? 6.0f : __uint_as_float(0x7F800000u);
    OCELLI_UNROLL
    for (int e = 0; e < V; ++e)  // NaN stays
      a.v[e] = a.v[e] < 0.0f ? 0.0f : (a.v[e] > most ? most : a.v[e]);
    return;
  }
  // An exponential is long, so there is one of it, through which all go in turn.
  OCELLI_ONE_BY_ONE
  for (int turn = 0; turn < V; ++turn) {
    const float done = activate(f, a.v[0]);
    OCELLI_UNROLL
    for (int e = 1; e < V; ++e) a.v[e - 1] = a.v[e];
    a.v[V - 1] = done;
  }
}

/// The norm of channels c .. c + V - 1, of V values.
template <int V, class S>
OCELLI_DEVICE Lanes<V> normed(const Operand<S>& x, int c, Lanes<V> a) {
  const Lanes<V> scale = load<V>(x.scale + c), shift = load<V>(x.shift + c);
  OCELLI_UNROLL
  for (int e = 0; e < V; ++e) a.v[e] = scale.v[e] * a.v[e] + shift.v[e];
  activate_all(x.activation, a);
  return a;
}

/// The operand's values i .. i + V - 1, of channels c .. c + V - 1.
template <int V, class S>
OCELLI_DEVICE Lanes<V> read_normed(const Operand<S>& x, long i, int c) {
  const Lanes<V> a = load<V>(x.data + i);
  return x.deferred() ? normed(x, c, a) : a;
}

}  // namespace ocelli::kernel
