// lanes: one, two or four neighbouring values, as a thread loads, computes and stores them; and how
// a tensor's values are read (an Operand with its deferred batch norm) and gradients delivered.
//
// V lanes need addresses that are multiples of 4 * V bytes; the launchers see to that.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/op/call.hpp"
#include "ocelli/simt/device.hpp"

/// Before a long loop that nvcc must not unroll, where that would cost registers.
#ifdef __CUDACC__
#define OCELLI_ONE_BY_ONE _Pragma("unroll 1")
#else
#define OCELLI_ONE_BY_ONE
#endif

namespace ocelli::kernel {

template <int V>
struct Lanes {
  static_assert(V == 1 || V == 2 || V == 4);
  static constexpr int count = V;
  float v[V];
};

OCELLI_DEVICE int block_x() { return static_cast<int>(blockIdx.x); }
OCELLI_DEVICE int block_y() { return static_cast<int>(blockIdx.y); }
OCELLI_DEVICE int block_z() { return static_cast<int>(blockIdx.z); }
OCELLI_DEVICE int thread_x() { return static_cast<int>(threadIdx.x); }
OCELLI_DEVICE int thread_y() { return static_cast<int>(threadIdx.y); }
/// This thread's place in a launch of one-dimensional blocks.
OCELLI_DEVICE int thread_of_grid() { return block_x() * static_cast<int>(blockDim.x) + thread_x(); }

template <int V>
OCELLI_DEVICE Lanes<V> lanes_of(float value) {
  Lanes<V> lanes;
  OCELLI_UNROLL
  for (int e = 0; e < V; ++e) lanes.v[e] = value;
  return lanes;
}

template <int V>
OCELLI_DEVICE Lanes<V> load(const float* p) {
  if constexpr (V == 4) {
    const float4 four = simt::load<float4>(p);
    return {{four.x, four.y, four.z, four.w}};
  } else if constexpr (V == 2) {
    const float2 two = simt::load<float2>(p);
    return {{two.x, two.y}};
  } else {
    return {{*p}};
  }
}

template <int V>
OCELLI_DEVICE void store(float* p, const Lanes<V>& a) {
  if constexpr (V == 4)
    simt::store(p, make_float4(a.v[0], a.v[1], a.v[2], a.v[3]));
  else if constexpr (V == 2)
    simt::store(p, make_float2(a.v[0], a.v[1]));
  else
    *p = a.v[0];
}

/// The operand's values i .. i + V - 1, of channels c .. c + V - 1.
template <int V>
OCELLI_DEVICE Lanes<V> read(const Operand<float>& x, long i, int c) {
  Lanes<V> a = load<V>(x.data + i);
  if (x.deferred()) {
    const Lanes<V> scale = load<V>(x.scale + c), shift = load<V>(x.shift + c);
    OCELLI_UNROLL
    for (int e = 0; e < V; ++e) a.v[e] = activate(x.activation, scale.v[e] * a.v[e] + shift.v[e]);
  }
  return a;
}

/// Where a gradient goes: overwritten, or added to what other readers of the tensor left.
struct Gradient {
  float* data;
  bool accumulate;
};

template <int V>
OCELLI_DEVICE void deliver(const Gradient& to, long i, Lanes<V> value) {
  if (to.accumulate) {
    const Lanes<V> old = load<V>(to.data + i);
    OCELLI_UNROLL
    for (int e = 0; e < V; ++e) value.v[e] = old.v[e] + value.v[e];
  }
  store<V>(to.data + i, value);
}

}  // namespace ocelli::kernel
