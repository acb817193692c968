// gemm: matrix products over blocks of pixels that fit into the cache.
//
//   gemm_block    c[rows, columns]  = a[rows, depth] * b[depth, columns], b packed into panels
//   gemm_reduce   c[left, right]   += a[rows, left]^T * b[rows, right]
//
// A panel holds kTileColumns columns of b one row after the other, padded with zeros, so that the
// kernel reads it from first to last. All matrices are row-major.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "ocelli/core/shape.hpp"
#include "ocelli/core/thread_pool.hpp"
#include "ocelli/cpu/gemm_kernel.hpp"
#include "ocelli/cpu/operand.hpp"

namespace ocelli::cpu {

constexpr int panel_count(int columns) { return (columns + kTileColumns - 1) / kTileColumns; }
/// Floats of a packed b.
constexpr long packed_size(long depth, int columns) {
  return depth * panel_count(columns) * kTileColumns;
}

/// Copies `width` columns of a matrix to a panel.
inline void copy_panel(const float* from, long rows, long from_row, int width, float* panel) {
  for (long r = 0; r < rows; ++r, from += from_row, panel += kTileColumns) {
    if (width == kTileColumns) {
      repeat<2>([&](auto j)
                    OCELLI_LAMBDA { store(panel + j * kWide, load<Wide>(from + j * kWide)); });
    } else {
      copy_floats(from, width, panel);
      for (int j = width; j < kTileColumns; ++j) panel[j] = 0;
    }
  }
}

/// Packs b [depth, columns].
inline void pack(ThreadPool& pool, const float* b, long depth, int columns, float* packed) {
  pool.for_each(panel_count(columns), [&](long panel, int) {
    const int first = static_cast<int>(panel) * kTileColumns;
    const int width = std::min(kTileColumns, columns - first);
    float* to = packed + panel * depth * kTileColumns;
    copy_panel(b + first, depth, columns, width, to);
  });
}

/// to[i * to_row + j] = from[j * from_row + i] for 4 x 4 values.
OCELLI_ALWAYS_INLINE void transpose4(const float* from, long from_row, float* to, long to_row) {
  typedef float Four __attribute__((vector_size(16)));
  const Four a = load<Four>(from), b = load<Four>(from + from_row);
  const Four c = load<Four>(from + 2 * from_row), d = load<Four>(from + 3 * from_row);
  const Four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const Four ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Four cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const Four cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  store(to, __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5));
  store(to + to_row, __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7));
  store(to + 2 * to_row, __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5));
  store(to + 3 * to_row, __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7));
}

/// Packs rows first .. first + depth - 1 of b [total, columns] from b's transpose [columns, depth].
inline void pack_transposed(
    ThreadPool& pool, const float* transpose, long depth, int columns, long first, long total,
    float* packed) {
  pool.for_each(panel_count(columns), [&](long panel, int) {
    const int column = static_cast<int>(panel) * kTileColumns;
    const int width = std::min(kTileColumns, columns - column);
    float* to = packed + (panel * total + first) * kTileColumns;
    const float* from = transpose + column * depth;
    for (long k = 0; k < depth; k += 4) {
      int j = 0;
      if (k + 4 <= depth)
        for (; j + 4 <= width; j += 4)
          transpose4(from + j * depth + k, depth, to + k * kTileColumns + j, kTileColumns);
      for (long i = k; i < std::min(k + 4, depth); ++i) {
        for (int rest = j; rest < width; ++rest)
          to[i * kTileColumns + rest] = from[rest * depth + i];
        for (int rest = width; rest < kTileColumns; ++rest) to[i * kTileColumns + rest] = 0;
      }
    }
  });
}

/// Panels `first` .. `last - 1` of c = a * b; `end` describes c as a whole.
inline void gemm_block(
    long rows, long depth, const float* a, const float* packed, int columns, int first, int last,
    const TileEnd& end) {
  for (int panel = first; panel < last; ++panel) {
    const int column = panel * kTileColumns;
    TileEnd here = end;
    here.c += column;
    if (end.bias) here.bias += column;
    gemm_panel(
        rows, depth, a, depth, 1, packed + panel * depth * kTileColumns, kTileColumns,
        std::min(kTileColumns, columns - column), here);
  }
}

/// Floats of gemm_reduce's panel.
constexpr long reduce_scratch(long rows) { return rows * kTileColumns; }

/// Adds a^T * b to c [left, right], for the columns of a [rows, a_row] from `first_left` on.
inline void gemm_reduce(
    long rows, const float* a, long a_row, long first_left, long left, const float* b, int right,
    float* c, float* panel) {
  TileEnd end;
  end.c_row = right;
  end.add = true;
  for (int column = 0; column < right; column += kTileColumns) {
    const int width = std::min(kTileColumns, right - column);
    end.c = c + first_left * right + column;
    const float* from = b + column;
    long step = right;
    // A narrow last panel would be read past its end; rows far apart fight for the cache's ways.
    if (width % kNarrow != 0 || right >= 256) {
      copy_panel(from, rows, step, width, panel);
      from = panel;
      step = kTileColumns;
    }
    gemm_panel(left, rows, a + first_left, 1, a_row, from, step, width, end);
  }
}

/// Adds `parts` partial sums, `apart` floats from one another, to `sum`, always in the same order.
inline void add_parts(
    ThreadPool& pool, const float* partial, long parts, long apart, long count, float* sum) {
  constexpr long kSlice = 4096;
  pool.for_each((count + kSlice - 1) / kSlice, [&](long slice, int) {
    const long first = slice * kSlice, last = std::min(count, first + kSlice);
    each_vector(static_cast<int>(last - first), [&]<class V>(V, int i) OCELLI_LAMBDA {
      const float* from = partial + first + i;
      V total = load<V>(from);
      for (long part = 1; part < parts; ++part) total += load<V>(from + part * apart);
      store(sum + first + i, load<V>(sum + first + i) + total);
    });
  });
}

}  // namespace ocelli::cpu
