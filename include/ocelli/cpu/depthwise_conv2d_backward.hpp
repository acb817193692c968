// depthwise_conv2d, backward. Formula and shapes: ocelli/op/depthwise_conv2d.hpp.
//
//   dx[h,w,c]  = sum over u,v of  w[u,v,c] * dy[(h+top-u)/stride, (w+left-v)/stride, c]
//   dw[u,v,c]  = sum over h,w of  x[h,w,c] * the same dy
//
// Both read the same window of dy around an input pixel, so one pass makes both: dy's window slides
// in registers, x is read and dx written once. At stride 2 an input pixel meets 4, 2, 2 or 1 taps;
// four neighbours together meet each of the nine once.
//
// bound   memory: x, dy and dx moved once
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/cpu/column_sums.hpp"
#include "ocelli/cpu/depthwise_conv2d.hpp"

namespace ocelli::cpu {

/// What a row of dx and dw is made from, at one vector of channels.
struct DepthwiseBackward {
  const OpCall<float>& call;
  const DepthwiseConv2dGeometry& g;
  long n;
  float* dw;  ///< [9, C], added to; null: not wanted

  const float* gradient() const { return call.dout + n * g.out_pixels() * g.channels; }
  long row(int h, int c) const { return (n * g.height + h) * g.width * g.channels + c; }
  template <class V>
  OCELLI_ALWAYS_INLINE void deliver(long at, V value) const {
    if (!call.din[0]) return;
    store(call.din[0] + at, call.accumulate[0] ? load<V>(call.din[0] + at) + value : value);
  }
  template <class V>
  OCELLI_ALWAYS_INLINE void add_weights(const V (&sum)[3][3], int c) const {
    if (!dw) return;
    repeat<9>([&](auto t) OCELLI_LAMBDA {
      float* to = dw + t * g.channels + c;
      store(to, load<V>(to) + sum[t / 3][t % 3]);
    });
  }
};

/// Input row h at stride 1.
template <class V, class Read>
inline void depthwise_backward_stride1(const DepthwiseBackward& b, int h, int c) {
  const DepthwiseConv2dGeometry& g = b.g;
  const int C = g.channels;
  const Read read(b.call.in[0], c);
  const Window3<V> w(b.call.weight, C, c);
  const int i = h + g.pad_top;  // output row of tap row 0
  const Row rows[3] = {
      {b.gradient(), i, g.out_height, g.out_width, C, c},
      {b.gradient(), i - 1, g.out_height, g.out_width, C, c},
      {b.gradient(), i - 2, g.out_height, g.out_width, C, c}};
  const auto load_column = [&](int j, V(&d)[3][3]) OCELLI_LAMBDA {
    const bool inside = j >= 0 && j < g.out_width;
    repeat<3>([&](auto u) OCELLI_LAMBDA {
      d[u][2] = d[u][1];
      d[u][1] = d[u][0];
      d[u][0] = inside && rows[u].inside ? load<V>(rows[u].at + long(j) * C) : V{};
    });
    __builtin_prefetch(rows[0].at + (long(j) + kAhead) * C);
  };
  V d[3][3] = {}, sum[3][3] = {};
  load_column(g.pad_left - 2, d);
  load_column(g.pad_left - 1, d);
  long at = b.row(h, c);
  for (int column = 0; column < g.width; ++column, at += C) {
    load_column(column + g.pad_left, d);
    __builtin_prefetch(b.call.in[0].data + at + kAhead * C);
    if (b.call.din[0]) __builtin_prefetch(b.call.din[0] + at + kAhead * C, 1);
    const V x = b.dw ? read(load<V>(b.call.in[0].data + at)) : V{};
    V dx{};
    repeat<9>([&](auto t) OCELLI_LAMBDA {
      dx += w.tap[t / 3][t % 3] * d[t / 3][t % 3];
      sum[t / 3][t % 3] += x * d[t / 3][t % 3];
    });
    b.deliver(at, dx);
  }
  b.add_weights(sum, c);
}

template <int tap>
inline constexpr std::integral_constant<int, tap> kTap{};

/// At stride 2: the input rows whose taps' rows are 2t and 2t + 1, counted from the padding's
/// start, as far as they lie in first .. last - 1.
template <class V, class Read>
inline void depthwise_backward_stride2(
    const DepthwiseBackward& b, int t, int first, int last, int c) {
  const DepthwiseConv2dGeometry& g = b.g;
  const int C = g.channels;
  const Read read(b.call.in[0], c);
  const Window3<V> w(b.call.weight, C, c);
  const Row rows[2] = {
      {b.gradient(), t, g.out_height, g.out_width, C, c},
      {b.gradient(), t - 1, g.out_height, g.out_width, C, c}};
  const int top = 2 * t - g.pad_top;
  const bool upper = top >= first && top < last, lower = top + 1 >= first && top + 1 < last;
  const long row = b.row(top, c), below = long(g.width) * C;
  V sum[3][3] = {};
  V right[2] = {}, left[2];  // dy at columns s and s - 1
  const auto load_column = [&](int s) OCELLI_LAMBDA {
    repeat<2>([&](auto r) OCELLI_LAMBDA {
      left[r] = right[r];
      right[r] =
          s >= 0 && s < g.out_width && rows[r].inside ? load<V>(rows[r].at + long(s) * C) : V{};
    });
  };
  // One input pixel: the given taps of dx and dw.
  const auto pixel = [&](long at, bool inside, auto... taps) OCELLI_LAMBDA {
    if (!inside) return;
    __builtin_prefetch(b.call.in[0].data + at + kAhead * C);
    if (b.call.din[0]) __builtin_prefetch(b.call.din[0] + at + kAhead * C, 1);
    const V x = b.dw ? read(load<V>(b.call.in[0].data + at)) : V{};
    V dx{};
    const auto tap = [&](auto k) OCELLI_LAMBDA {
      constexpr int u = k / 3, v = k % 3;
      const V d = v == 2 ? left[u / 2] : right[u / 2];
      dx += w.tap[u][v] * d;
      sum[u][v] += x * d;
    };
    (tap(taps), ...);
    b.deliver(at, dx);
  };
  const int start = g.pad_left / 2;
  load_column(start - 1);
  for (int s = start; 2 * s - g.pad_left < g.width; ++s) {
    load_column(s);
    const int column = 2 * s - g.pad_left;
    const bool even = column >= 0, odd = column + 1 < g.width;
    const long at = row + long(column) * C;
    pixel(at, upper && even, kTap<0>, kTap<2>, kTap<6>, kTap<8>);
    pixel(at + C, upper && odd, kTap<1>, kTap<7>);
    pixel(at + below, lower && even, kTap<3>, kTap<5>);
    pixel(at + below + C, lower && odd, kTap<4>);
  }
  b.add_weights(sum, c);
}

/// The parts of dw: one a task.
inline ScratchNeed depthwise_conv2d_backward_scratch(const OpCall<float>& call) {
  const DepthwiseConv2dGeometry g = depthwise_geometry(call);
  const long parts = Bands(g.height, call.batch).tasks(call.batch);
  return {
      std::max(
          call.dweight ? parts * g.weights() : 0,
          call.dbias ? column_sums_scratch(call.batch * g.out_pixels(), g.channels) : 0),
      0, parts * gradient_sums_size(g.channels)};
}

inline void depthwise_conv2d_backward(
    ThreadPool& pool, Scratch& scratch, const OpCall<float>& call) {
  const DepthwiseConv2dGeometry g = depthwise_geometry(call);
  const Operand<float>& x = call.in[0];
  const int C = g.channels;
  if (call.dbias) column_sums(pool, scratch, call.dout, call.batch * g.out_pixels(), C, call.dbias);
  if (!call.dweight && !call.din[0]) return;
  const int sliding =
      slides(g) && (!x.deferred() || is_clamp(x.activation)) ? C / kNarrow * kNarrow : 0;
  const Bands bands(g.height, call.batch);
  const bool sums = leaves_gradient_sums(call) && sliding == C;
  pool.for_each(bands.tasks(call.batch), [&](long task, int) {
    const int first = bands.first(task), last = bands.last(task);
    DepthwiseBackward b{call, g, bands.picture(task), nullptr};
    if (call.dweight) {
      b.dw = scratch.shared() + task * g.weights();
      std::fill_n(b.dw, g.weights(), 0.0f);
    }
    float* record = scratch.carried() + task * gradient_sums_size(C);
    if (sums) start_gradient_sums(x.data + b.row(first, 0), C, record);
    const auto add_sums = [&](int from, int to) {
      const long at = b.row(from, 0);
      if (sums)
        add_gradient_sums(x, x.data + at, call.din[0] + at, long(to - from) * g.width, C, record);
    };
    const auto slide = [&]<template <class> class Read>() {
      const auto vectors = [&](auto&& row) {
        int c = 0;
        for (; c + kWide <= sliding; c += kWide) row(Wide{}, c);
        if constexpr (kNarrow < kWide)
          if (c < sliding) row(Half{}, c);
      };
      if (g.stride == 1) {
        for (int h = first; h < last; ++h) {
          vectors([&]<class V>(V, int c) { depthwise_backward_stride1<V, Read<V>>(b, h, c); });
          add_sums(h, h + 1);
        }
      } else {
        for (int t = (first + g.pad_top) / 2; 2 * t - g.pad_top < last; ++t) {
          vectors([&]<class V>(V, int c) {
            depthwise_backward_stride2<V, Read<V>>(b, t, first, last, c);
          });
          const int top = 2 * t - g.pad_top;
          add_sums(std::max(first, top), std::min(last, top + 2));
        }
      }
    };
    if (sliding > 0) {
      if (x.deferred()) {
        slide.template operator()<Clamped>();
      } else {
        slide.template operator()<Plain>();
      }
    }
    if (sliding < C) depthwise_taps_backward(call, g, b.n, first, last, sliding, b.dw);
  });
  if (sums)
    scratch.carry = gradient_carry(call, {call.batch, g.pixels(), long(bands.rows) * g.width});
  if (call.dweight)
    add_parts(
        pool, scratch.shared(), bands.tasks(call.batch), g.weights(), g.weights(), call.dweight);
}

}  // namespace ocelli::cpu
