// tile_product: one block's tile of a matrix product, for any two sources of numbers.
//
//   S[r, c] = sum over d of A[r, d] * B[d, c]        r < rows, c < columns of the tile
//
// Both are staged as floats through shared memory in slices of `depth`, two slices in turn, the
// next fetched into registers while the threads multiply. In float32 each thread multiplies and
// holds ThreadRows x ThreadColumns sums, made in the order of d. In tf32 a warp's tensor cores
// multiply tiles of 16 x 8; factors are rounded on their way from shared memory.
//
// A source is a struct with the members of Panel's comment; conv2d.cuh has six of them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ocelli/kernels/lanes.cuh"
#include "ocelli/kernels/precision.cuh"

namespace ocelli::kernel {

/// A tile of which each thread has ThreadRows x ThreadColumns elements.
template <int Rows, int Columns, int ThreadRows, int ThreadColumns>
struct Tile {
  static constexpr Precision precision = Precision::float32;
  static constexpr int rows = Rows, columns = Columns, depth = 16;
  static constexpr int padding = 4;  ///< floats; slices are read in fours
  static constexpr int thread_rows = ThreadRows, thread_columns = ThreadColumns;
  static constexpr int threads = (Rows / ThreadRows) * (Columns / ThreadColumns);
  static constexpr int residents = 256 / threads;  ///< blocks that must fit a multiprocessor
  static_assert(ThreadRows % 4 == 0 && ThreadColumns % 4 == 0);
};

/// A tile of which each warp's tensor cores make WarpRows x WarpColumns elements.
template <Precision P, int Rows, int Columns, int WarpRows, int WarpColumns>
struct MatrixTile {
  static_assert(P == Precision::tf32, "bfloat16 has tiles of its own, in mma_tile.cuh");
  static constexpr Precision precision = P;
  static constexpr int rows = Rows, columns = Columns, depth = 16;
  static constexpr int padding = 8;  ///< floats; then the reads of a fragment meet no bank twice
  static constexpr int warp_rows = WarpRows, warp_columns = WarpColumns;
  static constexpr int thread_rows = WarpRows / 8, thread_columns = WarpColumns / 4;
  static constexpr int threads = 32 * (Rows / WarpRows) * (Columns / WarpColumns);
  static constexpr int residents = 256 / threads;
  static_assert(WarpRows % 16 == 0 && WarpColumns % 8 == 0);
};

/// How the threads of a block share the fetching of a slice [depth, Extent]: each takes `slots`
/// pieces of V neighbours, along the depth or along the extent. A source of such pieces has
///     static constexpr int lanes;  static constexpr bool along_depth;
///     template <class Panel> void fetch(const Panel&, int depth, Lanes<lanes> (&held)[slots])
/// which fetches the pieces of the slice that begins at `depth`, zeros beyond the matrix.
template <int Extent, int Depth, int Padding, int Threads, int V, bool AlongDepth>
struct Panel {
  static constexpr int slots = Extent * Depth / (V * Threads);
  static constexpr int pieces = AlongDepth ? Depth / V : Extent / V;  ///< in a line
  static constexpr int step = Threads / pieces;  ///< lines between a thread's slots
  static_assert(slots >= 1 && Threads % pieces == 0);

  int piece, line;

  OCELLI_DEVICE explicit Panel(int thread) : piece(thread % pieces), line(thread / pieces) {}

  /// Of slot s within the slice.
  OCELLI_DEVICE int depth_at(int s) const { return AlongDepth ? piece * V : line + s * step; }
  OCELLI_DEVICE int extent_at(int s) const { return AlongDepth ? line + s * step : piece * V; }

  using Slice = float[Depth][Extent + Padding];

  OCELLI_DEVICE void stash(const Lanes<V> (&held)[slots], Slice& slice) const {
    OCELLI_UNROLL
    for (int s = 0; s < slots; ++s) {
      if constexpr (AlongDepth) {
        OCELLI_UNROLL
        for (int e = 0; e < V; ++e) slice[depth_at(s) + e][extent_at(s)] = held[s].v[e];
      } else {
        store<V>(&slice[depth_at(s)][extent_at(s)], held[s]);
      }
    }
  }
};

template <class T, class Source>
using RowPanel =
    Panel<T::rows, T::depth, T::padding, T::threads, Source::lanes, Source::along_depth>;
template <class T, class Source>
using ColumnPanel =
    Panel<T::columns, T::depth, T::padding, T::threads, Source::lanes, Source::along_depth>;

template <class T>
using RowSlice = float[T::depth][T::rows + T::padding];
template <class T>
using ColumnSlice = float[T::depth][T::columns + T::padding];

/// The sums that one thread holds: v[i][j] is of row(i) and column(j) of the tile, and `neighbours`
/// of them that follow each other are of neighbouring columns.
template <class T, bool OnTensorCores = T::precision != Precision::float32>
struct TileSums {
  static constexpr int neighbours = 4;
  float v[T::thread_rows][T::thread_columns];

  // A thread's rows and columns come in fours that lie a part of the tile apart, so that a warp's
  // loads from shared memory are of neighbours.
  static constexpr int across = T::columns / T::thread_columns;  ///< threads over the columns
  static OCELLI_DEVICE int row(int i) {
    return i / 4 * (T::rows / (T::thread_rows / 4)) + thread_x() / across * 4 + i % 4;
  }
  static OCELLI_DEVICE int column(int j) {
    return j / 4 * (T::columns / (T::thread_columns / 4)) + thread_x() % across * 4 + j % 4;
  }

  OCELLI_DEVICE void clear() {
    OCELLI_UNROLL
    for (int i = 0; i < T::thread_rows; ++i) OCELLI_UNROLL
    for (int j = 0; j < T::thread_columns; ++j) v[i][j] = 0.0f;
  }
  /// Adds the product of a slice.
  OCELLI_DEVICE void add(const RowSlice<T>& left, const ColumnSlice<T>& right) {
    OCELLI_UNROLL
    for (int d = 0; d < T::depth; ++d) {
      float x[T::thread_rows], y[T::thread_columns];
      OCELLI_UNROLL
      for (int i = 0; i < T::thread_rows; i += 4) {
        const Lanes<4> four = load<4>(&left[d][row(i)]);
        OCELLI_UNROLL
        for (int e = 0; e < 4; ++e) x[i + e] = four.v[e];
      }
      OCELLI_UNROLL
      for (int j = 0; j < T::thread_columns; j += 4) {
        const Lanes<4> four = load<4>(&right[d][column(j)]);
        OCELLI_UNROLL
        for (int e = 0; e < 4; ++e) y[j + e] = four.v[e];
      }
      OCELLI_UNROLL
      for (int i = 0; i < T::thread_rows; ++i) OCELLI_UNROLL
      for (int j = 0; j < T::thread_columns; ++j) v[i][j] += x[i] * y[j];
    }
  }
};

/// The same for a warp's tensor cores. A thread's elements are those of mma_m16n8k8_tf32.
template <class T>
struct TileSums<T, true> {
  static constexpr int neighbours = 2;
  static constexpr int down = T::warp_rows / 16, across = T::warp_columns / 8;  ///< of 16 x 8
  float v[T::thread_rows][T::thread_columns];

  static constexpr int warps_across = T::columns / T::warp_columns;
  static OCELLI_DEVICE int warp_row() { return thread_x() / 32 / warps_across * T::warp_rows; }
  static OCELLI_DEVICE int warp_column() {
    return thread_x() / 32 % warps_across * T::warp_columns;
  }
  static OCELLI_DEVICE int group() { return thread_x() % 32 / 4; }
  static OCELLI_DEVICE int member() { return thread_x() % 4; }
  static OCELLI_DEVICE int row(int i) { return warp_row() + i / 2 * 16 + i % 2 * 8 + group(); }
  static OCELLI_DEVICE int column(int j) {
    return warp_column() + j / 2 * 8 + member() * 2 + j % 2;
  }

  OCELLI_DEVICE void clear() {
    OCELLI_UNROLL
    for (int i = 0; i < T::thread_rows; ++i) OCELLI_UNROLL
    for (int j = 0; j < T::thread_columns; ++j) v[i][j] = 0.0f;
  }

  /// Adds the product of a slice. Every lane of the warp must call it.
  OCELLI_DEVICE void add(const RowSlice<T>& left, const ColumnSlice<T>& right) {
    OCELLI_UNROLL
    for (int d = 0; d < T::depth; d += 8) {
      std::uint32_t a[down][4], b[across][2];
      OCELLI_UNROLL
      for (int i = 0; i < down; ++i) OCELLI_UNROLL
      for (int k = 0; k < 4; ++k)
        a[i][k] = factor(left, d, k / 2, warp_row() + i * 16 + k % 2 * 8 + group());
      OCELLI_UNROLL
      for (int j = 0; j < across; ++j) OCELLI_UNROLL
      for (int k = 0; k < 2; ++k) b[j][k] = factor(right, d, k, warp_column() + j * 8 + group());
      OCELLI_UNROLL
      for (int i = 0; i < down; ++i) OCELLI_UNROLL
      for (int j = 0; j < across; ++j) multiply(a[i], b[j], i, j);
    }
  }

 private:
  /// A register of a fragment: this thread's number in half `half` of the step's depth at `at`.
  template <class Slice>
  static OCELLI_DEVICE std::uint32_t factor(const Slice& slice, int d, int half, int at) {
    return ptx::round_to_tf32(slice[d + half * 4 + member()][at]);
  }
  OCELLI_DEVICE void multiply(
      const std::uint32_t (&a)[4], const std::uint32_t (&b)[2], int i, int j) {
    float sums[4] = {
        v[2 * i][2 * j], v[2 * i][2 * j + 1], v[2 * i + 1][2 * j], v[2 * i + 1][2 * j + 1]};
    ptx::mma_m16n8k8_tf32(sums, a, b, sums);
    v[2 * i][2 * j] = sums[0];
    v[2 * i][2 * j + 1] = sums[1];
    v[2 * i + 1][2 * j] = sums[2];
    v[2 * i + 1][2 * j + 1] = sums[3];
  }
};

/// The tile's sums over d in first .. last - 1. Every thread of the block must call it, once.
template <class T, class A, class B>
OCELLI_DEVICE TileSums<T> tile_product(A& a, B& b, int first, int last) {
  using Rows = RowPanel<T, A>;
  using Columns = ColumnPanel<T, B>;
  OCELLI_SHARED(float, left, [2][T::depth][T::rows + T::padding]);
  OCELLI_SHARED(float, right, [2][T::depth][T::columns + T::padding]);
  const Rows rows(thread_x());
  const Columns columns(thread_x());
  Lanes<A::lanes> held_a[Rows::slots];
  Lanes<B::lanes> held_b[Columns::slots];

  TileSums<T> sums;
  sums.clear();
  int next = 0;  // where the slice goes that is fetched
  // The first turn fetches only: one body for all, since it is long.
  OCELLI_ONE_BY_ONE
  for (int at = first - T::depth; at < last; at += T::depth) {
    const bool more = at + T::depth < last;
    if (more) {
      a.fetch(rows, at + T::depth, held_a);
      b.fetch(columns, at + T::depth, held_b);
    }
    if (at >= first) sums.add(left[1 - next], right[1 - next]);
    if (more) {
      rows.stash(held_a, left[next]);
      columns.stash(held_b, right[next]);
    }
    __syncthreads();
    next = 1 - next;
  }
  return sums;
}

}  // namespace ocelli::kernel
