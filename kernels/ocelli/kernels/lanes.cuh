// lanes: up to eight neighbouring values, as a thread loads, computes and stores them; and how a
// tensor's values are read (an Operand with its deferred batch norm) and gradients delivered.
//
// In a thread values are floats. In memory they are float or bfloat16, which `load` widens and
// `store` rounds to the nearest. V lanes of T need addresses that are multiples of V * sizeof(T)
// bytes, 16 at most; the launchers see to that.
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
  static_assert(V == 1 || V == 2 || V == 4 || V == 8);
  static constexpr int count = V;
  float v[V];
};

/// Most lanes that one access moves: 16 bytes.
template <class T>
inline constexpr int kWide = 16 / static_cast<int>(sizeof(T));

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
  if constexpr (V == 8) {
    const Lanes<4> a = load<4>(p), b = load<4>(p + 4);
    return {{a.v[0], a.v[1], a.v[2], a.v[3], b.v[0], b.v[1], b.v[2], b.v[3]}};
  } else if constexpr (V == 4) {
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
  if constexpr (V == 8) {
    store(p, Lanes<4>{{a.v[0], a.v[1], a.v[2], a.v[3]}});
    store(p + 4, Lanes<4>{{a.v[4], a.v[5], a.v[6], a.v[7]}});
  } else if constexpr (V == 4) {
    simt::store(p, make_float4(a.v[0], a.v[1], a.v[2], a.v[3]));
  } else if constexpr (V == 2) {
    simt::store(p, make_float2(a.v[0], a.v[1]));
  } else {
    *p = a.v[0];
  }
}

/// V values as they lie in memory: what a thread holds of those that it has asked for and does not
/// need yet.
template <int V, class T>
struct Packed;
template <int V>
struct Packed<V, float> {
  Lanes<V> lanes;
};
template <int V>
struct Packed<V, bfloat16> {
  static_assert(V % 2 == 0);
  unsigned words[V / 2];
};
template <>
struct Packed<1, bfloat16> {
  bfloat16 value;
};

template <int V>
OCELLI_DEVICE Packed<V, float> fetch(const float* p) {
  return {load<V>(p)};
}
template <int V>
OCELLI_DEVICE Packed<V, bfloat16> fetch(const bfloat16* p) {
  if constexpr (V == 8) {
    const uint4 w = simt::load<uint4>(p);
    return {{w.x, w.y, w.z, w.w}};
  } else if constexpr (V == 4) {
    const uint2 w = simt::load<uint2>(p);
    return {{w.x, w.y}};
  } else if constexpr (V == 2) {
    const ushort2 w = simt::load<ushort2>(p);
    return {{pack(bfloat16::from_bits(w.x), bfloat16::from_bits(w.y))}};
  } else {
    return {*p};
  }
}

template <int V>
OCELLI_DEVICE Lanes<V> widen(const Packed<V, float>& packed) {
  return packed.lanes;
}
template <int V>
OCELLI_DEVICE Lanes<V> widen(const Packed<V, bfloat16>& packed) {
  Lanes<V> a;
  if constexpr (V == 1) {
    a.v[0] = static_cast<float>(packed.value);
  } else {
    OCELLI_UNROLL
    for (int e = 0; e < V; ++e) {
      const unsigned two = packed.words[e / 2];
      a.v[e] = static_cast<float>(e % 2 == 0 ? low_half(two) : high_half(two));
    }
  }
  return a;
}

template <int V>
OCELLI_DEVICE Lanes<V> load(const bfloat16* p) {
  return widen(fetch<V>(p));
}

template <int V>
OCELLI_DEVICE void store(bfloat16* p, const Lanes<V>& a) {
  if constexpr (V == 8)
    simt::store(
        p, make_uint4(
               pack_rounded(a.v[0], a.v[1]), pack_rounded(a.v[2], a.v[3]),
               pack_rounded(a.v[4], a.v[5]), pack_rounded(a.v[6], a.v[7])));
  else if constexpr (V == 4)
    simt::store(p, make_uint2(pack_rounded(a.v[0], a.v[1]), pack_rounded(a.v[2], a.v[3])));
  else if constexpr (V == 2)
    simt::store(p, make_ushort2(bfloat16(a.v[0]).bits, bfloat16(a.v[1]).bits));
  else
    *p = bfloat16(a.v[0]);
}

/// The operand's values where `a` lies in memory, of channels c .. c + V - 1.
template <int V, class T>
OCELLI_DEVICE Lanes<V> value_of(const Operand<T>& x, Lanes<V> a, int c) {
  if (x.deferred()) {
    const Lanes<V> scale = load<V>(x.scale + c), shift = load<V>(x.shift + c);
    OCELLI_UNROLL
    for (int e = 0; e < V; ++e) a.v[e] = activate(x.activation, scale.v[e] * a.v[e] + shift.v[e]);
  }
  return a;
}
/// The operand's values i .. i + V - 1, of channels c .. c + V - 1.
template <int V, class T>
OCELLI_DEVICE Lanes<V> read(const Operand<T>& x, long i, int c) {
  return value_of(x, load<V>(x.data + i), c);
}

/// Where a gradient goes: overwritten, or added to what other readers of the tensor left.
template <class T>
struct Gradient {
  T* data;
  bool accumulate;
};

template <int V, class T>
OCELLI_DEVICE void deliver(const Gradient<T>& to, long i, Lanes<V> value) {
  if (to.accumulate) {
    const Lanes<V> old = load<V>(to.data + i);
    OCELLI_UNROLL
    for (int e = 0; e < V; ++e) value.v[e] = old.v[e] + value.v[e];
  }
  store<V>(to.data + i, value);
}

}  // namespace ocelli::kernel
