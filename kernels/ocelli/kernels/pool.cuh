// pool: the largest or the mean of each window, and the gradients. Formula: ocelli/op/pool.hpp.
//
// Backward gathers: a pixel of x looks at the windows that it lies in, in the order of y. So
// nothing is scattered, and no places of maxima are stored: the largest value of a window is found
// again.
//
// floor, of a batch of N and values of T bytes, with taps = KH*KW (comparisons and sums count, taps
// outside the picture too):
//   max forward       bytes = T * (N*H*W*C + N*OH*OW*C)       flops = N*OH*OW*C * taps
//   average forward   the same
//   max backward      bytes = T * (2*N*H*W*C + N*OH*OW*C)     flops = N*OH*OW*C * taps
//   average backward  bytes = T * (N*H*W*C + N*OH*OW*C)       flops = N*OH*OW*C * taps
//                     both: + T * N*H*W*C bytes to accumulate
// needs   fewer than 2^31 values in each tensor; V = 16 / T (4 in max backward) where C is a
//         multiple of that
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/kernels/activation.cuh"
#include "ocelli/op/pool.hpp"

namespace ocelli::kernel {

template <class T = float>
constexpr Floor pool_forward_floor(const PoolGeometry& g, long batch) {
  const long in = batch * g.pixels() * g.channels, out = batch * g.out_pixels() * g.channels;
  return {kBytes<T> * (in + out), out * g.kernel_height * g.kernel_width};
}
template <class T = float>
constexpr Floor pool_backward_floor(
    const PoolGeometry& g, long batch, bool largest, bool accumulate) {
  const long in = batch * g.pixels() * g.channels, out = batch * g.out_pixels() * g.channels;
  const long passes = 1 + (largest ? 1 : 0) + (accumulate ? 1 : 0);
  return {kBytes<T> * (passes * in + out), out * g.kernel_height * g.kernel_width};
}

/// The taps of output pixel (i, j) inside the picture: rows top .. bottom - 1, columns likewise.
struct PoolWindow {
  int top, bottom, left, right;

  OCELLI_DEVICE PoolWindow(const PoolGeometry& g, int i, int j)
      : top(i * g.stride - g.pad_top),
        bottom(top + g.kernel_height),
        left(j * g.stride - g.pad_left),
        right(left + g.kernel_width) {
    if (top < 0) top = 0;
    if (left < 0) left = 0;
    if (bottom > g.height) bottom = g.height;
    if (right > g.width) right = g.width;
  }
  OCELLI_DEVICE int taps() const { return (bottom - top) * (right - left); }
};

/// A pixel's picture, row and column, and V channels of it: what a thread of a pool has.
template <int V>
struct PoolPlace {
  int n, i, j, c;

  OCELLI_DEVICE PoolPlace(int at, int height, int width, int channels) {
    const int vectors = channels / V;
    c = at % vectors * V;
    at /= vectors;
    j = at % width;
    at /= width;
    i = at % height;
    n = at / height;
  }
};

/// The largest values of a window and where they are, as h * W + w: the first of equals, or the
/// first NaN.
template <int V>
struct Largest {
  Lanes<V> value;
  int place[V];

  template <class T>
  OCELLI_DEVICE Largest(
      const PoolGeometry& g, const Operand<T>& x, int n, const PoolWindow& window, int c) {
    bool any = false;
    for (int h = window.top; h < window.bottom; ++h)
      for (int w = window.left; w < window.right; ++w) {
        const int at = h * g.width + w;
        const Lanes<V> a = read<V>(x, (long(n) * g.pixels() + at) * g.channels + c, c);
        OCELLI_UNROLL
        for (int e = 0; e < V; ++e)
          if (!any || (value.v[e] == value.v[e] && !(a.v[e] <= value.v[e])))
            value.v[e] = a.v[e], place[e] = at;
        any = true;
      }
  }
};

/// A thread V channels of a pixel of y.
template <int V, class T>
OCELLI_KERNEL_BOUNDS(kElementThreads)
max_pool_forward(PoolGeometry g, int values, Operand<T> x, T* y) {
  const int at = thread_of_grid();
  if (at >= values / V) return;
  const PoolPlace<V> p(at, g.out_height, g.out_width, g.channels);
  store<V>(y + long(at) * V, Largest<V>(g, x, p.n, PoolWindow(g, p.i, p.j), p.c).value);
}

template <int V, class T>
OCELLI_KERNEL_BOUNDS(kElementThreads)
average_pool_forward(PoolGeometry g, int values, Operand<T> x, T* y) {
  const int at = thread_of_grid();
  if (at >= values / V) return;
  const PoolPlace<V> p(at, g.out_height, g.out_width, g.channels);
  const PoolWindow window(g, p.i, p.j);
  Lanes<V> sum = lanes_of<V>(0.0f);
  for (int h = window.top; h < window.bottom; ++h)
    for (int w = window.left; w < window.right; ++w) {
      const Lanes<V> a =
          read<V>(x, ((long(p.n) * g.height + h) * g.width + w) * g.channels + p.c, p.c);
      OCELLI_UNROLL
      for (int e = 0; e < V; ++e) sum.v[e] += a.v[e];
    }
  OCELLI_UNROLL
  for (int e = 0; e < V; ++e) sum.v[e] /= static_cast<float>(window.taps());
  store<V>(y + long(at) * V, sum);
}

/// Calls body(i, j) for each output pixel whose window holds pixel (h, w) of x, in order.
template <class Body>
OCELLI_DEVICE void for_each_window_of(const PoolGeometry& g, int h, int w, const Body& body) {
  const int below = h + g.pad_top, right = w + g.pad_left;
  const int i0 = below < g.kernel_height ? 0 : (below - g.kernel_height) / g.stride + 1;
  const int j0 = right < g.kernel_width ? 0 : (right - g.kernel_width) / g.stride + 1;
  for (int i = i0; i <= below / g.stride && i < g.out_height; ++i)
    for (int j = j0; j <= right / g.stride && j < g.out_width; ++j) body(i, j);
}

/// A thread V channels of a pixel of x. values: of x.
template <int V, class T>
OCELLI_KERNEL_BOUNDS(kElementThreads)
max_pool_backward(PoolGeometry g, int values, Operand<T> x, const T* dy, Gradient<T> dx) {
  const int at = thread_of_grid();
  if (at >= values / V) return;
  const PoolPlace<V> p(at, g.height, g.width, g.channels);
  const int place = p.i * g.width + p.j;
  Lanes<V> sum = lanes_of<V>(0.0f);
  for_each_window_of(g, p.i, p.j, [&](int i, int j) {
    const Largest<V> largest(g, x, p.n, PoolWindow(g, i, j), p.c);
    const Lanes<V> more =
        load<V>(dy + ((long(p.n) * g.out_height + i) * g.out_width + j) * g.channels + p.c);
    OCELLI_UNROLL
    for (int e = 0; e < V; ++e)
      if (largest.place[e] == place) sum.v[e] += more.v[e];
  });
  deliver<V>(dx, long(at) * V, sum);
}

template <int V, class T>
OCELLI_KERNEL_BOUNDS(kElementThreads)
average_pool_backward(PoolGeometry g, int values, const T* dy, Gradient<T> dx) {
  const int at = thread_of_grid();
  if (at >= values / V) return;
  const PoolPlace<V> p(at, g.height, g.width, g.channels);
  Lanes<V> sum = lanes_of<V>(0.0f);
  for_each_window_of(g, p.i, p.j, [&](int i, int j) {
    const Lanes<V> more =
        load<V>(dy + ((long(p.n) * g.out_height + i) * g.out_width + j) * g.channels + p.c);
    const auto taps = static_cast<float>(PoolWindow(g, i, j).taps());
    OCELLI_UNROLL
    for (int e = 0; e < V; ++e) sum.v[e] += more.v[e] / taps;
  });
  deliver<V>(dx, long(at) * V, sum);
}

}  // namespace ocelli::kernel
