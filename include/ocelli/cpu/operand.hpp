// operand: reads an operation's input, with the deferred batch norm and activation applied.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>

#include "ocelli/cpu/simd.hpp"
#include "ocelli/op/call.hpp"

namespace ocelli::cpu {

/// scale * x + shift for the channels c .. of one vector, then an activation.
/// Clamped: the activation is none, relu or relu6.
template <class V, bool Clamped>
struct Transform {
  V scale, shift, low, high;
  Activation activation;

  OCELLI_ALWAYS_INLINE Transform(const Operand<float>& x, int c)
      : scale(load<V>(x.scale + c)),
        shift(load<V>(x.shift + c)),
        low(fill<V>(clamp_low(x.activation))),
        high(fill<V>(clamp_high(x.activation))),
        activation(x.activation) {}
  OCELLI_ALWAYS_INLINE V operator()(V x) const {
    x = scale * x + shift;
    if constexpr (Clamped) return clamp(x, low, high);
    return activate_each(activation, x);
  }
};

/// Stands in for Transform where the data is the value itself.
template <class V>
struct Plain {
  OCELLI_ALWAYS_INLINE Plain(const Operand<float>&, int) {}
  OCELLI_ALWAYS_INLINE V operator()(V x) const { return x; }
};

template <class V>
using Clamped = Transform<V, true>;
template <class V>
using Curved = Transform<V, false>;

/// Calls f.template operator()<Read>(), Read<V> being what turns x's data into its value.
template <class F>
inline void with_reader(const Operand<float>& x, F&& f) {
  if (!x.deferred()) {
    f.template operator()<Plain>();
  } else if (is_clamp(x.activation)) {
    f.template operator()<Clamped>();
  } else {
    f.template operator()<Curved>();
  }
}

/// One vector of x's values, at channel c; the reader is chosen at each call.
template <class V>
OCELLI_ALWAYS_INLINE V read_any(const Operand<float>& x, int c, const float* from) {
  if (!x.deferred()) return load<V>(from);
  if (is_clamp(x.activation)) return Clamped<V>(x, c)(load<V>(from));
  return Curved<V>(x, c)(load<V>(from));
}

/// The first and the last vector of `count` floats, which may overlap: all of them, if
/// kWidth<V> <= count <= 2 * kWidth<V>.
template <class V>
OCELLI_ALWAYS_INLINE void copy_ends(const float* from, long count, float* to) {
  const V first = load<V>(from), last = load<V>(from + count - kWidth<V>);
  store(to, first);
  store(to + count - kWidth<V>, last);
}

/// A few floats without a call, or many.
OCELLI_ALWAYS_INLINE void copy_floats(const float* from, long count, float* to) {
  typedef float Four __attribute__((vector_size(16)));
  if (count > 2 * kWide) {
    std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(float));
  } else if (count >= kWide) {
    copy_ends<Wide>(from, count, to);
  } else if (kWide >= 16 && count >= kWide / 2) {
    copy_ends<Half>(from, count, to);
  } else if (count >= 4) {
    copy_ends<Four>(from, count, to);
  } else {
    for (long i = 0; i < count; ++i) to[i] = from[i];
  }
}

/// The values of `pixels` neighbouring pixels; `from` lies in x.data, at channel 0 of a pixel.
inline void read_pixels(
    const Operand<float>& x, int channels, long pixels, const float* from, float* to) {
  if (!x.deferred()) return copy_floats(from, pixels * channels, to);
  with_reader(x, [&]<template <class> class Read>() {
    for (long p = 0; p < pixels; ++p, from += channels, to += channels)
      each_vector(channels, [&]<class V>(V, int c) OCELLI_LAMBDA {
        store(to + c, Read<V>(x, c)(load<V>(from + c)));
      });
  });
}

}  // namespace ocelli::cpu
