// engine_copies: what other people's libraries need around a product that our own kernels do on the
// way: a tensor with its deferred norm applied, in another type, inside a border of zeros; the way
// back; weights turned over; a bias and an activation. And numbers for a timed trial.
//
//   copy_into_border     outer[n, h+top, w+left, c] = x[n, h, w, c], 0 elsewhere
//   copy_out_of_border   dx[n, h, w, c] (+)= outer[n, h+top, w+left, c]
//   transpose_matrix     to[j, i] (+)= from[i, j]
//   finish_rows          y[i, c] = f(y[i, c] + b[c])
//
// floor, for n values of the tensor, m of the outer one, types of s and t bytes (f is 1 operation):
//   copy_into_border     bytes = s * n + t * m (+ 8 * C deferred)      flops = 0, deferred 3 * n
//   copy_out_of_border   bytes = (s + t) * n + t * n to accumulate     flops = n to accumulate
//   transpose_matrix     bytes = (s + t) * n + t * n to accumulate     flops = n to accumulate
//   finish_rows          bytes = 2 * t * n + 4 * C with a bias         flops = n, and n with a bias
// bound   memory
// needs   fewer than 2^31 values; V = 4 where the channels are a multiple of 4
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/kernels/activation.cuh"
#include "ocelli/kernels/divider.cuh"
#include "ocelli/kernels/floor.cuh"
#include "ocelli/kernels/lanes.cuh"

namespace ocelli::kernel {

/// @param from, to  bytes of a value
constexpr Floor copy_into_border_floor(
    long values, long outer, int channels, int from, int to, bool deferred) {
  return {from * values + to * outer + (deferred ? 8 * channels : 0), deferred ? 3 * values : 0};
}
constexpr Floor copy_out_of_border_floor(long values, int from, int to, bool accumulate) {
  return {(from + (accumulate ? 2 : 1) * to) * values, accumulate ? values : 0};
}
constexpr Floor transpose_matrix_floor(long values, int from, int to, bool accumulate) {
  return copy_out_of_border_floor(values, from, to, accumulate);
}
constexpr Floor finish_rows_floor(long values, int channels, int of, bool bias) {
  return {2 * of * values + (bias ? 4 * channels : 0), (bias ? 2 : 1) * values};
}

/// A picture inside a larger one, pixels.
struct Border {
  int height, width;              ///< of the inner one
  int outer_height, outer_width;  ///< of the outer one
  int top, left;                  ///< where the inner one begins
};

/// V neighbouring values, of float or bfloat16, as floats; and back, rounded to the nearest.
template <int V>
OCELLI_DEVICE Lanes<V> values_at(const float* p) {
  return load<V>(p);
}
template <int V>
OCELLI_DEVICE Lanes<V> values_at(const bfloat16* p) {
  if constexpr (V == 4) {
    const uint2 four = simt::load<uint2>(p);
    return {
        {static_cast<float>(low_half(four.x)), static_cast<float>(high_half(four.x)),
         static_cast<float>(low_half(four.y)), static_cast<float>(high_half(four.y))}};
  } else {
    return {{static_cast<float>(*p)}};
  }
}
template <int V>
OCELLI_DEVICE void put_values(float* p, const Lanes<V>& a) {
  store<V>(p, a);
}
template <int V>
OCELLI_DEVICE void put_values(bfloat16* p, const Lanes<V>& a) {
  if constexpr (V == 4)
    simt::store(
        p, make_uint2(
               pack(bfloat16(a.v[0]), bfloat16(a.v[1])), pack(bfloat16(a.v[2]), bfloat16(a.v[3]))));
  else
    *p = bfloat16(a.v[0]);
}

/// A place of a tensor's V values, counted over the batch.
struct BorderPlace {
  int n, h, w, c;

  template <int V>
  OCELLI_DEVICE static BorderPlace of(
      int at, const Divider& vectors, const Divider& width, const Divider& height) {
    const int pixel = vectors.quotient(at), row = width.quotient(pixel);
    return {
        height.quotient(row), height.remainder(row), width.remainder(pixel),
        vectors.remainder(at) * V};
  }
};

/// A thread V values of the outer tensor.
/// @param count    its values / V
/// @param vectors  channels / V   @param width, height  of the outer picture
template <int V, class From, class To>
OCELLI_KERNEL_BOUNDS(kElementThreads)
copy_into_border(
    Operand<From> x, Border b, int count, int channels, Divider vectors, Divider width,
    Divider height, To* outer) {
  const int at = thread_of_grid();
  if (at >= count) return;
  const BorderPlace p = BorderPlace::of<V>(at, vectors, width, height);
  const int h = p.h - b.top, w = p.w - b.left;
  Lanes<V> value = lanes_of<V>(0.0f);
  if (h >= 0 && h < b.height && w >= 0 && w < b.width)
    value = read<V>(x, ((long(p.n) * b.height + h) * b.width + w) * channels + p.c, p.c);
  put_values<V>(outer + long(at) * V, value);
}

/// A thread V values of dx.
/// @param count    its values / V
/// @param vectors  channels / V   @param width, height  of the inner picture
template <int V, class From, class To>
OCELLI_KERNEL_BOUNDS(kElementThreads)
copy_out_of_border(
    const From* outer, Border b, int count, int channels, Divider vectors, Divider width,
    Divider height, bool accumulate, To* dx) {
  const int at = thread_of_grid();
  if (at >= count) return;
  const BorderPlace p = BorderPlace::of<V>(at, vectors, width, height);
  const long from =
      ((long(p.n) * b.outer_height + p.h + b.top) * b.outer_width + p.w + b.left) * channels + p.c;
  Lanes<V> value = values_at<V>(outer + from);
  if (accumulate) {
    const Lanes<V> old = values_at<V>(dx + long(at) * V);
    OCELLI_UNROLL
    for (int e = 0; e < V; ++e) value.v[e] = old.v[e] + value.v[e];
  }
  put_values<V>(dx + long(at) * V, value);
}

inline constexpr int kTransposeTile = 32, kTransposeRows = 8;

/// Grid: tiles of the columns, tiles of the rows; blocks of 32 x 8.
/// @param from  [rows, columns]   @param to  [columns, rows]
template <class From, class To>
OCELLI_KERNEL_BOUNDS(kTransposeTile* kTransposeRows)
transpose_matrix(const From* from, int rows, int columns, bool accumulate, To* to) {
  OCELLI_SHARED(float, tile, [kTransposeTile][kTransposeTile + 1]);
  const int first_row = block_y() * kTransposeTile, first_column = block_x() * kTransposeTile;
  for (int r = thread_y(); r < kTransposeTile; r += kTransposeRows) {
    const int i = first_row + r, j = first_column + thread_x();
    if (i < rows && j < columns)
      tile[r][thread_x()] = values_at<1>(from + long(i) * columns + j).v[0];
  }
  __syncthreads();
  for (int r = thread_y(); r < kTransposeTile; r += kTransposeRows) {
    const int i = first_row + thread_x(), j = first_column + r;
    if (i >= rows || j >= columns) continue;
    Lanes<1> value{{tile[thread_x()][r]}};
    To* const at = to + long(j) * rows + i;
    if (accumulate) value.v[0] = values_at<1>(at).v[0] + value.v[0];
    put_values<1>(at, value);
  }
}

/// A thread V values, in place.
/// @param bias  [channels], or null
template <int V, class T>
OCELLI_KERNEL_BOUNDS(kElementThreads)
finish_rows(const float* bias, Activation f, int values, Divider vectors, T* y) {
  const int at = thread_of_grid();
  if (at >= values / V) return;
  Lanes<V> value = values_at<V>(y + long(at) * V);
  if (bias != nullptr) {
    const Lanes<V> b = load<V>(bias + vectors.remainder(at) * V);
    OCELLI_UNROLL
    for (int e = 0; e < V; ++e) value.v[e] += b.v[e];
  }
  OCELLI_UNROLL
  for (int e = 0; e < V; ++e) value.v[e] = activate(f, value.v[e]);
  put_values<V>(y + long(at) * V, value);
}

/// Numbers in [-1, 1) that look random, for a trial: what is multiplied sets a GPU's power and so
/// its clock.
template <class T>
OCELLI_KERNEL_BOUNDS(kElementThreads)
fill_for_trial(unsigned seed, int values, T* to) {
  const int at = thread_of_grid();
  if (at >= values) return;
  unsigned h = (static_cast<unsigned>(at) + seed) * 0x9E3779B1u;
  h ^= h >> 15;
  h *= 0x85EBCA77u;
  h ^= h >> 13;
  put_values<1>(to + at, Lanes<1>{{static_cast<float>(h >> 8) * 0x1p-23f - 1.0f}});
}

}  // namespace ocelli::kernel
