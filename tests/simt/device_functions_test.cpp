// The small device functions: arithmetic intrinsics, barriers that vote, atomics, vector types.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "ocelli/simt/device_array.hpp"

using namespace ocelli;
using simt::DeviceArray;

namespace {

OCELLI_KERNEL votes(int* out, int below) {
  const int yes = static_cast<int>(threadIdx.x) < below;
  const int count = __syncthreads_count(yes);
  const int all = __syncthreads_and(yes);
  const int any = __syncthreads_or(yes);
  out[3 * threadIdx.x] = count;
  out[3 * threadIdx.x + 1] = all != 0;
  out[3 * threadIdx.x + 2] = any != 0;
}

OCELLI_KERNEL integer_atomics(unsigned* x) {
  const unsigned t = threadIdx.x;
  atomicAdd(x, t);
  atomicMax(x + 1, t);
  atomicMin(x + 2, t);
  atomicOr(x + 3, 1u << (t % 32));
  atomicAnd(x + 4, ~(1u << (t % 32)));
  atomicXor(x + 5, t);
  atomicSub(x + 6, 1u);
  // A maximum by compare and swap.
  unsigned old = atomicOr(x + 7, 0u), seen = 0;
  do {
    seen = old;
    old = atomicCAS(x + 7, seen, seen < t ? t : seen);
  } while (old != seen);
}

OCELLI_KERNEL other_atomics(float* f, double* d, int* i, unsigned long long* u) {
  atomicAdd(f, 0.5f);
  atomicAdd(d, 0.25);
  atomicAdd(i, -1);
  atomicMax(i + 1, static_cast<int>(threadIdx.x) - 40);
  atomicAdd(u, 1ull << 40);
  atomicMax(u + 1, static_cast<unsigned long long>(threadIdx.x) << 33);
  if (threadIdx.x == 0) f[1] = atomicExch(f + 2, 7.0f);
}

OCELLI_KERNEL deep_stack(int* out) {
  volatile char large[100 << 10];
  for (unsigned i = 0; i < sizeof large; i += 512) large[i] = static_cast<char>(threadIdx.x);
  __syncthreads();
  out[threadIdx.x] = large[512 * threadIdx.x];
}

OCELLI_KERNEL where_am_i(unsigned* out) {
  const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  __syncthreads();
  atomicAdd(out + block * blockDim.x * blockDim.y * blockDim.z + thread, 1u);
}

}  // namespace

TEST_CASE("simt: every thread of every block runs once, in any order") {
  for (const std::uint64_t seed : {0u, 5u}) {
    const simt::ScheduleSeed schedule(seed);
    DeviceArray<unsigned> out(std::vector<unsigned>(2 * 3 * 4 * 5 * 6 * 2));
    simt::launch(&where_am_i, dim3(2, 3, 4), dim3(5, 6, 2), 0, nullptr, out.data());
    for (const unsigned times : out.values()) CHECK(times == 1);
  }
}

TEST_CASE("simt: barriers that count, and say all or any") {
  for (const int below : {0, 1, 64}) {
    DeviceArray<int> out(3 * 64);
    simt::launch(&votes, 1, 64, 0, nullptr, out.data(), below);
    const std::vector<int> got = out.values();
    for (std::size_t t = 0; t < 64; ++t) {
      CHECK(got[3 * t] == below);
      CHECK(got[3 * t + 1] == (below == 64));
      CHECK(got[3 * t + 2] == (below > 0));
    }
  }
}

TEST_CASE("simt: atomics") {
  DeviceArray<unsigned> x(std::vector<unsigned>{0, 0, ~0u, 0, ~0u, 0, 100, 0});
  simt::launch(&integer_atomics, 1, 64, 0, nullptr, x.data());
  CHECK(x.values() == std::vector<unsigned>{2016, 63, 0, ~0u, 0, 0, 36, 63});

  DeviceArray<float> f(std::vector<float>{0.0f, 0.0f, 3.0f});
  DeviceArray<double> d(std::vector<double>{0.0});
  DeviceArray<int> i(std::vector<int>{0, -100});
  DeviceArray<unsigned long long> u(std::vector<unsigned long long>{0, 0});
  simt::launch(&other_atomics, 1, 32, 0, nullptr, f.data(), d.data(), i.data(), u.data());
  CHECK(f.values() == std::vector<float>{16.0f, 3.0f, 7.0f});
  CHECK(d.values()[0] == 8.0);
  CHECK(i.values() == std::vector<int>{-32, -9});
  CHECK(u.values() == std::vector<unsigned long long>{32ull << 40, 31ull << 33});
}

TEST_CASE("simt: the size of a thread's stack is a setting") {
  const std::size_t before = simt::settings().stack_bytes;
  simt::settings().stack_bytes = 512 << 10;
  DeviceArray<int> out(64);
  simt::launch(&deep_stack, 1, 64, 0, nullptr, out.data());
  simt::settings().stack_bytes = before;
  for (int t = 0; t < 64; ++t) CHECK(out.values()[static_cast<std::size_t>(t)] == t);
}

TEST_CASE("simt: vector types have CUDA's sizes and alignments") {
  CHECK((sizeof(float2) == 8 && alignof(float2) == 8));
  CHECK((sizeof(float3) == 12 && alignof(float3) == 4));
  CHECK((sizeof(float4) == 16 && alignof(float4) == 16));
  CHECK((sizeof(double2) == 16 && alignof(double2) == 16));
  CHECK((sizeof(double4) == 32 && alignof(double4) == 16));
  CHECK((sizeof(uchar4) == 4 && alignof(uchar4) == 4));
  CHECK((sizeof(uchar2) == 2 && alignof(uchar2) == 2));
  CHECK((sizeof(ushort4) == 8 && alignof(ushort4) == 8));
  CHECK((sizeof(ulonglong2) == 16 && alignof(ulonglong2) == 16));
  const float4 v = make_float4(1, 2, 3, 4);
  CHECK((v.x == 1 && v.y == 2 && v.z == 3 && v.w == 4));
}

TEST_CASE("simt: bits and conversions") {
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(__popc(0xF0F0u) == 8);
  CHECK(__popcll(~0ull) == 64);
  CHECK((__clz(1) == 31 && __clz(0) == 32));
  CHECK(__clzll(1) == 63);
  CHECK((__ffs(0) == 0 && __ffs(8) == 4));
  CHECK((__ffsll(0) == 0 && __ffsll(1ll << 40) == 41));
  CHECK(__brev(1u) == 0x80000000u);
  CHECK(__brev(0x0000F000u) == 0x000F0000u);
  CHECK(__umulhi(0xFFFFFFFFu, 0xFFFFFFFFu) == 0xFFFFFFFEu);
  CHECK(__float_as_uint(1.0f) == 0x3F800000u);
  CHECK(__uint_as_float(0x40000000u) == 2.0f);
  CHECK(__float_as_int(-0.0f) == std::numeric_limits<int>::min());
  CHECK(__int_as_float(0x3F800000) == 1.0f);
  CHECK((__float2int_rn(2.5f) == 2 && __float2int_rn(3.5f) == 4));
  CHECK((__float2int_rz(-2.9f) == -2 && __float2int_rd(-2.1f) == -3 && __float2int_ru(2.1f) == 3));
  CHECK(__float2int_rz(1e20f) == std::numeric_limits<int>::max());
  CHECK(__float2int_rz(-infinity) == std::numeric_limits<int>::min());
  CHECK(__float2int_rz(std::nanf("")) == 0);
}

TEST_CASE("simt: arithmetic") {
  CHECK(rsqrtf(4.0f) == 0.5f);
  CHECK(__fdividef(1.0f, 4.0f) == 0.25f);
  CHECK(__expf(0.0f) == 1.0f);
  CHECK(__fmaf_rn(1.0f + 0x1p-12f, 1.0f + 0x1p-12f, -1.0f) == 0x1p-11f + 0x1p-24f);
  CHECK(__fadd_rn(__fmul_rn(1.0f + 0x1p-12f, 1.0f + 0x1p-12f), -1.0f) == 0x1p-11f);
  CHECK((__saturatef(2.0f) == 1.0f && __saturatef(-1.0f) == 0.0f));
  CHECK(__saturatef(std::nanf("")) == 0.0f);
  CHECK((min(2, 3) == 2 && max(2u, 3u) == 3u && max(2.0f, 3.0f) == 3.0f));
  CHECK(min(std::nanf(""), 3.0f) == 3.0f);
}

TEST_CASE("simt: tf32 is rounded to the nearest, ties away from zero") {
  const auto rounded = [](float x) { return __uint_as_float(ptx::round_to_tf32(x)); };
  CHECK(rounded(1.0f) == 1.0f);
  CHECK(rounded(1.0f + 0x1p-11f) == 1.0f + 0x1p-10f);  // a tie
  CHECK(rounded(-1.0f - 0x1p-11f) == -1.0f - 0x1p-10f);
  CHECK(rounded(1.0f + 0x1.ffp-12f) == 1.0f);
  CHECK(std::isinf(rounded(std::numeric_limits<float>::infinity())));
  CHECK(std::isnan(rounded(std::nanf(""))));
}
