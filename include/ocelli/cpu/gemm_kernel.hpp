// gemm_kernel: the innermost product, a tile of rows x vectors kept in registers.
//
//   tile[r, j] = sum over k of  a[r * a_row + k * a_step] * b[k * b_step + j]
//
// One kernel serves all products: with a_step 1 the rows of `a` are pixels (forward, input
// gradient), with a_row 1 they are channels (weight gradient). A row of `a` is broadcast, `b` is
// read in vectors. Twelve rows of two vectors fill the 32 registers of AVX-512 and AArch64, six
// rows the 16 of AVX2 and SSE.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/cpu/simd.hpp"

namespace ocelli::cpu {

#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr int kTileRows = 12;
#else
inline constexpr int kTileRows = 6;
#endif
inline constexpr int kTileColumns = 2 * kWide;

/// What happens to a finished tile.
struct TileEnd {
  float* c = nullptr;  ///< [rows, columns] with rows c_row apart
  long c_row = 0;
  bool add = false;             ///< add to c rather than overwrite it
  const float* bias = nullptr;  ///< [columns], readable up to the vector's end; or null
  float low = -std::numeric_limits<float>::infinity();  ///< bounds of the result
  float high = std::numeric_limits<float>::infinity();
};

/// Rows x (N vectors V), of which the first `columns` are kept. Reads `b` to the end of its
/// vectors.
template <class V, int Rows, int N>
inline void gemm_tile(
    long depth, const float* a, long a_row, long a_step, const float* b, long b_step, int columns,
    const TileEnd& end) {
  constexpr int kV = kWidth<V>;
  // Every third row has a pointer of its own; the two after it are reached by the processor's
  // index * 1 and index * 2 addressing.
  constexpr int kPointers = (Rows + 2) / 3;
  const float* row[kPointers];
  repeat<kPointers>([&](auto i) OCELLI_LAMBDA { row[i] = a + 3 * i * a_row; });

  V sum[Rows][N];
  repeat<N>([&](auto j) OCELLI_LAMBDA {
    const V first = end.bias ? load<V>(end.bias + j * kV) : V{};
    repeat<Rows>([&](auto r) OCELLI_LAMBDA { sum[r][j] = first; });
  });
  for (long k = 0; k < depth; ++k) {
    V right[N];
    repeat<N>([&](auto j) OCELLI_LAMBDA { right[j] = load<V>(b + j * kV); });
    repeat<Rows>([&](auto r) OCELLI_LAMBDA {
      const float left = row[r / 3][(r % 3) * a_row];
      repeat<N>([&](auto j) OCELLI_LAMBDA { sum[r][j] += left * right[j]; });
    });
    repeat<kPointers>([&](auto i) OCELLI_LAMBDA { row[i] += a_step; });
    b += b_step;
  }

  const V low = fill<V>(end.low), high = fill<V>(end.high);
  repeat<Rows>([&](auto r) OCELLI_LAMBDA {
    float* c = end.c + r * end.c_row;
    repeat<N>([&](auto j) OCELLI_LAMBDA {
      constexpr int kFirst = j * kV;
      if (kFirst + kV <= columns) {
        V value = sum[r][j];
        if (end.add) value += load<V>(c + kFirst);
        store(c + kFirst, clamp(value, low, high));
      } else {
        float part[kV];
        store(part, clamp(sum[r][j], low, high));
        for (int i = 0; i < columns - kFirst; ++i)
          c[kFirst + i] = end.add ? c[kFirst + i] + part[i] : part[i];
      }
    });
  });
}

/// Any number of rows, in tiles of kTileRows, 4 and 1.
template <class V, int N>
inline void gemm_rows(
    long rows, long depth, const float* a, long a_row, long a_step, const float* b, long b_step,
    int columns, const TileEnd& end) {
  long r = 0;
  const auto run = [&](auto tile) OCELLI_LAMBDA {
    for (; r + tile <= rows; r += tile) {
      TileEnd here = end;
      here.c += r * end.c_row;
      gemm_tile<V, tile, N>(depth, a + r * a_row, a_row, a_step, b, b_step, columns, here);
    }
  };
  run(std::integral_constant<int, kTileRows>{});
  run(std::integral_constant<int, 4>{});
  run(std::integral_constant<int, 1>{});
}

/// One panel of at most kTileColumns columns, with the narrowest vectors that hold them: it reads
/// `b` up to the next multiple of kNarrow.
inline void gemm_panel(
    long rows, long depth, const float* a, long a_row, long a_step, const float* b, long b_step,
    int columns, const TileEnd& end) {
  if (columns > kWide + kWide - kNarrow) {
    gemm_rows<Wide, 2>(rows, depth, a, a_row, a_step, b, b_step, columns, end);
    return;
  }
  int first = 0;
  const auto run = [&]<class V>(V) OCELLI_LAMBDA {
    TileEnd here = end;
    here.c += first;
    if (end.bias) here.bias += first;
    gemm_rows<V, 1>(rows, depth, a, a_row, a_step, b + first, b_step, columns - first, here);
    first += kWidth<V>;
  };
  if (columns > kNarrow || kNarrow == kWide) run(Wide{});
  if constexpr (kNarrow < kWide)
    if (columns > first) run(Half{});
}

}  // namespace ocelli::cpu
