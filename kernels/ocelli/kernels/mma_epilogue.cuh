// mma_epilogue: what becomes of a tile of sums. The warps lay them into shared memory, and each
// thread takes four neighbours of a row at a time, so that memory is written in whole lines; on
// the way it can add up what batch norm wants to know of each column.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/kernels/mma_tile.cuh"

namespace ocelli::kernel {

/// How the threads share a tile of sums: the same four columns of rows that are `step` apart.
template <class T>
struct RowPieces {
  static constexpr int across = T::columns / 4, step = T::threads / across;
  static constexpr int line = T::columns + 8;  ///< floats of a row; the stores meet no bank twice
  /// Rows that lie in the ring at once.
  static constexpr int band = T::rows * line * 2 <= T::ring_size ? T::rows : T::rows / 2;
  static_assert(band * line * 2 <= T::ring_size && band % T::warp_rows == 0);

  static OCELLI_DEVICE int column() { return thread_x() % across * 4; }
  static OCELLI_DEVICE int first_row() { return thread_x() / across; }
};

/// put.band(rows of the first band, [..][RowPieces<T>::line] of sums) once, then put(row, Lanes<4>)
/// for each row of this thread below `rows`. Every thread of the block must call it; the ring is
/// free again after a barrier.
template <class T, class Put>
OCELLI_DEVICE void put_sums(const MmaSums<T>& sums, int rows, bfloat16* ring, Put& put) {
  using Mine = RowPieces<T>;
  float* const stage = reinterpret_cast<float*>(ring);
  const int group = thread_x() % 32 / 4, member = thread_x() % 4;
  OCELLI_ONE_BY_ONE
  for (int top = 0; top < T::rows; top += Mine::band) {
    __syncthreads();  // the slices, or the band before, have been read
    const int warp_row = MmaSums<T>::warp_row() - top;
    if (warp_row >= 0 && warp_row < Mine::band) {
      float* const at =
          stage + (warp_row + group) * Mine::line + MmaSums<T>::warp_column() + member * 2;
      OCELLI_UNROLL
      for (int i = 0; i < MmaSums<T>::down; ++i) OCELLI_UNROLL
      for (int j = 0; j < MmaSums<T>::across; ++j) {
        const float(&v)[4] = sums.v[i][j];
        store(at + i * 16 * Mine::line + j * 8, Lanes<2>{{v[0], v[1]}});
        store(at + (i * 16 + 8) * Mine::line + j * 8, Lanes<2>{{v[2], v[3]}});
      }
    }
    __syncthreads();
    const int here = rows - top < Mine::band ? rows - top : Mine::band;
    if (top == 0) put.band(here, stage);
    for (int row = Mine::first_row(); row < here; row += Mine::step)
      put(top + row, load<4>(stage + row * Mine::line + Mine::column()));
  }
}

/// Adds `more` rows of a column, whose differences from `pivot` add up to `sum` and their squares
/// to `square`, to the mean and the sum of squared differences of the `rows` before, where there
/// are. Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample
/// Variances", COMPSTAT 1982.
OCELLI_DEVICE void add_moments(
    int rows, int more, float pivot, float sum, float square, float& mean, float& squares) {
  const float n = static_cast<float>(more), from_pivot = sum / n;
  const float of_these = pivot + from_pivot, left = square - sum * from_pivot;
  const float within = left < 0.0f ? 0.0f : left;  // by rounding; NaN stays
  if (rows == 0) {
    mean = of_these;
    squares = within;
    return;
  }
  const float between = of_these - mean, share = n / static_cast<float>(rows + more);
  mean += between * share;
  squares += within + between * between * static_cast<float>(rows) * share;
}

/// A thread's part of a tile's column sums, about a pivot near each column's mean.
template <class T>
struct ColumnTerms {
  using Mine = RowPieces<T>;
  Lanes<4> pivot, sum, square;

  /// @param value  (a row of the first band) -> Lanes<4> of this thread's columns
  template <class Value>
  OCELLI_DEVICE void begin(int rows, const Value& value) {
    pivot = sum = square = lanes_of<4>(0.0f);
    OCELLI_ONE_BY_ONE
    for (int k = 0; k < 4; ++k) {
      const Lanes<4> a = value(rows * k / 4);
      OCELLI_UNROLL
      for (int e = 0; e < 4; ++e) pivot.v[e] += 0.25f * a.v[e];
    }
  }
  OCELLI_DEVICE void add(const Lanes<4>& a) {
    OCELLI_UNROLL
    for (int e = 0; e < 4; ++e) {
      const float d = a.v[e] - pivot.v[e];
      sum.v[e] += d;
      square.v[e] += d * d;
    }
  }
  /// Adds all threads' terms of `more` rows to the columns' moments [2, columns of the tensor], in
  /// the order of the threads, after those of `rows` rows before. Every thread of the block must
  /// call it; the ring is free again after a barrier.
  /// @param columns  that the tensor has from the tile's first one on
  /// @param stride   from a column's mean to its squares
  OCELLI_DEVICE void collect(
      int rows, int more, int columns, bfloat16* ring, float* moments, int stride) const {
    float* const sums = reinterpret_cast<float*>(ring);  // [2][step][columns]
    float* const pivots = sums + 2 * Mine::step * T::columns;
    static_assert((2 * Mine::step + 1) * T::columns * 2 <= T::ring_size);
    __syncthreads();
    const int place = Mine::first_row() * T::columns + Mine::column();
    store(sums + place, sum);
    store(sums + Mine::step * T::columns + place, square);
    if (Mine::first_row() == 0) store(pivots + Mine::column(), pivot);
    __syncthreads();
    if (thread_x() >= T::columns || thread_x() >= columns) return;
    float total[2] = {0.0f, 0.0f};
    OCELLI_UNROLL
    for (int k = 0; k < 2; ++k)
      for (int i = 0; i < Mine::step; ++i)
        total[k] += sums[(k * Mine::step + i) * T::columns + thread_x()];
    // By this thread alone, tile after tile.
    float* const at = moments + thread_x();
    add_moments(rows, more, pivots[thread_x()], total[0], total[1], at[0], at[stride]);
  }
};

}  // namespace ocelli::kernel
