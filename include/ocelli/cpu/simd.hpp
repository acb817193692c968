// simd: vectors of floats in the compilers' own vector extension, and what the fast loops share.
//
// Wide is the machine's widest vector: 16 floats with AVX-512, 8 with AVX, 4 otherwise. Half is
// half of it, for channel counts such as 24; float itself is the vector of 1 that finishes odd
// ones.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>
#include <limits>
#include <utility>

#include "ocelli/op/activation.hpp"

#define OCELLI_ALWAYS_INLINE inline __attribute__((always_inline))
#define OCELLI_LAMBDA __attribute__((always_inline))

namespace ocelli::cpu {

#if defined(__AVX512F__)
inline constexpr int kWide = 16;
#elif defined(__AVX__)
inline constexpr int kWide = 8;
#else
inline constexpr int kWide = 4;
#endif

/// Floats of the narrowest vector that loops over channels use: Half where it is worth it.
inline constexpr int kNarrow = kWide >= 8 ? kWide / 2 : kWide;

typedef float Wide __attribute__((vector_size(kWide * 4)));
typedef float Half __attribute__((vector_size(kWide * 2)));

/// Floats in a V.
template <class V>
inline constexpr int kWidth = static_cast<int>(sizeof(V) / sizeof(float));

/// From any address.
template <class V>
OCELLI_ALWAYS_INLINE V load(const float* p) {
  V v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
template <class V>
OCELLI_ALWAYS_INLINE void store(float* p, V v) {
  std::memcpy(p, &v, sizeof v);
}
/// x in every place.
template <class V>
OCELLI_ALWAYS_INLINE V fill(float x) {
  return x - V{};
}

/// f(0), f(1) ... f(N - 1) with constant arguments, so that arrays indexed by them stay in
/// registers.
template <int N, class F>
OCELLI_ALWAYS_INLINE void repeat(F&& f) {
  [&]<int... i>(std::integer_sequence<int, i...>) OCELLI_LAMBDA {
    (f(std::integral_constant<int, i>{}), ...);
  }
  (std::make_integer_sequence<int, N>{});
}

/// Cuts 0 .. count - 1 into vectors: f(V{}, start) with V = Wide, then Half, then float.
template <class F>
OCELLI_ALWAYS_INLINE void each_vector(int count, F&& f) {
  int i = 0;
  for (; i + kWide <= count; i += kWide) f(Wide{}, i);
  if constexpr (kWide >= 8) {
    if (i + kWide / 2 <= count) {
      f(Half{}, i);
      i += kWide / 2;
    }
  }
  for (; i < count; ++i) f(float{}, i);
}

/// Activations that are a clamp; the others take the scalar formula.
constexpr bool is_clamp(Activation f) {
  return f == Activation::none || f == Activation::relu || f == Activation::relu6;
}
constexpr float clamp_low(Activation f) {
  return f == Activation::none ? -std::numeric_limits<float>::infinity() : 0.0f;
}
constexpr float clamp_high(Activation f) {
  return f == Activation::relu6 ? 6.0f : std::numeric_limits<float>::infinity();
}
/// NaN stays NaN.
template <class V>
OCELLI_ALWAYS_INLINE V clamp(V x, V low, V high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}
/// x where low < z < high, else 0.
template <class V>
OCELLI_ALWAYS_INLINE V where_inside(V z, V low, V high, V x) {
  x = z > low ? x : V{};
  return z < high ? x : V{};
}

/// The scalar formulas, place by place.
template <class V>
OCELLI_ALWAYS_INLINE V activate_each(Activation f, V x) {
  if constexpr (kWidth<V> == 1) {
    return activate(f, x);
  } else {
    for (int i = 0; i < kWidth<V>; ++i) x[i] = activate(f, static_cast<float>(x[i]));
    return x;
  }
}
template <class V>
OCELLI_ALWAYS_INLINE V slope_each(Activation f, V x) {
  if constexpr (kWidth<V> == 1) {
    return activation_slope(f, x);
  } else {
    for (int i = 0; i < kWidth<V>; ++i) x[i] = activation_slope(f, static_cast<float>(x[i]));
    return x;
  }
}

}  // namespace ocelli::cpu
