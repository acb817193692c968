// Kernels that keep every rule, for the emulator's tests and, the same text, for nvcc.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/simt/device.hpp"

namespace ocelli::simt_test {

/// The sum of a value over a warp, in every lane.
OCELLI_DEVICE float warp_sum(float v) {
  for (int bits = 16; bits > 0; bits /= 2) v += __shfl_xor_sync(0xFFFFFFFFu, v, bits);
  return v;
}

/// partial[block] = sum of x over the block's elements; one block = 256 threads, an element each.
OCELLI_KERNEL_BOUNDS(256) block_sums(const float* x, float* partial, int n) {
  OCELLI_SHARED(float, of_warp, [8]);
  const int at = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  const float sum = warp_sum(at < n ? x[at] : 0.0f);
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x < 32) {
    const float total = warp_sum(threadIdx.x < 8 ? of_warp[threadIdx.x] : 0.0f);
    if (threadIdx.x == 0) partial[blockIdx.x] = total;
  }
}

/// count[value] += 1 for each value of x below 16.
OCELLI_KERNEL histogram(const int* x, unsigned* count, int n) {
  OCELLI_SHARED(unsigned, local, [16]);
  if (threadIdx.x < 16) local[threadIdx.x] = 0;
  __syncthreads();
  for (int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); i < n;
       i += static_cast<int>(gridDim.x * blockDim.x))
    if (__ldg(x + i) < 16) atomicAdd(&local[x[i]], 1u);
  __syncthreads();
  if (threadIdx.x < 16) atomicAdd(count + threadIdx.x, local[threadIdx.x]);
}

/// C [M,N] = A [M,K] B [K,N]; all extents multiples of 32. One block = 8 x 32 threads and a tile of
/// 32 x 32; one thread = 4 neighbours of a row.
OCELLI_KERNEL sgemm(const float* a, const float* b, float* c, int n, int k) {
  OCELLI_SHARED(float, left, [32][36]);
  OCELLI_SHARED(float4, right, [32][8]);
  const int column = static_cast<int>(threadIdx.x), row = static_cast<int>(threadIdx.y);
  const int j0 = static_cast<int>(blockIdx.x) * 32, i0 = static_cast<int>(blockIdx.y) * 32;
  float4 sum = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
  for (int at = 0; at < k; at += 32) {
    simt::store(&left[row][4 * column], simt::load<float4>(a + (i0 + row) * k + at + 4 * column));
    right[row][column] = simt::load<float4>(b + (at + row) * n + j0 + 4 * column);
    __syncthreads();
    OCELLI_UNROLL
    for (int u = 0; u < 32; ++u) {
      const float x = left[row][u];
      const float4 y = right[u][column];
      sum.x += x * y.x;
      sum.y += x * y.y;
      sum.z += x * y.z;
      sum.w += x * y.w;
    }
    __syncthreads();
  }
  simt::store(c + (i0 + row) * n + j0 + 4 * column, sum);
}

/// y[i] = x[i-1] + 2 x[i] + x[i+1], 0 outside; dynamic shared memory: blockDim.x + 2 floats.
OCELLI_KERNEL stencil(const float* x, float* y, int n) {
  OCELLI_DYNAMIC_SHARED(float, tile);
  const int at = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  const int t = static_cast<int>(threadIdx.x), last = static_cast<int>(blockDim.x) - 1;
  tile[t + 1] = at < n ? x[at] : 0.0f;
  if (t == 0) tile[0] = at > 0 ? x[at - 1] : 0.0f;
  if (t == last) tile[last + 2] = at + 1 < n ? x[at + 1] : 0.0f;
  __syncthreads();
  if (at < n) y[at] = tile[t] + 2.0f * tile[t + 1] + tile[t + 2];
}

/// mask[w] has bit l set where x[32 w + l] is above 0; n is a multiple of 32.
OCELLI_KERNEL above_zero(const float* x, unsigned* mask, int n) {
  const int at = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (at - at % 32 >= n) return;  // whole warps
  const unsigned bits = __ballot_sync(0xFFFFFFFFu, x[at] > 0.0f);
  if (threadIdx.x % 32 == 0) mask[at / 32] = bits;
}

/// Sorts `Size` keys, one block of Size / 2 threads.
template <int Size>
OCELLI_KERNEL bitonic_sort(int* keys) {
  OCELLI_SHARED(int, k, [Size]);
  const int t = static_cast<int>(threadIdx.x);
  k[t] = keys[t];
  k[t + Size / 2] = keys[t + Size / 2];
  for (int run = 2; run <= Size; run *= 2)
    for (int step = run / 2; step > 0; step /= 2) {
      __syncthreads();
      const int i = 2 * t - (t & (step - 1)), j = i + step;
      const bool up = (i & run) == 0;
      const int a = k[i], b = k[j];
      if ((a > b) == up) {
        k[i] = b;
        k[j] = a;
      }
    }
  __syncthreads();
  keys[t] = k[t];
  keys[t + Size / 2] = k[t + Size / 2];
}

/// C [M,N] = A [M,K] B [K,N] through tf32, one warp a tile of 16 x 8, double buffered by cp.async.
/// M % 16 == 0, N % 8 == 0, K % 8 == 0.
OCELLI_KERNEL_BOUNDS(32) gemm_tf32(const float* a, const float* b, float* c, int n, int k) {
  OCELLI_SHARED(float, left, [2][16][12]);
  OCELLI_SHARED(float, right, [2][8][12]);
  const int lane = static_cast<int>(threadIdx.x), g = lane / 4, t = lane % 4;
  const int j0 = static_cast<int>(blockIdx.x) * 8, i0 = static_cast<int>(blockIdx.y) * 16;
  const auto fetch = [&](int stage, int at) {
    const int row = lane / 2, half = lane % 2 * 4;
    ptx::cp_async_16(&left[stage][row][half], a + (i0 + row) * k + at + half);
    if (row < 8) ptx::cp_async_16(&right[stage][row][half], b + (at + row) * n + j0 + half);
    ptx::cp_async_commit();
  };
  float sum[4] = {};
  fetch(0, 0);
  for (int at = 0, stage = 0; at < k; at += 8, stage ^= 1) {
    if (at + 8 < k) {
      fetch(stage ^ 1, at + 8);
      ptx::cp_async_wait<1>();
    } else {
      ptx::cp_async_wait<0>();
    }
    __syncwarp();
    const float(&x)[16][12] = left[stage];
    const float(&y)[8][12] = right[stage];
    const std::uint32_t p[4] = {
        ptx::round_to_tf32(x[g][t]), ptx::round_to_tf32(x[g + 8][t]),
        ptx::round_to_tf32(x[g][t + 4]), ptx::round_to_tf32(x[g + 8][t + 4])};
    const std::uint32_t q[2] = {ptx::round_to_tf32(y[t][g]), ptx::round_to_tf32(y[t + 4][g])};
    ptx::mma_m16n8k8_tf32(sum, p, q, sum);
    __syncwarp();  // before this stage is filled again
  }
  for (int i = 0; i < 4; ++i) c[(i0 + g + i / 2 * 8) * n + j0 + 2 * t + i % 2] = sum[i];
}

/// The same in bfloat16 with ldmatrix. M % 16 == 0, N % 8 == 0, K % 16 == 0.
OCELLI_KERNEL_BOUNDS(32)
gemm_bf16(const bfloat16* a, const bfloat16* b, float* c, int n, int k) {
  OCELLI_SHARED(bfloat16, left, [2][16][24]);
  OCELLI_SHARED(bfloat16, right, [2][16][8]);
  const int lane = static_cast<int>(threadIdx.x), g = lane / 4, t = lane % 4;
  const int j0 = static_cast<int>(blockIdx.x) * 8, i0 = static_cast<int>(blockIdx.y) * 16;
  const auto fetch = [&](int stage, int at) {
    const int row = lane / 2, half = lane % 2 * 8;
    ptx::cp_async_16(&left[stage][row][half], a + (i0 + row) * k + at + half);
    if (lane < 16) ptx::cp_async_16(&right[stage][lane][0], b + (at + lane) * n + j0);
    ptx::cp_async_commit();
  };
  float sum[4] = {};
  fetch(0, 0);
  for (int at = 0, stage = 0; at < k; at += 16, stage ^= 1) {
    if (at + 16 < k) {
      fetch(stage ^ 1, at + 16);
      ptx::cp_async_wait<1>();
    } else {
      ptx::cp_async_wait<0>();
    }
    __syncwarp();
    std::uint32_t p[4], q[2];
    ptx::ldmatrix_x4(p, &left[stage][lane % 16][lane / 16 * 8]);
    ptx::ldmatrix_x2_trans(q, &right[stage][lane % 16][0]);
    ptx::mma_m16n8k16_bf16(sum, p, q, sum);
    __syncwarp();
  }
  for (int i = 0; i < 4; ++i) c[(i0 + g + i / 2 * 8) * n + j0 + 2 * t + i % 2] = sum[i];
}

/// Element (i, j) of matrix m is 100 m + 10 i + j. Lane l writes what ldmatrix gives it:
/// out[l][0..3] of x4, [4..7] of x4 transposed, [8..9] of x2, [10..11] of x2 transposed.
OCELLI_KERNEL_BOUNDS(32) ldmatrix_layout(std::uint32_t* out) {
  OCELLI_SHARED(std::uint16_t, matrix, [4][8][8]);
  const int lane = static_cast<int>(threadIdx.x);
  for (int j = 0; j < 8; ++j)
    matrix[lane / 8][lane % 8][j] =
        static_cast<std::uint16_t>(100 * (lane / 8) + 10 * (lane % 8) + j);
  __syncwarp();
  std::uint32_t four[4], two[2];
  ptx::ldmatrix_x4(four, &matrix[lane / 8][lane % 8][0]);
  for (int i = 0; i < 4; ++i) out[12 * lane + i] = four[i];
  ptx::ldmatrix_x4_trans(four, &matrix[lane / 8][lane % 8][0]);
  for (int i = 0; i < 4; ++i) out[12 * lane + 4 + i] = four[i];
  ptx::ldmatrix_x2(two, &matrix[lane / 8 % 2][lane % 8][0]);
  for (int i = 0; i < 2; ++i) out[12 * lane + 8 + i] = two[i];
  ptx::ldmatrix_x2_trans(two, &matrix[lane / 8 % 2][lane % 8][0]);
  for (int i = 0; i < 2; ++i) out[12 * lane + 10 + i] = two[i];
}

/// out[i] = x[i] for i < valid and 0 up to 4: the zero fill of a copy.
OCELLI_KERNEL_BOUNDS(32) zero_filled_copy(const float* x, float* out, unsigned valid) {
  OCELLI_SHARED(float, tile, [4]);
  if (threadIdx.x == 0) {
    ptx::cp_async_16(tile, x, valid * 4);
    ptx::cp_async_commit();
    ptx::cp_async_wait<0>();
    for (int i = 0; i < 4; ++i) out[i] = tile[i];
  }
}

/// 6 numbers of each lane: shuffles up, down, from a lane of a segment of 8, and votes.
OCELLI_KERNEL_BOUNDS(32) shuffles(int* out) {
  const int lane = static_cast<int>(threadIdx.x);
  out[6 * lane] = __shfl_up_sync(0xFFFFFFFFu, lane, 3);
  out[6 * lane + 1] = __shfl_down_sync(0xFFFFFFFFu, lane, 3);
  out[6 * lane + 2] = __shfl_sync(0xFFFFFFFFu, lane, 5, 8);
  out[6 * lane + 3] = __any_sync(0xFFFFFFFFu, lane == 7);
  out[6 * lane + 4] = __all_sync(0xFFFFFFFFu, lane != 7);
  // Two halves of a warp, each with a mask of its own.
  const unsigned half = lane < 16 ? 0x0000FFFFu : 0xFFFF0000u;
  out[6 * lane + 5] = __shfl_xor_sync(half, lane, 1);
}

/// bits[i] = the bfloat16 of x[i]; back[i] = that as a float.
OCELLI_KERNEL to_bfloat16(const float* x, std::uint16_t* bits, float* back, int n) {
  const int at = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (at >= n) return;
  const bfloat16 value(x[at]);
  bits[at] = value.bits;
  back[at] = static_cast<float>(value);
}

}  // namespace ocelli::simt_test
