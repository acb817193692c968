// fast_math: exponentials that compilers turn into vector code: no branches, no calls, no tables.
//
//   exp(x)       2^n * P(r), x = n ln 2 + r, |r| <= ln 2 / 2; P of degree 6 (Cephes' expf)
//   log(1 + e)   2 atanh(s), s = e / (2 + e) in [0, 1/3] for e in [0, 1]; seven terms of the series
//
// float: relative error below 4 * 2^-24 (the tests measure it). double takes the standard
// library's, since it is there for checking. NaN gives NaN everywhere. What takes float is
// constexpr also because a GPU's code may call that.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace ocelli {

/// e^x; overflows to infinity and underflows to 0 through the denormals as std::exp does.
constexpr float fast_exp(float x) {
  constexpr float kShift =
      12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer in the low bits
  x = x < -104.0f ? -104.0f : x;
  x = x > 89.0f ? 89.0f : x;
  const float shifted = x * 1.44269504088896341f + kShift;
  const float n = shifted - kShift;
  const float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  // 2^n in two factors, each of which is a normal number. Unsigned, so that a NaN's bits may wrap.
  const std::uint32_t whole =
      std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(kShift);
  const std::uint32_t first = (whole + 256u) / 2u - 128u;
  const std::uint32_t second = whole - first;
  return p * std::bit_cast<float>((first + 127u) << 23) *
         std::bit_cast<float>((second + 127u) << 23);
}
inline double fast_exp(double x) { return std::exp(x); }

/// log(1 + e) for e in [0, 1], exact to the last places for small e too.
constexpr float fast_log1p(float e) {
  const float s = e / (2.0f + e);
  const float q = s * s;
  float p = 2.0f / 13;
  p = p * q + 2.0f / 11;
  p = p * q + 2.0f / 9;
  p = p * q + 2.0f / 7;
  p = p * q + 2.0f / 5;
  p = p * q + 2.0f / 3;
  return s * (p * q + 2.0f);
}
inline double fast_log1p(double e) { return std::log1p(e); }

/// 1 / sqrt(x) for normal x > 0; infinity is taken for the largest number. (std::sqrt may set
/// errno, so loops of it stay scalar.) A first guess from the bits, then Newton: 3e-2, 2e-3, 5e-6,
/// rounding.
constexpr float fast_rsqrt(float x) {
  x = x > 3.4028235e38f ? 3.4028235e38f : x;
  const float half = 0.5f * x;
  float y = std::bit_cast<float>(0x5F375A86u - (std::bit_cast<std::uint32_t>(x) >> 1));
  y = y * (1.5f - half * y * y);
  y = y * (1.5f - half * y * y);
  return y * (1.5f - half * y * y);
}
inline double fast_rsqrt(double x) { return 1 / std::sqrt(x); }

/// log(1 + e^x) = max(x, 0) + log(1 + e^-|x|).
template <class T>
constexpr T softplus(T x) {
  const T magnitude = x < T(0) ? -x : x;
  const T above = x > T(0) ? x : T(0);
  return above + fast_log1p(fast_exp(-magnitude));
}

/// 1 / (1 + e^-x), without cancellation at either end.
template <class T>
constexpr T sigmoid(T x) {
  const T e = fast_exp(x < T(0) ? x : -x);
  return (x < T(0) ? e : T(1)) / (T(1) + e);
}

}  // namespace ocelli
