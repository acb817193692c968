// depthwise_conv2d's weight gradient. Formula: ocelli/op/depthwise_conv2d.hpp; floor: see
// depthwise_conv2d.cuh.
//
// A block has up to 32 * V channels and a run of `segments`: pieces of a row of dy, dealt out to
// its threads. A thread walks along a segment with the window of x in registers. The sums of the
// block's threads are joined in a tree, a few taps at a time, and left as partial [blocks, taps,
// C].
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/kernels/depthwise_conv2d.cuh"

namespace ocelli::kernel {

/// How dy's rows are cut: `pieces` of a row, each `length` pixels long, the last maybe shorter.
struct Segments {
  int pieces, length;
  int per_block;  ///< segments that a block takes
};

/// A block's sums of one tap over its threads: tree over y. Writes partial[c].
template <int V>
OCELLI_DEVICE void join_over_y(const Lanes<V>& mine, bool inside, float* partial) {
  OCELLI_SHARED(float, sums, [V][kDepthwiseThreads]);
  const int width = static_cast<int>(blockDim.x);
  const int place = thread_y() * width + thread_x();
  OCELLI_UNROLL
  for (int e = 0; e < V; ++e) sums[e][place] = mine.v[e];
  for (int half = static_cast<int>(blockDim.y) / 2; half > 0; half /= 2) {
    __syncthreads();
    if (thread_y() >= half) continue;
    OCELLI_UNROLL
    for (int e = 0; e < V; ++e) sums[e][place] += sums[e][place + half * width];
  }
  if (thread_y() == 0 && inside) {
    Lanes<V> total;
    OCELLI_UNROLL
    for (int e = 0; e < V; ++e) total.v[e] = sums[e][place];
    store<V>(partial, total);
  }
  __syncthreads();  // the next tap takes the same memory
}

/// Square windows of dilation 1. Block: x over channels, y over segments, powers of two,
/// kDepthwiseThreads in all. Grid: channels, runs of segments.
template <int Kernel, int Stride, int V, class T>
OCELLI_KERNEL_BOUNDS(kDepthwiseThreads, 4)
depthwise_conv2d_segments(
    DepthwiseConv2dGeometry g, int batch, Segments segments, Operand<T> x, const T* dy,
    float* partial) {
  const int c = (block_x() * static_cast<int>(blockDim.x) + thread_x()) * V;
  const bool inside = c < g.channels;
  const int all = batch * g.out_height * segments.pieces;
  const int first = block_y() * segments.per_block;
  const int last = all - first < segments.per_block ? all : first + segments.per_block;

  Lanes<V> sums[Kernel * Kernel];
  OCELLI_UNROLL
  for (int t = 0; t < Kernel * Kernel; ++t) sums[t] = lanes_of<V>(0.0f);

  if (inside) {
    const ChannelReader<V, T> reader(x, c);
    for (int s = first + thread_y(); s < last; s += static_cast<int>(blockDim.y)) {
      const int row = s / segments.pieces, j0 = s % segments.pieces * segments.length;
      const int n = row / g.out_height, i = row % g.out_height;
      const int j1 = j0 + segments.length < g.out_width ? j0 + segments.length : g.out_width;
      const T* lines[Kernel];  // of x, at channel c; null outside the picture
      OCELLI_UNROLL
      for (int u = 0; u < Kernel; ++u) {
        const int h = i * Stride + u - g.pad_top;
        const bool there = h >= 0 && h < g.height;
        lines[u] = there ? x.data + (long(n) * g.height + h) * g.width * g.channels + c : nullptr;
      }
      const auto value = [&](int u, int column) {
        if (lines[u] == nullptr || column < 0 || column >= g.width) return lanes_of<V>(0.0f);
        return reader.at(lines[u] + long(column) * g.channels);
      };
      Lanes<V> window[Kernel][Kernel];
      // All but the columns that the first step brings.
      constexpr int fresh = Stride < Kernel ? Stride : Kernel;
      OCELLI_UNROLL
      for (int u = 0; u < Kernel; ++u) OCELLI_UNROLL
      for (int v = fresh; v < Kernel; ++v)
        window[u][v] = value(u, j0 * Stride + v - fresh - g.pad_left);
      OCELLI_ONE_BY_ONE
      for (int j = j0; j < j1; ++j) {
        OCELLI_UNROLL
        for (int u = 0; u < Kernel; ++u) {
          OCELLI_UNROLL
          for (int v = 0; v < Kernel - fresh; ++v) window[u][v] = window[u][v + fresh];
          OCELLI_UNROLL
          for (int v = Kernel - fresh; v < Kernel; ++v)
            window[u][v] = value(u, j * Stride + v - g.pad_left);
        }
        const Lanes<V> gradient = load<V>(dy + (long(row) * g.out_width + j) * g.channels + c);
        OCELLI_UNROLL
        for (int u = 0; u < Kernel; ++u) OCELLI_UNROLL
        for (int v = 0; v < Kernel; ++v) add_product(sums[u * Kernel + v], window[u][v], gradient);
      }
    }
  }
  OCELLI_UNROLL
  for (int t = 0; t < Kernel * Kernel; ++t)
    join_over_y<V>(
        sums[t], inside, partial + (long(block_y()) * Kernel * Kernel + t) * g.channels + c);
}

/// Any window: one tap a block. Grid: channels, runs of segments, taps. Otherwise as above.
template <int V, class T>
OCELLI_KERNEL_BOUNDS(kDepthwiseThreads)
depthwise_conv2d_weight_gradient_any(
    DepthwiseConv2dGeometry g, int batch, Segments segments, Operand<T> x, const T* dy,
    float* partial) {
  const int c = (block_x() * static_cast<int>(blockDim.x) + thread_x()) * V;
  const bool inside = c < g.channels;
  const int tap = block_z(), u = tap / g.kernel_width, v = tap % g.kernel_width;
  const int all = batch * g.out_height * segments.pieces;
  const int first = block_y() * segments.per_block;
  const int last = all - first < segments.per_block ? all : first + segments.per_block;
  Lanes<V> sum = lanes_of<V>(0.0f);
  if (inside) {
    const ChannelReader<V, T> reader(x, c);
    for (int s = first + thread_y(); s < last; s += static_cast<int>(blockDim.y)) {
      const int row = s / segments.pieces, j0 = s % segments.pieces * segments.length;
      const int j1 = j0 + segments.length < g.out_width ? j0 + segments.length : g.out_width;
      const int n = row / g.out_height;
      const int h = row % g.out_height * g.stride + u * g.dilation - g.pad_top;
      if (h < 0 || h >= g.height) continue;
      for (int j = j0; j < j1; ++j) {
        const int k = j * g.stride + v * g.dilation - g.pad_left;
        if (k < 0 || k >= g.width) continue;
        add_product(
            sum, reader(((long(n) * g.height + h) * g.width + k) * g.channels + c),
            load<V>(dy + (long(row) * g.out_width + j) * g.channels + c));
      }
    }
  }
  join_over_y<V>(
      sum, inside, partial + (long(block_y()) * static_cast<int>(g.taps()) + tap) * g.channels + c);
}

}  // namespace ocelli::kernel
