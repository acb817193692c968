// max_pool and average_pool as plain loops. Formula and shapes: ocelli/op/pool.hpp.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/op/call.hpp"
#include "ocelli/op/pool.hpp"
#include "ocelli/reference/gradient.hpp"

namespace ocelli::reference {

/// The taps of output pixel (i, j) inside the picture: rows top .. bottom - 1, columns likewise.
struct PoolWindow {
  int top, bottom, left, right;

  PoolWindow(const PoolGeometry& g, int i, int j)
      : top(i * g.stride - g.pad_top),
        bottom(top + g.kernel_height),
        left(j * g.stride - g.pad_left),
        right(left + g.kernel_width) {
    if (top < 0) top = 0;
    if (left < 0) left = 0;
    if (bottom > g.height) bottom = g.height;
    if (right > g.width) right = g.width;
  }
  long taps() const { return long(bottom - top) * (right - left); }
};

/// Calls body(y_element, first, window, c) for each element of y, where x's pixel (h, w) is
/// element first + (h * W + w) * C.
template <class T, class Body>
inline void for_each_window(const OpCall<T>& call, Body&& body) {
  const PoolGeometry g = pool_geometry(*call.op, call.in_shape[0], call.out_shape);
  long y = 0;
  for (int n = 0; n < call.batch; ++n)
    for (int i = 0; i < g.out_height; ++i)
      for (int j = 0; j < g.out_width; ++j) {
        const PoolWindow window(g, i, j);
        for (int c = 0; c < g.channels; ++c)
          body(y++, long(n) * g.pixels() * g.channels + c, window, c);
      }
}

/// The element of x that is the largest of a window: the first of equals, or the first NaN.
template <class T>
inline long largest(const OpCall<T>& call, long first, const PoolWindow& window, int c) {
  const Shape& shape = call.in_shape[0];
  long best = -1;
  T most = 0;
  for (int h = window.top; h < window.bottom; ++h)
    for (int w = window.left; w < window.right; ++w) {
      const long at = first + (long(h) * shape.width + w) * shape.channels;
      const T value = call.in[0].at(at, c);
      if (best < 0 || (most == most && !(value <= most))) best = at, most = value;
    }
  return best;
}

template <class T>
inline void max_pool_forward(const OpCall<T>& call) {
  for_each_window(call, [&](long y, long first, const PoolWindow& window, int c) {
    call.out[y] = call.in[0].at(largest(call, first, window, c), c);
  });
}

template <class T>
inline void max_pool_backward(const OpCall<T>& call) {
  if (!call.din[0]) return;
  zero_unless_accumulated(call, 0);
  for_each_window(call, [&](long y, long first, const PoolWindow& window, int c) {
    call.din[0][largest(call, first, window, c)] += call.dout[y];
  });
}

template <class T>
inline void average_pool_forward(const OpCall<T>& call) {
  const Shape& shape = call.in_shape[0];
  for_each_window(call, [&](long y, long first, const PoolWindow& window, int c) {
    T sum = 0;
    for (int h = window.top; h < window.bottom; ++h)
      for (int w = window.left; w < window.right; ++w)
        sum += call.in[0].at(first + (long(h) * shape.width + w) * shape.channels, c);
    call.out[y] = sum / T(window.taps());
  });
}

template <class T>
inline void average_pool_backward(const OpCall<T>& call) {
  if (!call.din[0]) return;
  zero_unless_accumulated(call, 0);
  const Shape& shape = call.in_shape[0];
  for_each_window(call, [&](long y, long first, const PoolWindow& window, int) {
    const T share = call.dout[y] / T(window.taps());
    for (int h = window.top; h < window.bottom; ++h)
      for (int w = window.left; w < window.right; ++w)
        call.din[0][first + (long(h) * shape.width + w) * shape.channels] += share;
  });
}

}  // namespace ocelli::reference
