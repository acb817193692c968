// CUDA's vector types for the emulator, in the global namespace and with the alignments that nvcc
// gives them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#ifndef __CUDACC__

// may_alias: kernels look at rows of float as float4, which nvcc allows.
#define OCELLI_SIMT_VECTOR_TYPE(scalar, name)                                               \
  struct [[gnu::may_alias]] alignas(2 * sizeof(scalar)) name##2 {                           \
    scalar x, y;                                                                            \
  };                                                                                        \
  struct [[gnu::may_alias]] name##3 {                                                       \
    scalar x, y, z;                                                                         \
  };                                                                                        \
  struct [[gnu::may_alias]] alignas(sizeof(scalar) > 4 ? 16 : 4 * sizeof(scalar)) name##4 { \
    scalar x, y, z, w;                                                                      \
  };                                                                                        \
  constexpr name##2 make_##name##2(scalar x, scalar y) { return {x, y}; }                   \
  constexpr name##3 make_##name##3(scalar x, scalar y, scalar z) { return {x, y, z}; }      \
  constexpr name##4 make_##name##4(scalar x, scalar y, scalar z, scalar w) { return {x, y, z, w}; }

OCELLI_SIMT_VECTOR_TYPE(signed char, char)
OCELLI_SIMT_VECTOR_TYPE(unsigned char, uchar)
OCELLI_SIMT_VECTOR_TYPE(short, short)
OCELLI_SIMT_VECTOR_TYPE(unsigned short, ushort)
OCELLI_SIMT_VECTOR_TYPE(int, int)
OCELLI_SIMT_VECTOR_TYPE(unsigned, uint)
OCELLI_SIMT_VECTOR_TYPE(float, float)
OCELLI_SIMT_VECTOR_TYPE(double, double)
OCELLI_SIMT_VECTOR_TYPE(long long, longlong)
OCELLI_SIMT_VECTOR_TYPE(unsigned long long, ulonglong)
#undef OCELLI_SIMT_VECTOR_TYPE

/// Extents of a grid or a block; what is left out is 1.
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned width = 1, unsigned height = 1, unsigned depth = 1)
      : x(width), y(height), z(depth) {}
  constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
};

// Which thread runs: as in CUDA, but variables that the scheduler sets.
inline constinit thread_local uint3 threadIdx{0, 0, 0};
inline constinit thread_local uint3 blockIdx{0, 0, 0};
inline constinit thread_local dim3 blockDim{};
inline constinit thread_local dim3 gridDim{};
inline constexpr int warpSize = 32;

#endif  // __CUDACC__
