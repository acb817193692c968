// CUDA's arithmetic intrinsics for the emulator, in the global namespace. Those that a GPU only
// approximates (rsqrtf, __expf, __fdividef ...) are rounded better here: compare with a tolerance.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#ifndef __CUDACC__

#include <math.h>  // the global names: fminf, expf, floorf ...

#include <bit>
#include <cstdint>

#define OCELLI_SIMT_MIN_MAX(T)                        \
  constexpr T min(T a, T b) { return b < a ? b : a; } \
  constexpr T max(T a, T b) { return a < b ? b : a; }
OCELLI_SIMT_MIN_MAX(int)
OCELLI_SIMT_MIN_MAX(unsigned)
OCELLI_SIMT_MIN_MAX(long)
OCELLI_SIMT_MIN_MAX(unsigned long)
OCELLI_SIMT_MIN_MAX(long long)
OCELLI_SIMT_MIN_MAX(unsigned long long)
#undef OCELLI_SIMT_MIN_MAX
// As fminf and fmaxf: of a number and a NaN, the number.
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }

inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline float __expf(float x) { return expf(x); }
inline float __logf(float x) { return logf(x); }
inline float __powf(float x, float y) { return powf(x, y); }
inline float __sinf(float x) { return sinf(x); }
inline float __cosf(float x) { return cosf(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline float __saturatef(float x) { return fminf(fmaxf(x, 0.0f), 1.0f); }  // NaN becomes 0

// One operation, one rounding; never fused with the next.
inline float __fadd_rn(float a, float b) {
  const volatile float sum = a + b;
  return sum;
}
inline float __fsub_rn(float a, float b) {
  const volatile float difference = a - b;
  return difference;
}
inline float __fmul_rn(float a, float b) {
  const volatile float product = a * b;
  return product;
}
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __frcp_rn(float x) { return 1.0f / x; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }

inline std::uint32_t __float_as_uint(float x) { return std::bit_cast<std::uint32_t>(x); }
inline int __float_as_int(float x) { return std::bit_cast<int>(x); }
inline float __uint_as_float(std::uint32_t x) { return std::bit_cast<float>(x); }
inline float __int_as_float(int x) { return std::bit_cast<float>(x); }

// To int: what does not fit goes to the nearest end, NaN to 0, as on the device.
inline int __float2int_rz(float x) {
  if (!(x > -2147483648.0f)) return x == x ? -2147483647 - 1 : 0;
  return x < 2147483648.0f ? static_cast<int>(x) : 2147483647;
}
inline int __float2int_rn(float x) { return __float2int_rz(rintf(x)); }
inline int __float2int_rd(float x) { return __float2int_rz(floorf(x)); }
inline int __float2int_ru(float x) { return __float2int_rz(ceilf(x)); }
inline float __int2float_rn(int x) { return static_cast<float>(x); }
inline float __uint2float_rn(unsigned x) { return static_cast<float>(x); }

inline int __popc(unsigned x) { return std::popcount(x); }
inline int __popcll(unsigned long long x) { return std::popcount(x); }
inline int __clz(int x) { return std::countl_zero(static_cast<unsigned>(x)); }
inline int __clzll(long long x) { return std::countl_zero(static_cast<unsigned long long>(x)); }
/// Place of the lowest bit set, counted from 1; 0 where there is none.
inline int __ffs(int x) { return x == 0 ? 0 : std::countr_zero(static_cast<unsigned>(x)) + 1; }
inline int __ffsll(long long x) {
  return x == 0 ? 0 : std::countr_zero(static_cast<unsigned long long>(x)) + 1;
}
inline unsigned __brev(unsigned x) {
  unsigned y = 0;
  for (int i = 0; i < 32; ++i) y |= (x >> i & 1u) << (31 - i);
  return y;
}
inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>(std::uint64_t{a} * b >> 32);
}

#endif  // __CUDACC__
