// conv2d in float32 or tf32 (sums in float; in bf16: conv2d_mma.cuh): forward, data gradient and
// weight gradient as matrix products whose sides are gathered on the way (implicit GEMM). Formula
// and shapes: ocelli/op/conv2d.hpp.
//
//   forward          y  [N*OH*OW, K]        = windows of x [N*OH*OW, taps*C] * w [taps*C, K]
//   data gradient    dx [N*H*W, C]          = windows of dy [N*H*W, taps*K]  * w' [taps*K, C]
//   weight gradient  dw [taps*C, K]        += windows of x' [taps*C, N*OH*OW] * dy [N*OH*OW, K]
//
// The data gradient takes each of the stride * stride phases of dx by itself, since the pixels of a
// phase meet the same taps: none is multiplied with zeros. The weight gradient is cut along the
// pixels; the parts are summed by add_column_totals, in a fixed order.
//
// floor, of a batch of N and tensors of S bytes a value (multiply-adds are 2 FLOPs, taps outside
// the picture are counted):
//   each             flops = 2 * N*OH*OW * K * taps*C
//   forward          bytes = S * (N*H*W*C + N*OH*OW*K) + 4 * taps*C*K     + 4 * K with a bias
//   data gradient    bytes = S * (N*H*W*C + N*OH*OW*K) + 4 * taps*C*K
//                    + S * N*H*W*C to accumulate
//   weight gradient  bytes = S * (N*H*W*C + N*OH*OW*K) + 4 * 2 * taps*C*K
// needs   fewer than 2^31 values in each tensor; lanes of 4 where C or K is a multiple of 4
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/kernels/conv2d_floor.cuh"
#include "ocelli/kernels/conv2d_sources.cuh"
#include "ocelli/kernels/tile_product.cuh"

namespace ocelli::kernel {

template <class S = float>
constexpr Floor conv2d_forward_floor(const Conv2dGeometry& g, long batch, bool bias) {
  return {
      kBytes<S> * conv2d_values(g, batch) + 4 * (g.weights() + (bias ? g.out_channels : 0)),
      batch * g.flops()};
}
template <class S = float>
constexpr Floor conv2d_data_gradient_floor(const Conv2dGeometry& g, long batch, bool accumulate) {
  return {
      kBytes<S> * (conv2d_values(g, batch) + (accumulate ? batch * g.pixels() * g.channels : 0)) +
          4 * g.weights(),
      batch * g.flops()};
}
template <class S = float>
constexpr Floor conv2d_weight_gradient_floor(const Conv2dGeometry& g, long batch) {
  return {kBytes<S> * conv2d_values(g, batch) + 8 * g.weights(), batch * g.flops()};
}

/// What a tile of sums becomes: put(row, column, Lanes) for the rows and columns below the ends, V
/// lanes or as many as are neighbours.
template <int V, class T, class Put>
OCELLI_DEVICE void put_tile(
    const TileSums<T>& sums, int first_row, int rows, int first_column, int columns,
    const Put& put) {
  constexpr int lanes = V < TileSums<T>::neighbours ? V : TileSums<T>::neighbours;
  OCELLI_UNROLL
  for (int i = 0; i < T::thread_rows; ++i) {
    const int row = first_row + sums.row(i);
    if (row >= rows) continue;
    OCELLI_UNROLL
    for (int j = 0; j < T::thread_columns; j += lanes) {
      const int column = first_column + sums.column(j);
      if (column >= columns) continue;
      Lanes<lanes> value;
      OCELLI_UNROLL
      for (int e = 0; e < lanes; ++e) value.v[e] = sums.v[i][j + e];
      put(row, column, value);
    }
  }
}

/// Grid: tiles of N*OH*OW, tiles of K.
/// @param bias  [K], or null
template <class S, class T, int XLanes, int WLanes>
OCELLI_KERNEL_BOUNDS(T::threads, T::residents)
conv2d_forward(
    Conv2dGeometry g, int batch, Operand<S> x, const float* w, const float* bias, Activation f,
    S* y) {
  const int rows = batch * static_cast<int>(g.out_pixels());
  const int first_row = block_x() * T::rows, first_column = block_y() * T::columns;
  WindowRows<S, XLanes, T> windows(g, rows, first_row, x);
  WeightRows<WLanes> weights{g, w, first_column};
  const auto sums = tile_product<T>(windows, weights, 0, static_cast<int>(g.taps()) * g.channels);
  put_tile<WLanes>(
      sums, first_row, rows, first_column, g.out_channels, [&](int row, int column, auto value) {
        constexpr int lanes = decltype(value)::count;
        if (bias != nullptr) {
          const Lanes<lanes> b = load<lanes>(bias + column);
          OCELLI_UNROLL
          for (int e = 0; e < lanes; ++e) value.v[e] += b.v[e];
        }
        OCELLI_UNROLL
        for (int e = 0; e < lanes; ++e) value.v[e] = activate(f, value.v[e]);
        store(y + long(row) * g.out_channels + column, value);
      });
}

/// Grid: tiles of the largest phase's pixels, tiles of C, stride * stride phases. DyLanes along K,
/// DxLanes along C.
template <class S, class T, int DyLanes, int DxLanes>
OCELLI_KERNEL_BOUNDS(T::threads, T::residents)
conv2d_data_gradient(Conv2dGeometry g, int batch, const S* dy, const float* w, Gradient<S> dx) {
  const Phase phase(g, block_z());
  const int rows = batch * phase.height * phase.width;
  const int first_row = block_x() * T::rows, first_column = block_y() * T::columns;
  if (first_row >= rows) return;  // all threads of the block
  GradientRows<S, DyLanes, T> windows(g, phase, rows, first_row, dy);
  TransposedWeights<DyLanes, T> weights(g, phase, w, first_column);
  const auto sums =
      tile_product<T>(windows, weights, 0, phase.taps_down * phase.taps_across * g.out_channels);
  put_tile<DxLanes>(
      sums, first_row, rows, first_column, g.channels, [&](int row, int column, const auto& value) {
        const PhasePixel p = phase.pixel(g, row);
        const long pixel = (long(p.n) * g.height + p.h) * g.width + p.w;
        deliver(dx, pixel * g.channels + column, value);
      });
}

/// Grid: tiles of taps*C, tiles of K, parts of the N*OH*OW pixels.
/// @param part     pixels of a part
/// @param partial  [parts, taps*C, K]
template <class S, class T, int XLanes, int DyLanes>
OCELLI_KERNEL_BOUNDS(T::threads, T::residents)
conv2d_weight_gradient(
    Conv2dGeometry g, int batch, Operand<S> x, const S* dy, int part, Divider by_picture,
    Divider by_row, float* partial) {
  const int rows = static_cast<int>(g.taps()) * g.channels;
  const int pixels = batch * static_cast<int>(g.out_pixels());
  const int first_row = block_x() * T::rows, first_column = block_y() * T::columns;
  const int first = block_z() * part;
  const int last = pixels - first < part ? pixels : first + part;
  WindowColumns<S, XLanes, T> windows(g, first_row, x, last, by_picture, by_row);
  GradientColumns<S, DyLanes> gradients{g, dy, first_column, last};
  const auto sums = tile_product<T>(windows, gradients, first, last);
  float* const out = partial + long(block_z()) * g.weights();
  put_tile<DyLanes>(
      sums, first_row, rows, first_column, g.out_channels,
      [&](int row, int column, const auto& value) {
        store(out + long(row) * g.out_channels + column, value);
      });
}

}  // namespace ocelli::kernel
