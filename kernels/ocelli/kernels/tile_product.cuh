// tile_product: one block's tile of a matrix product in float32, for any two sources of numbers.
//
//   S[r, c] = sum over d of A[r, d] * B[d, c]        r < rows, c < columns of the tile
//
// Both are staged through shared memory in slices of `depth`, two slices in turn, the next fetched
// into registers while the threads multiply: each thread holds ThreadRows x ThreadColumns sums. The
// sums of an element are made in the order of d.
//
// A source is a struct with the members of Panel's comment; conv2d.cuh has six of them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/kernels/lanes.cuh"

namespace ocelli::kernel {

template <int Rows, int Columns, int ThreadRows, int ThreadColumns>
struct Tile {
  static constexpr int rows = Rows, columns = Columns, depth = 16;
  static constexpr int thread_rows = ThreadRows, thread_columns = ThreadColumns;
  static constexpr int threads = (Rows / ThreadRows) * (Columns / ThreadColumns);
  static_assert(ThreadRows % 4 == 0 && ThreadColumns % 4 == 0);
};

/// How the threads of a block share the fetching of a slice [depth, Extent]: each takes `slots`
/// pieces of V neighbours, along the depth or along the extent. A source of such pieces has
///     static constexpr int lanes;  static constexpr bool along_depth;
///     template <class Panel> void fetch(const Panel&, int depth, Lanes<lanes> (&held)[slots])
/// which fetches the pieces of the slice that begins at `depth`, zeros beyond the matrix.
template <int Extent, int Depth, int Threads, int V, bool AlongDepth>
struct Panel {
  static constexpr int extent = Extent;
  static constexpr int slots = Extent * Depth / (V * Threads);
  static constexpr int pieces = AlongDepth ? Depth / V : Extent / V;  ///< in a line
  static constexpr int step = Threads / pieces;  ///< lines between a thread's slots
  static_assert(slots >= 1 && Threads % pieces == 0);

  int piece, line;

  OCELLI_DEVICE explicit Panel(int thread) : piece(thread % pieces), line(thread / pieces) {}

  /// Of slot s within the slice.
  OCELLI_DEVICE int depth_at(int s) const { return AlongDepth ? piece * V : line + s * step; }
  OCELLI_DEVICE int extent_at(int s) const { return AlongDepth ? line + s * step : piece * V; }

  /// Rows of a slice in shared memory are 4 floats apart from a power of two.
  using Slice = float[Depth][Extent + 4];

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
using RowPanel = Panel<T::rows, T::depth, T::threads, Source::lanes, Source::along_depth>;
template <class T, class Source>
using ColumnPanel = Panel<T::columns, T::depth, T::threads, Source::lanes, Source::along_depth>;

/// The sums that one thread holds.
template <class T>
struct TileSums {
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
};

/// The tile's sums over d in first .. last - 1. Every thread of the block must call it, once.
template <class T, class A, class B>
OCELLI_DEVICE TileSums<T> tile_product(A& a, B& b, int first, int last) {
  using Rows = RowPanel<T, A>;
  using Columns = ColumnPanel<T, B>;
  OCELLI_SHARED(float, left, [2][T::depth][T::rows + 4]);
  OCELLI_SHARED(float, right, [2][T::depth][T::columns + 4]);
  const Rows rows(thread_x());
  const Columns columns(thread_x());
  Lanes<A::lanes> held_a[Rows::slots];
  Lanes<B::lanes> held_b[Columns::slots];

  TileSums<T> sums;
  OCELLI_UNROLL
  for (int i = 0; i < T::thread_rows; ++i)
    OCELLI_UNROLL
  for (int j = 0; j < T::thread_columns; ++j) sums.v[i][j] = 0.0f;

  a.fetch(rows, first, held_a);
  b.fetch(columns, first, held_b);
  rows.stash(held_a, left[0]);
  columns.stash(held_b, right[0]);
  __syncthreads();
  int now = 0;
  OCELLI_ONE_BY_ONE
  for (int at = first; at < last; at += T::depth) {
    const bool more = at + T::depth < last;
    if (more) {
      a.fetch(rows, at + T::depth, held_a);
      b.fetch(columns, at + T::depth, held_b);
    }
    OCELLI_UNROLL
    for (int d = 0; d < T::depth; ++d) {
      float x[T::thread_rows], y[T::thread_columns];
      OCELLI_UNROLL
      for (int i = 0; i < T::thread_rows; i += 4) {
        const Lanes<4> four = load<4>(&left[now][d][TileSums<T>::row(i)]);
        OCELLI_UNROLL
        for (int e = 0; e < 4; ++e) x[i + e] = four.v[e];
      }
      OCELLI_UNROLL
      for (int j = 0; j < T::thread_columns; j += 4) {
        const Lanes<4> four = load<4>(&right[now][d][TileSums<T>::column(j)]);
        OCELLI_UNROLL
        for (int e = 0; e < 4; ++e) y[j + e] = four.v[e];
      }
      OCELLI_UNROLL
      for (int i = 0; i < T::thread_rows; ++i)
        OCELLI_UNROLL
      for (int j = 0; j < T::thread_columns; ++j) sums.v[i][j] += x[i] * y[j];
    }
    if (more) {
      rows.stash(held_a, left[1 - now]);
      columns.stash(held_b, right[1 - now]);
    }
    __syncthreads();
    now = 1 - now;
  }
  return sums;
}

}  // namespace ocelli::kernel
