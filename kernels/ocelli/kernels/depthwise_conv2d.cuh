// depthwise_conv2d: forward, data gradient and weight gradient. Formula:
// ocelli/op/depthwise_conv2d.hpp.
//
//   strips    a thread has V channels and `Columns` neighbouring outputs, and walks down the rows:
//   each
//             value of x is loaded once a thread, the sums that it belongs to stay in registers.
//             Forward, and the data gradient at stride 1, which is the forward with the taps turned
//   blocks    the data gradient at stride S: a thread makes S * S neighbours from the dy they share
//   segments  the weight gradient: a thread walks along a row with the window of x and the sums of
//             all taps in registers; a block's sums are joined in a tree, those of blocks by
//             add_column_totals: in an order that the geometry alone determines
//   any       for every other window: plain loops, a thread an output
//
// floor, of a batch of N and values of T bytes (all are bound by memory; multiply-adds are 2 FLOPs,
// taps outside counted):
//   each             flops = 2 * N*OH*OW * C * taps
//   forward          bytes = T * (N*H*W*C + N*OH*OW*C) + 4 * taps*C       + 4 * C with a bias
//   data gradient    bytes = T * (N*H*W*C + N*OH*OW*C) + 4 * taps*C       + T * N*H*W*C to
//   accumulate weight gradient  bytes = T * (N*H*W*C + N*OH*OW*C) + 4 * 2 * taps*C
// needs   fewer than 2^31 values in each tensor; V = 4 where C is a multiple of 4
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/kernels/floor.cuh"
#include "ocelli/kernels/lanes.cuh"
#include "ocelli/op/depthwise_conv2d.hpp"

namespace ocelli::kernel {

constexpr long depthwise_conv2d_values(const DepthwiseConv2dGeometry& g, long batch) {
  return batch * (g.pixels() + g.out_pixels()) * g.channels;
}
template <class T = float>
constexpr Floor depthwise_conv2d_forward_floor(
    const DepthwiseConv2dGeometry& g, long batch, bool bias) {
  return {
      kBytes<T> * depthwise_conv2d_values(g, batch) + 4 * (g.weights() + (bias ? g.channels : 0)),
      batch * g.flops()};
}
template <class T = float>
constexpr Floor depthwise_conv2d_data_gradient_floor(
    const DepthwiseConv2dGeometry& g, long batch, bool accumulate) {
  return {
      kBytes<T> * (depthwise_conv2d_values(g, batch) +
                   (accumulate ? batch * g.pixels() * g.channels : 0)) +
          4 * g.weights(),
      batch * g.flops()};
}
template <class T = float>
constexpr Floor depthwise_conv2d_weight_gradient_floor(
    const DepthwiseConv2dGeometry& g, long batch) {
  return {kBytes<T> * depthwise_conv2d_values(g, batch) + 8 * g.weights(), batch * g.flops()};
}

inline constexpr int kDepthwiseThreads = 128;

template <int V>
OCELLI_DEVICE void add_product(Lanes<V>& sum, const Lanes<V>& a, const Lanes<V>& b) {
  OCELLI_UNROLL
  for (int e = 0; e < V; ++e) sum.v[e] += a.v[e] * b.v[e];
}

/// act(scale * value + shift) of V channels, with scale and shift at hand: what Operand says, for
/// threads that stay with their channels.
template <int V, class T>
struct ChannelReader {
  const T* data;
  Lanes<V> scale, shift;
  Activation f;
  bool deferred;

  OCELLI_DEVICE ChannelReader(const Operand<T>& x, int c)
      : data(x.data),
        scale(lanes_of<V>(1.0f)),
        shift(lanes_of<V>(0.0f)),
        f(x.activation),
        deferred(x.deferred()) {
    if (!deferred) return;
    scale = load<V>(x.scale + c);
    shift = load<V>(x.shift + c);
  }
  OCELLI_DEVICE Lanes<V> operator()(long i) const { return at(data + i); }
  OCELLI_DEVICE Lanes<V> at(const T* p) const {
    Lanes<V> a = load<V>(p);
    if (deferred) {
      OCELLI_UNROLL
      for (int e = 0; e < V; ++e) a.v[e] = activate(f, scale.v[e] * a.v[e] + shift.v[e]);
    }
    return a;
  }
};

/// How the outputs are dealt out: a thread has V channels, Columns columns and `rows` rows of one
/// picture. Grid: threads over channels and columns, strips of rows, pictures.
struct Strip {
  int rows;  ///< of a strip
};

/// Forward (Turned: false), and the data gradient at stride 1 (Turned: the taps in reverse; then x
/// is dy, y is dx, and the padding is kernel - 1 - padding). Square windows of dilation 1.
template <int Kernel, int Stride, int Columns, int V, bool Turned, class T>
OCELLI_KERNEL_BOUNDS(kDepthwiseThreads)
depthwise_conv2d_strips(
    DepthwiseConv2dGeometry g, Strip strip, Operand<T> x, const float* w, const float* bias,
    Activation f, Gradient<T> y) {
  constexpr int reach = (Columns - 1) * Stride + Kernel;  // columns of x
  constexpr int open = (Kernel + Stride - 1) / Stride;    // rows of y that a row of x can meet
  const int vectors = g.channels / V;
  const int at = thread_of_grid();
  const int j0 = at / vectors * Columns, c = at % vectors * V;
  if (j0 >= g.out_width) return;
  const int n = block_z();
  const int i0 = block_y() * strip.rows;
  const int rows = g.out_height - i0 < strip.rows ? g.out_height - i0 : strip.rows;

  Lanes<V> taps[Kernel * Kernel];
  OCELLI_UNROLL
  for (int t = 0; t < Kernel * Kernel; ++t)
    taps[t] = load<V>(w + (Turned ? Kernel * Kernel - 1 - t : t) * g.channels + c);
  const ChannelReader<V, T> reader(x, c);
  const Lanes<V> start = bias != nullptr ? load<V>(bias + c) : lanes_of<V>(0.0f);

  // sums[q] is of row i0 + group - q.
  Lanes<V> sums[open][Columns];
  OCELLI_UNROLL
  for (int q = 0; q < open; ++q) OCELLI_UNROLL
  for (int j = 0; j < Columns; ++j) sums[q][j] = start;

  for (int group = 0; group < rows + open - 1; ++group) {
    OCELLI_UNROLL
    for (int t = 0; t < (Stride < Kernel ? Stride : Kernel); ++t) {
      const int h = (i0 + group) * Stride + t - g.pad_top;
      if (h < 0 || h >= g.height) continue;
      const long line = (long(n) * g.height + h) * g.width;
      Lanes<V> row[reach];
      OCELLI_UNROLL
      for (int k = 0; k < reach; ++k) {
        const int column = j0 * Stride + k - g.pad_left;
        row[k] = lanes_of<V>(0.0f);
        if (column >= 0 && column < g.width) row[k] = reader((line + column) * g.channels + c);
      }
      OCELLI_UNROLL
      for (int q = 0; q < open; ++q) {
        if (t + Stride * q >= Kernel) continue;
        OCELLI_UNROLL
        for (int j = 0; j < Columns; ++j) OCELLI_UNROLL
        for (int v = 0; v < Kernel; ++v)
          add_product(sums[q][j], taps[(t + Stride * q) * Kernel + v], row[j * Stride + v]);
      }
    }
    const int done = group - (open - 1);
    if (done >= 0) {
      OCELLI_UNROLL
      for (int j = 0; j < Columns; ++j) {
        if (j0 + j >= g.out_width) continue;
        Lanes<V> value = sums[open - 1][j];
        OCELLI_UNROLL
        for (int e = 0; e < V; ++e) value.v[e] = activate(f, value.v[e]);
        const long pixel = (long(n) * g.out_height + i0 + done) * g.out_width + j0 + j;
        deliver<V>(y, pixel * g.channels + c, value);
      }
    }
    OCELLI_UNROLL
    for (int q = open - 1; q > 0; --q) OCELLI_UNROLL
    for (int j = 0; j < Columns; ++j) sums[q][j] = sums[q - 1][j];
    OCELLI_UNROLL
    for (int j = 0; j < Columns; ++j) sums[0][j] = start;
  }
}

/// The data gradient at stride S > 1, square windows of dilation 1. A thread makes the S * S pixels
/// with (h + pad_top) / S = a and (w + pad_left) / S = b. Grid: threads over channels and b, a,
/// pictures.
template <int Kernel, int Stride, int V, class T>
OCELLI_KERNEL_BOUNDS(kDepthwiseThreads)
depthwise_conv2d_blocks(DepthwiseConv2dGeometry g, const T* dy, const float* w, Gradient<T> dx) {
  constexpr int open = (Kernel + Stride - 1) / Stride;  // dy in a row that a pixel can meet
  const int vectors = g.channels / V;
  const int at = thread_of_grid();
  const int b = at / vectors, c = at % vectors * V;
  if (b * Stride - g.pad_left >= g.width) return;
  const int a = block_y(), n = block_z();

  Lanes<V> near[open][open];
  OCELLI_UNROLL
  for (int p = 0; p < open; ++p) OCELLI_UNROLL
  for (int q = 0; q < open; ++q) {
    const int i = a - p, j = b - q;
    near[p][q] = lanes_of<V>(0.0f);
    if (i >= 0 && i < g.out_height && j >= 0 && j < g.out_width)
      near[p][q] = load<V>(dy + ((long(n) * g.out_height + i) * g.out_width + j) * g.channels + c);
  }
  OCELLI_UNROLL
  for (int r = 0; r < Stride; ++r) OCELLI_UNROLL
  for (int s = 0; s < Stride; ++s) {
    const int h = a * Stride + r - g.pad_top, k = b * Stride + s - g.pad_left;
    if (h < 0 || h >= g.height || k < 0 || k >= g.width) continue;
    Lanes<V> sum = lanes_of<V>(0.0f);
    OCELLI_UNROLL
    for (int p = 0; p < open; ++p) OCELLI_UNROLL
    for (int q = 0; q < open; ++q)
      if (r + Stride * p < Kernel && s + Stride * q < Kernel)
        add_product(
            sum, load<V>(w + ((r + Stride * p) * Kernel + s + Stride * q) * g.channels + c),
            near[p][q]);
    deliver<V>(dx, ((long(n) * g.height + h) * g.width + k) * g.channels + c, sum);
  }
}

/// Forward for any window. Grid: threads over channels and columns, rows, pictures.
template <int V, class T>
OCELLI_KERNEL_BOUNDS(kDepthwiseThreads)
depthwise_conv2d_forward_any(
    DepthwiseConv2dGeometry g, Operand<T> x, const float* w, const float* bias, Activation f,
    T* y) {
  const int vectors = g.channels / V;
  const int at = thread_of_grid();
  const int j = at / vectors, c = at % vectors * V;
  if (j >= g.out_width) return;
  const int i = block_y(), n = block_z();
  const ChannelReader<V, T> reader(x, c);
  Lanes<V> sum = bias != nullptr ? load<V>(bias + c) : lanes_of<V>(0.0f);
  for (int u = 0; u < g.kernel_height; ++u) {
    const int h = i * g.stride + u * g.dilation - g.pad_top;
    if (h < 0 || h >= g.height) continue;
    for (int v = 0; v < g.kernel_width; ++v) {
      const int k = j * g.stride + v * g.dilation - g.pad_left;
      if (k < 0 || k >= g.width) continue;
      add_product(
          sum, load<V>(w + (u * g.kernel_width + v) * g.channels + c),
          reader(((long(n) * g.height + h) * g.width + k) * g.channels + c));
    }
  }
  OCELLI_UNROLL
  for (int e = 0; e < V; ++e) sum.v[e] = activate(f, sum.v[e]);
  store<V>(y + ((long(n) * g.out_height + i) * g.out_width + j) * g.channels + c, sum);
}

/// The data gradient for any window. Grid: threads over channels and columns of x, rows, pictures.
template <int V, class T>
OCELLI_KERNEL_BOUNDS(kDepthwiseThreads)
depthwise_conv2d_data_gradient_any(
    DepthwiseConv2dGeometry g, const T* dy, const float* w, Gradient<T> dx) {
  const int vectors = g.channels / V;
  const int at = thread_of_grid();
  const int k = at / vectors, c = at % vectors * V;
  if (k >= g.width) return;
  const int h = block_y(), n = block_z();
  Lanes<V> sum = lanes_of<V>(0.0f);
  for (int u = 0; u < g.kernel_height; ++u) {
    const int down = h + g.pad_top - u * g.dilation;
    if (down < 0 || down % g.stride != 0 || down / g.stride >= g.out_height) continue;
    for (int v = 0; v < g.kernel_width; ++v) {
      const int across = k + g.pad_left - v * g.dilation;
      if (across < 0 || across % g.stride != 0 || across / g.stride >= g.out_width) continue;
      const long pixel =
          (long(n) * g.out_height + down / g.stride) * g.out_width + across / g.stride;
      add_product(
          sum, load<V>(w + (u * g.kernel_width + v) * g.channels + c),
          load<V>(dy + pixel * g.channels + c));
    }
  }
  deliver<V>(dx, ((long(n) * g.height + h) * g.width + k) * g.channels + c, sum);
}

}  // namespace ocelli::kernel
