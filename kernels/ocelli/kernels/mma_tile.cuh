// mma_tile: one block's tile of a matrix product of bfloat16 on tensor cores, sums in float.
//
//   S[r, c] = sum over d of A[r, d] * B[d, c]        r < rows, c < columns of the tile
//
// Slices of `depth` lie in shared memory as bfloat16, `stages` of them in turn, so that the copies
// of the next ones are under way while the warps multiply. A side lies as its tensor does: lines
// along the depth ([rows][depth]) or along its extent ([depth][rows]); ldmatrix turns the second.
// Everything is moved in pieces of 8 numbers, 16 bytes, whose places in a line are permuted
// (swizzled) so that neither the copies nor ldmatrix meet a bank twice.
//
// A source, one side of the product, is a struct with
//     static constexpr bool along_depth;
//     void start(int depth, bfloat16* panel)    begins to fetch the slice that begins at `depth`:
//                                               copies into the panel, or loads into registers
//     void stash(bfloat16* panel)               what start() has left in registers
//     void finish(int depth, bfloat16* panel)   work on what this thread's copies have brought;
//                                               slices finish in the order of their start, each
//                                               kLag starts after its own
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <type_traits>

#include "ocelli/kernels/lanes.cuh"

namespace ocelli::kernel {

/// A tile of which each warp makes WarpRows x WarpColumns elements.
template <int Rows, int Columns, int WarpRows, int WarpColumns, int Depth>
struct MmaTile {
  static constexpr int rows = Rows, columns = Columns, depth = Depth, stages = 3;
  static constexpr int warp_rows = WarpRows, warp_columns = WarpColumns;
  static constexpr int threads = 32 * (Rows / WarpRows) * (Columns / WarpColumns);
  static constexpr int left_size = Rows * Depth, right_size = Columns * Depth;
  static constexpr int stage_size = left_size + right_size;  ///< numbers
  static constexpr int ring_size = stages * stage_size;
  static_assert(WarpRows % 16 == 0 && WarpColumns % 16 == 0 && Depth % 16 == 0);
  static_assert(2 * ring_size <= 48 * 1024, "the ring is static shared memory");
};

/// Blocks that must fit a multiprocessor: as many as leave the registers that are needed. Pieces of
/// float take some, and so do those of narrow tiles, which are many.
template <class T, class S>
inline constexpr int kResidents = 512 / T::threads +
                                  (std::is_same_v<S, bfloat16> && T::rows == 64 ? 1 : 0);

inline constexpr int kPiece = 8;  ///< numbers of a piece
inline constexpr int kLag = 1;    ///< starts between a slice's own and its finish: stages - 2

/// How the threads of a block share a panel of Lines lines of Length numbers: `slots` pieces each,
/// at the same place of lines that are `step` apart.
template <int Lines, int Length, int Threads>
struct Pieces {
  static constexpr int across = Length / kPiece;
  static constexpr int slots = Lines * across / Threads;
  static constexpr int step = Threads / across;
  static_assert(across >= 4 && Threads % across == 0 && slots * Threads == Lines * across);
  static_assert((across & (across - 1)) == 0, "the permutation is of a power of two");

  int piece, line;

  OCELLI_DEVICE explicit Pieces(int thread) : piece(thread % across), line(thread / across) {}

  OCELLI_DEVICE int line_at(int s) const { return line + s * step; }
  OCELLI_DEVICE int place_at(int s) const { return place(line_at(s), piece); }

  /// Where a piece lies in the panel, in numbers. Eight lines that follow each other have theirs in
  /// eight different sixteenths of the banks.
  static OCELLI_DEVICE int place(int line, int piece) {
    const int turn = across >= 8 ? line & 7 : line >> 1 & 3;
    return (line * across + (piece ^ turn)) * kPiece;
  }
};

/// The sums that one thread holds, in the places that mma_m16n8k16_bf16 gives it.
template <class T>
struct MmaSums {
  static constexpr int down = T::warp_rows / 16, across = T::warp_columns / 8;
  static constexpr int warps_across = T::columns / T::warp_columns;
  float v[down][across][4];

  static OCELLI_DEVICE int warp_row() { return thread_x() / 32 / warps_across * T::warp_rows; }
  static OCELLI_DEVICE int warp_column() {
    return thread_x() / 32 % warps_across * T::warp_columns;
  }

  OCELLI_DEVICE void clear() {
    OCELLI_UNROLL
    for (int i = 0; i < down; ++i) OCELLI_UNROLL
    for (int j = 0; j < across; ++j) OCELLI_UNROLL
    for (int e = 0; e < 4; ++e) v[i][j][e] = 0.0f;
  }

  /// Adds the product of a slice. Every lane of the warp must call it.
  template <bool LeftAlongDepth, bool RightAlongDepth>
  OCELLI_DEVICE void add(const bfloat16* left, const bfloat16* right) {
    using Left = Pieces<
        LeftAlongDepth ? T::rows : T::depth, LeftAlongDepth ? T::depth : T::rows, T::threads>;
    using Right = Pieces<
        RightAlongDepth ? T::columns : T::depth, RightAlongDepth ? T::depth : T::columns,
        T::threads>;
    const int low = thread_x() % 16, high = thread_x() % 32 / 16;  // of the lane
    const int row = warp_row(), column = warp_column();
    OCELLI_UNROLL
    for (int d = 0; d < T::depth; d += 16) {
      // The four matrices of a load, in the order of a fragment: for A rows 0 and 8 of depth 0, the
      // same of depth 8; for B depth 0 and 8 of column 0, the same of column 8.
      std::uint32_t a[down][4], b[across / 2][4];
      OCELLI_UNROLL
      for (int i = 0; i < down; ++i) {
        if constexpr (LeftAlongDepth)
          ptx::ldmatrix_x4(a[i], left + Left::place(row + i * 16 + low, d / 8 + high));
        else
          ptx::ldmatrix_x4_trans(
              a[i], left + Left::place(d + high * 8 + low % 8, row / 8 + i * 2 + low / 8));
      }
      OCELLI_UNROLL
      for (int j = 0; j < across / 2; ++j) {
        if constexpr (RightAlongDepth)
          ptx::ldmatrix_x4(
              b[j], right + Right::place(column + j * 16 + high * 8 + low % 8, d / 8 + low / 8));
        else
          ptx::ldmatrix_x4_trans(b[j], right + Right::place(d + low, column / 8 + j * 2 + high));
      }
      OCELLI_UNROLL
      for (int i = 0; i < down; ++i) OCELLI_UNROLL
      for (int j = 0; j < across; ++j) {
        const std::uint32_t of_column[2] = {b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]};
        ptx::mma_m16n8k16_bf16(v[i][j], a[i], of_column, v[i][j]);
      }
    }
  }
};

/// The product over d in first .. last - 1, in the order of d; the ring is T::ring_size numbers of
/// shared memory. Every thread of the block must call it; a barrier must follow before the ring is
/// used again.
template <class T, class A, class B>
OCELLI_DEVICE MmaSums<T> mma_product(A& a, B& b, int first, int last, bfloat16* ring) {
  static_assert(T::stages == kLag + 2);
  const auto left = [ring](int stage) { return ring + stage * T::stage_size; };
  const auto right = [ring](int stage) { return ring + stage * T::stage_size + T::left_size; };

  MmaSums<T> sums;
  sums.clear();
  int next = 0;  // where the slice goes that is started
  // The first stages - 1 turns start slices only: one body for all, since it is long.
  OCELLI_ONE_BY_ONE
  for (int at = first - (T::stages - 1) * T::depth; at < last; at += T::depth) {
    // Slice `at` is there for all threads, and all have read the one whose place is filled now.
    if (at >= first) __syncthreads();
    const int ahead = at + (T::stages - 1) * T::depth;
    a.start(ahead, left(next));
    b.start(ahead, right(next));
    ptx::cp_async_commit();
    const int now = next + 1 == T::stages ? 0 : next + 1;
    if (at >= first) sums.template add<A::along_depth, B::along_depth>(left(now), right(now));
    a.stash(left(next));
    b.stash(right(next));
    ptx::cp_async_wait<T::stages - 2>();
    const int soon = now + 1 == T::stages ? 0 : now + 1;
    if (at + T::depth >= first) {
      a.finish(at + T::depth, left(soon));
      b.finish(at + T::depth, right(soon));
    }
    next = now;
  }
  return sums;
}

}  // namespace ocelli::kernel
