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

/// Packs b [depth, columns].
inline void pack(ThreadPool& pool, const float* b, long depth, int columns, float* packed) {
  pool.for_each(panel_count(columns), [&](long panel, int) {
    const int first = static_cast<int>(panel) * kTileColumns;
    const int width = std::min(kTileColumns, columns - first);
    float* to = packed + panel * depth * kTileColumns;
    for (long k = 0; k < depth; ++k, to += kTileColumns) {
      const float* from = b + k * columns + first;
      if (width == kTileColumns) {
        repeat<2>([&](auto j)
                      OCELLI_LAMBDA { store(to + j * kWide, load<Wide>(from + j * kWide)); });
      } else {
        for (int j = 0; j < width; ++j) to[j] = from[j];
        for (int j = width; j < kTileColumns; ++j) to[j] = 0;
      }
    }
  });
}

/// Packs rows first .. first + depth - 1 of b [total, columns] from b's transpose [columns, depth].
inline void pack_transposed(
    ThreadPool& pool, const float* transpose, long depth, int columns, long first, long total,
    float* packed) {
  pool.for_each(panel_count(columns), [&](long panel, int) {
    const int column = static_cast<int>(panel) * kTileColumns;
    const int width = std::min(kTileColumns, columns - column);
    float* to = packed + (panel * total + first) * kTileColumns;
    constexpr int kBlock = 16;  // rows of b at a time: their panel rows stay in the L1 cache
    for (long k = 0; k < depth; k += kBlock) {
      const int rows = static_cast<int>(std::min<long>(kBlock, depth - k));
      for (int j = 0; j < width; ++j) {
        const float* from = transpose + (column + j) * depth + k;
        for (int i = 0; i < rows; ++i) to[(k + i) * kTileColumns + j] = from[i];
      }
      for (int i = 0; i < rows; ++i)
        for (int j = width; j < kTileColumns; ++j) to[(k + i) * kTileColumns + j] = 0;
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
      for (long r = 0; r < rows; ++r) {
        for (int j = 0; j < width; ++j) panel[r * kTileColumns + j] = from[r * step + j];
        for (int j = width; j < kTileColumns; ++j) panel[r * kTileColumns + j] = 0;
      }
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
