// The PTX instructions that kernels use, as functions: asynchronous copies, matrix loads, tensor
// cores. Fragment layouts as in the PTX ISA manual, section "Warp-level matrix instructions".
//
// A copy lands when its thread waits for it and not before, so a forgotten wait shows.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#ifndef __CUDACC__

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>

#include "ocelli/core/bfloat16.hpp"
#include "ocelli/simt/builtins.hpp"
#include "ocelli/simt/declarations.hpp"

namespace ocelli::simt {

/// Stops the kernel unless `bytes` at p lie in one of the block's shared arrays.
inline void check_shared(const void* p, std::size_t bytes, const char* name, Site at) {
  Block& b = device_block(name);
  if (b.shared.array_at(p, bytes) != nullptr) [[likely]]
    return;
  b.fail([&b, p, name, at] {
    return Failure{
        Fault::out_of_bounds,
        std::string(name) + (b.shared.owns(p) ? " beyond the end of a shared array"
                                              : " of an address that is not in shared memory"),
        "check the index and the array's size",
        {at.text()}};
  });
}

template <unsigned Bytes>
void copy_later(void* shared, const void* global, unsigned valid, Site at) {
  check_alignment(shared, Bytes, "cp_async to", at);
  check_alignment(global, Bytes, "cp_async from", at);
  check_shared(shared, Bytes, "cp_async", at);
  Thread& t = device_block("cp_async").current();
  if (valid > 0) note(global, valid, AccessKind::read, at);
  note(shared, Bytes, AccessKind::copy, at);
  t.copies.push_back({shared, global, Bytes, valid < Bytes ? valid : Bytes, t.commits, at});
}

/// Performs the copies that were committed before the last `but` commits; `all`: every one.
inline void land_copies(unsigned but, bool all) {
  Thread& t = device_block("cp_async_wait").current();
  std::size_t done = 0;
  for (; done < t.copies.size(); ++done) {
    const PendingCopy& c = t.copies[done];
    if (!all && c.group + but >= t.commits) break;
    note(c.to, c.bytes, AccessKind::write, c.at);
    std::memcpy(c.to, c.from, c.valid);
    std::memset(static_cast<char*>(c.to) + c.valid, 0, c.bytes - c.valid);
  }
  t.copies.erase(t.copies.begin(), t.copies.begin() + static_cast<std::ptrdiff_t>(done));
}

struct MatrixLoad {
  const void* row;  // of the 16 bytes that this lane points at
  std::uint32_t* to;
};

/// Matrix i is the 8 rows of 16 bytes that lanes 8i .. 8i+7 point at. Lane l gets the elements
/// (l/4, 2*(l%4)) and (l/4, 2*(l%4)+1) of each, or of its transpose.
template <int Count, bool Transposed>
void load_matrices(std::uint32_t (&to)[Count], const void* row, const char* name, Site at) {
  const int lane = this_lane();
  if (lane < 8 * Count) {
    check_alignment(row, 16, name, at);
    check_shared(row, 16, name, at);
    note(row, 16, AccessKind::read, at);
  }
  MatrixLoad mine{row, to};
  device_block(name).collective(
      0xFFFFFFFFu,
      [](Block&, unsigned, Lanes lanes, unsigned) {
        const auto element = [&](int matrix, int i, int j) {
          std::uint16_t value;
          const auto* load = static_cast<const MatrixLoad*>(lanes[8 * matrix + i]);
          std::memcpy(&value, static_cast<const char*>(load->row) + 2 * j, sizeof value);
          return static_cast<std::uint32_t>(value);
        };
        for (int l = 0; l < 32; ++l)
          for (int m = 0; m < Count; ++m) {
            const int i = l / 4, j = 2 * (l % 4);
            const std::uint32_t low = Transposed ? element(m, j, i) : element(m, i, j);
            const std::uint32_t high = Transposed ? element(m, j + 1, i) : element(m, i, j + 1);
            static_cast<const MatrixLoad*>(lanes[l])->to[m] = low | high << 16;
          }
      },
      &mine, name, at);
}

/// A lane's part of D = A B + C.
struct MatrixProduct {
  float* d;
  const std::uint32_t *a, *b;
  const float* c;
};

/// Adds up, k by k in float, what the lanes have spread into `left` and `right`. The products of
/// the tensor cores' numbers are exact in float, so fusing would change nothing.
template <int K>
void multiply(Lanes lanes, const float (&left)[16][K], const float (&right)[K][8]) {
  typedef float Row __attribute__((vector_size(32)));
  for (int half = 0; half < 2; ++half) {
    for (int g = 0; g < 8; ++g) {
      Row sum, factor;
      for (int t = 0; t < 4; ++t)
        std::memcpy(
            reinterpret_cast<char*>(&sum) + 8 * t,
            static_cast<const MatrixProduct*>(lanes[4 * g + t])->c + 2 * half, 8);
      for (int k = 0; k < K; ++k) {
        std::memcpy(&factor, right[k], sizeof factor);
        sum += left[g + 8 * half][k] * factor;
      }
      for (int t = 0; t < 4; ++t)
        std::memcpy(
            static_cast<const MatrixProduct*>(lanes[4 * g + t])->d + 2 * half,
            reinterpret_cast<const char*>(&sum) + 8 * t, 8);
    }
  }
}

}  // namespace ocelli::simt

namespace ocelli::ptx {

using simt::Site;

/// Copies 16 bytes from global to shared memory, some time before the wait for its group ends.
/// Only the first `valid` bytes are read; the others become 0. Both addresses: multiples of 16.
inline void cp_async_16(
    void* shared, const void* global, unsigned valid = 16, Site at = Site::here()) {
  simt::copy_later<16>(shared, global, valid, at);
}
/// The same with 8 bytes.
inline void cp_async_8(
    void* shared, const void* global, unsigned valid = 8, Site at = Site::here()) {
  simt::copy_later<8>(shared, global, valid, at);
}
/// The same with 4 bytes.
inline void cp_async_4(
    void* shared, const void* global, unsigned valid = 4, Site at = Site::here()) {
  simt::copy_later<4>(shared, global, valid, at);
}
/// Ends a group: the calling thread's copies since the last one.
inline void cp_async_commit() { ++simt::device_block("cp_async_commit").current().commits; }
/// Waits for all of the calling thread's groups but the last `Pending`. Other threads see the data
/// after the next barrier only.
template <int Pending>
void cp_async_wait() {
  simt::land_copies(Pending, false);
}
/// Waits for every copy of the calling thread, committed or not.
inline void cp_async_wait_all() { simt::land_copies(0, true); }

/// Loads four 8x8 matrices of 2-byte elements; lanes 8i .. 8i+7 point at the rows of matrix i.
inline void ldmatrix_x4(std::uint32_t (&to)[4], const void* row, Site at = Site::here()) {
  simt::load_matrices<4, false>(to, row, "ldmatrix_x4", at);
}
/// Each matrix transposed.
inline void ldmatrix_x4_trans(std::uint32_t (&to)[4], const void* row, Site at = Site::here()) {
  simt::load_matrices<4, true>(to, row, "ldmatrix_x4_trans", at);
}
/// Two matrices; the addresses of lanes 16 .. 31 are not looked at.
inline void ldmatrix_x2(std::uint32_t (&to)[2], const void* row, Site at = Site::here()) {
  simt::load_matrices<2, false>(to, row, "ldmatrix_x2", at);
}
/// Two matrices, each transposed.
inline void ldmatrix_x2_trans(std::uint32_t (&to)[2], const void* row, Site at = Site::here()) {
  simt::load_matrices<2, true>(to, row, "ldmatrix_x2_trans", at);
}

/// The bits of x rounded to TF32 (10 bits of mantissa), to the nearest, ties away from zero.
inline std::uint32_t round_to_tf32(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return 0x7FFFFFFFu;
  return (bits + 0x1000u) & 0xFFFFE000u;
}

/// D = A B + C for A [16,8], B [8,8] in TF32, C and D [16,8] in float. With g = lane / 4 and
/// t = lane % 4 a lane holds a: (g,t) (g+8,t) (g,t+4) (g+8,t+4); b: (t,g) (t+4,g);
/// c, d: (g,2t) (g,2t+1) (g+8,2t) (g+8,2t+1). d may be c. The 13 lowest bits of a and b are
/// dropped.
inline void mma_m16n8k8_tf32(
    float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2], const float (&c)[4],
    Site at = Site::here()) {
  simt::MatrixProduct mine{d, a, b, c};
  simt::device_block("mma_m16n8k8_tf32")
      .collective(
          0xFFFFFFFFu,
          [](simt::Block&, unsigned, simt::Lanes lanes, unsigned) {
            const auto lane = [&](int l) -> const simt::MatrixProduct& {
              return *static_cast<const simt::MatrixProduct*>(lanes[l]);
            };
            const auto number = [](std::uint32_t bits) {
              return std::bit_cast<float>(bits & 0xFFFFE000u);
            };
            float left[16][8], right[8][8];
            for (int l = 0; l < 32; ++l) {
              const int g = l / 4, t = l % 4;
              for (int i = 0; i < 4; ++i) left[g + i % 2 * 8][t + i / 2 * 4] = number(lane(l).a[i]);
              for (int i = 0; i < 2; ++i) right[t + i * 4][g] = number(lane(l).b[i]);
            }
            simt::multiply(lanes, left, right);
          },
          &mine, "mma_m16n8k8_tf32", at);
}

/// D = A B + C for A [16,16], B [16,8] in bfloat16, C and D [16,8] in float. With g = lane / 4 and
/// t = lane % 4 a lane holds pairs of neighbours, the first in the lower half, a: (g,2t) (g+8,2t)
/// (g,2t+8) (g+8,2t+8), the second one column on; b: (2t,g) (2t+8,g), the second one row on; c and
/// d as in mma_m16n8k8_tf32. d may be c.
inline void mma_m16n8k16_bf16(
    float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2], const float (&c)[4],
    Site at = Site::here()) {
  simt::MatrixProduct mine{d, a, b, c};
  simt::device_block("mma_m16n8k16_bf16")
      .collective(
          0xFFFFFFFFu,
          [](simt::Block&, unsigned, simt::Lanes lanes, unsigned) {
            const auto lane = [&](int l) -> const simt::MatrixProduct& {
              return *static_cast<const simt::MatrixProduct*>(lanes[l]);
            };
            float left[16][16], right[16][8];
            for (int l = 0; l < 32; ++l) {
              const int g = l / 4, t = l % 4;
              for (int i = 0; i < 4; ++i) {
                float* two = &left[g + i % 2 * 8][2 * t + i / 2 * 8];
                two[0] = static_cast<float>(low_half(lane(l).a[i]));
                two[1] = static_cast<float>(high_half(lane(l).a[i]));
              }
              for (int i = 0; i < 2; ++i) {
                right[2 * t + i * 8][g] = static_cast<float>(low_half(lane(l).b[i]));
                right[2 * t + i * 8 + 1][g] = static_cast<float>(high_half(lane(l).b[i]));
              }
            }
            simt::multiply(lanes, left, right);
          },
          &mine, "mma_m16n8k16_bf16", at);
}

}  // namespace ocelli::ptx

#endif  // __CUDACC__
