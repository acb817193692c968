// The six matrices that conv2d's products multiply, fetched from tensors and weights piece by piece
// for tile_product. None of them exists in memory.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/kernels/conv2d_norm.cuh"
#include "ocelli/kernels/conv2d_phase.cuh"
#include "ocelli/kernels/divider.cuh"
#include "ocelli/kernels/lanes.cuh"
#include "ocelli/kernels/tile_product.cuh"
#include "ocelli/op/conv2d.hpp"

namespace ocelli::kernel {

// --- forward -------------------------------------------------------------------------------------

/// Windows of x as rows [N*OH*OW, taps*C].
template <class S, int V, class T>
struct WindowRows {
  static constexpr int lanes = V;
  static constexpr bool along_depth = true;
  using Pieces = Panel<T::rows, T::depth, T::padding, T::threads, V, true>;

  const Conv2dGeometry& g;
  const Operand<S>& x;
  // Of each slot's output pixel: its picture, or -1 beyond the rows; its first tap's place.
  int picture[Pieces::slots], top[Pieces::slots], left[Pieces::slots];

  OCELLI_DEVICE WindowRows(
      const Conv2dGeometry& geometry, int rows, int first_row, const Operand<S>& operand)
      : g(geometry), x(operand) {
    const Pieces mine(thread_x());
    const int pixels = static_cast<int>(g.out_pixels());
    OCELLI_UNROLL
    for (int s = 0; s < Pieces::slots; ++s) {
      const int row = first_row + mine.extent_at(s);
      const int n = row / pixels, pixel = row % pixels;
      picture[s] = row < rows ? n : -1;
      top[s] = pixel / g.out_width * g.stride - g.pad_top;
      left[s] = pixel % g.out_width * g.stride - g.pad_left;
    }
  }

  OCELLI_DEVICE void fetch(const Pieces& mine, int depth, Lanes<V> (&held)[Pieces::slots]) const {
    const int d = depth + mine.depth_at(0);
    const int tap = d / g.channels, c = d % g.channels;
    const int down = tap / g.kernel_width * g.dilation, across = tap % g.kernel_width * g.dilation;
    const bool inside = tap < static_cast<int>(g.taps());
    OCELLI_UNROLL
    for (int s = 0; s < Pieces::slots; ++s) {
      const int h = top[s] + down, w = left[s] + across;
      held[s] = lanes_of<V>(0.0f);
      if (inside && picture[s] >= 0 && h >= 0 && h < g.height && w >= 0 && w < g.width)
        held[s] = read_normed<V>(
            x, ((long(picture[s]) * g.height + h) * g.width + w) * g.channels + c, c);
    }
  }
};

/// The weights as they lie, [taps*C, K].
template <int V>
struct WeightRows {
  static constexpr int lanes = V;
  static constexpr bool along_depth = false;

  const Conv2dGeometry& g;
  const float* w;
  int first_column;

  template <class Pieces>
  OCELLI_DEVICE void fetch(const Pieces& mine, int depth, Lanes<V> (&held)[Pieces::slots]) const {
    const int k = first_column + mine.extent_at(0);
    const int rows = static_cast<int>(g.taps()) * g.channels;
    OCELLI_UNROLL
    for (int s = 0; s < Pieces::slots; ++s) {
      const int d = depth + mine.depth_at(s);
      held[s] = lanes_of<V>(0.0f);
      if (d < rows && k < g.out_channels) held[s] = load<V>(w + long(d) * g.out_channels + k);
    }
  }
};

// --- data gradient -------------------------------------------------------------------------------

/// Windows of dy as rows [pixels of the phase, its taps * K].
template <class S, int V, class T>
struct GradientRows {
  static constexpr int lanes = V;
  static constexpr bool along_depth = true;
  using Pieces = Panel<T::rows, T::depth, T::padding, T::threads, V, true>;

  const Conv2dGeometry& g;
  const Phase& phase;
  const S* dy;
  int picture[Pieces::slots], below[Pieces::slots], right[Pieces::slots];

  OCELLI_DEVICE GradientRows(
      const Conv2dGeometry& geometry, const Phase& of, int rows, int first_row, const S* gradient)
      : g(geometry), phase(of), dy(gradient) {
    const Pieces mine(thread_x());
    OCELLI_UNROLL
    for (int s = 0; s < Pieces::slots; ++s) {
      const int row = first_row + mine.extent_at(s);
      const PhasePixel p = phase.pixel(g, row);
      picture[s] = row < rows ? p.n : -1;
      below[s] = p.h + g.pad_top - phase.first_u * g.dilation;
      right[s] = p.w + g.pad_left - phase.first_v * g.dilation;
    }
  }

  OCELLI_DEVICE void fetch(const Pieces& mine, int depth, Lanes<V> (&held)[Pieces::slots]) const {
    const int d = depth + mine.depth_at(0);
    const int tap = d / g.out_channels, k = d % g.out_channels;
    const bool inside = tap < phase.taps_down * phase.taps_across;
    const int reach = phase.step * g.dilation;
    const int up = inside ? tap / phase.taps_across * reach : 0;
    const int back = inside ? tap % phase.taps_across * reach : 0;
    OCELLI_UNROLL
    for (int s = 0; s < Pieces::slots; ++s) {
      // Multiples of the stride, or beyond the first row and column.
      const int h = below[s] - up, w = right[s] - back;
      const int i = h / g.stride, j = w / g.stride;
      held[s] = lanes_of<V>(0.0f);
      if (inside && picture[s] >= 0 && h >= 0 && i < g.out_height && w >= 0 && j < g.out_width)
        held[s] = load<V>(
            dy + ((long(picture[s]) * g.out_height + i) * g.out_width + j) * g.out_channels + k);
    }
  }
};

/// The weights of the phase's taps as [its taps * K, C].
template <int V, class T>
struct TransposedWeights {
  static constexpr int lanes = V;
  static constexpr bool along_depth = true;
  using Pieces = Panel<T::columns, T::depth, T::padding, T::threads, V, true>;

  const Conv2dGeometry& g;
  const Phase& phase;
  const float* w;
  int first_column;

  OCELLI_DEVICE TransposedWeights(
      const Conv2dGeometry& geometry, const Phase& of, const float* weights, int column)
      : g(geometry), phase(of), w(weights), first_column(column) {}

  OCELLI_DEVICE void fetch(const Pieces& mine, int depth, Lanes<V> (&held)[Pieces::slots]) const {
    const int d = depth + mine.depth_at(0);
    const int tap = d / g.out_channels, k = d % g.out_channels;
    const bool inside = tap < phase.taps_down * phase.taps_across;
    const int u = inside ? phase.first_u + tap / phase.taps_across * phase.step : 0;
    const int v = inside ? phase.first_v + tap % phase.taps_across * phase.step : 0;
    const long row = (long(u) * g.kernel_width + v) * g.channels;
    OCELLI_UNROLL
    for (int s = 0; s < Pieces::slots; ++s) {
      const int c = first_column + mine.extent_at(s);
      held[s] = lanes_of<V>(0.0f);
      if (inside && c < g.channels) held[s] = load<V>(w + (row + c) * g.out_channels + k);
    }
  }
};

// --- weight gradient -----------------------------------------------------------------------------

/// Windows of x as columns [taps*C, N*OH*OW].
template <class S, int V, class T>
struct WindowColumns {
  static constexpr int lanes = V;
  static constexpr bool along_depth = false;
  using Pieces = Panel<T::rows, T::depth, T::padding, T::threads, V, false>;

  const Conv2dGeometry& g;
  const Operand<S>& x;
  int last;  ///< pixel to stop before
  Divider by_picture, by_row;
  int c, down, across;  ///< of this thread's tap
  bool inside;

  OCELLI_DEVICE WindowColumns(
      const Conv2dGeometry& geometry, int first_row, const Operand<S>& operand, int end,
      const Divider& picture, const Divider& row)
      : g(geometry), x(operand), last(end), by_picture(picture), by_row(row) {
    const int d = first_row + Pieces(thread_x()).extent_at(0);
    const int tap = d / g.channels;
    c = d % g.channels;
    down = tap / g.kernel_width * g.dilation - g.pad_top;
    across = tap % g.kernel_width * g.dilation - g.pad_left;
    inside = tap < static_cast<int>(g.taps());
  }

  OCELLI_DEVICE void fetch(const Pieces& mine, int depth, Lanes<V> (&held)[Pieces::slots]) const {
    OCELLI_UNROLL
    for (int s = 0; s < Pieces::slots; ++s) {
      const int p = depth + mine.depth_at(s);
      const int n = by_picture.quotient(p), pixel = by_picture.remainder(p);
      const int h = by_row.quotient(pixel) * g.stride + down;
      const int w = by_row.remainder(pixel) * g.stride + across;
      held[s] = lanes_of<V>(0.0f);
      if (inside && p < last && h >= 0 && h < g.height && w >= 0 && w < g.width)
        held[s] = read_normed<V>(x, ((long(n) * g.height + h) * g.width + w) * g.channels + c, c);
    }
  }
};

/// dy as it lies, [N*OH*OW, K].
template <class S, int V>
struct GradientColumns {
  static constexpr int lanes = V;
  static constexpr bool along_depth = false;

  const Conv2dGeometry& g;
  const S* dy;
  int first_column, last;

  template <class Pieces>
  OCELLI_DEVICE void fetch(const Pieces& mine, int depth, Lanes<V> (&held)[Pieces::slots]) const {
    const int k = first_column + mine.extent_at(0);
    OCELLI_UNROLL
    for (int s = 0; s < Pieces::slots; ++s) {
      const int p = depth + mine.depth_at(s);
      held[s] = lanes_of<V>(0.0f);
      if (p < last && k < g.out_channels) held[s] = load<V>(dy + long(p) * g.out_channels + k);
    }
  }
};

}  // namespace ocelli::kernel
