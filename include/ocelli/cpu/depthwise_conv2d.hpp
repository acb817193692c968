// depthwise_conv2d, forward. Formula and shapes: ocelli/op/depthwise_conv2d.hpp.
//
// A 3 x 3 window slides along a row with its columns in registers, a vector of channels at a time:
// each value of x is loaded (and a deferred batch norm applied) once per row of windows that holds
// it. At stride 1 two output rows go together, so that four loads make two results.
//
// bound   memory: x and y moved once
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/core/thread_pool.hpp"
#include "ocelli/cpu/depthwise_taps.hpp"
#include "ocelli/cpu/scratch.hpp"

namespace ocelli::cpu {

/// Whether the sliding kernels apply.
constexpr bool slides(const DepthwiseConv2dGeometry& g) {
  return g.kernel_height == 3 && g.kernel_width == 3 && g.dilation == 1 && g.stride <= 2;
}

/// Columns ahead whose cache lines are asked for: a row is walked with C floats between two steps,
/// which the processor's own prefetching follows badly.
inline constexpr int kAhead = 24;

/// A row of a picture at one channel: zeros where the picture has no such row.
struct Row {
  const float* at;
  bool inside;

  Row(const float* picture, int row, int height, int width, int channels, int c)
      : at(picture + (row >= 0 && row < height ? long(row) * width * channels : 0) + c),
        inside(row >= 0 && row < height) {}
};

/// The nine weights of a vector of channels.
template <class V>
struct Window3 {
  V tap[3][3];

  OCELLI_ALWAYS_INLINE Window3(const float* weight, int channels, int c) {
    repeat<9>([&](auto t)
                  OCELLI_LAMBDA { tap[t / 3][t % 3] = load<V>(weight + t * channels + c); });
  }
};

/// Output rows i and, if `two`, i + 1 at stride 1.
template <class V, class Read>
inline void depthwise_rows_stride1(
    const OpCall<float>& call, const DepthwiseConv2dGeometry& g, long n, int i, bool two, int c) {
  const int C = g.channels;
  const float* picture = call.in[0].data + n * g.pixels() * C;
  const Read read(call.in[0], c);
  const Window3<V> w(call.weight, C, c);
  const int top = i - g.pad_top;
  const Row rows[4] = {
      {picture, top, g.height, g.width, C, c},
      {picture, top + 1, g.height, g.width, C, c},
      {picture, top + 2, g.height, g.width, C, c},
      {picture, top + 3, g.height, g.width, C, c}};
  const V bias = call.bias ? load<V>(call.bias + c) : V{};
  const V low = fill<V>(clamp_low(call.epilogue)), high = fill<V>(clamp_high(call.epilogue));
  float* y = call.out + (n * g.out_pixels() + long(i) * g.out_width) * C + c;
  const long below = long(g.out_width) * C;
  V next[2] = {}, after[2] = {};  // sums of the columns to the right, of which taps are missing
  for (int column = -g.pad_left; column < g.out_width + 2 - g.pad_left; ++column) {
    V x[4] = {};
    if (column >= 0 && column < g.width) {
      const long at = long(column) * C;
      repeat<4>([&](auto r) OCELLI_LAMBDA {
        if (rows[r].inside) x[r] = read(load<V>(rows[r].at + at));
        if (r >= 2) __builtin_prefetch(rows[r].at + at + kAhead * C);
      });
    }
    V done[2];
    repeat<2>([&](auto r) OCELLI_LAMBDA {
      done[r] = next[r] + w.tap[0][2] * x[r] + w.tap[1][2] * x[r + 1] + w.tap[2][2] * x[r + 2];
      next[r] = after[r] + w.tap[0][1] * x[r] + w.tap[1][1] * x[r + 1] + w.tap[2][1] * x[r + 2];
      after[r] = bias + w.tap[0][0] * x[r] + w.tap[1][0] * x[r + 1] + w.tap[2][0] * x[r + 2];
    });
    if (column < 2 - g.pad_left) continue;
    __builtin_prefetch(y + kAhead * C, 1);
    if (two) __builtin_prefetch(y + below + kAhead * C, 1);
    store(y, clamp(done[0], low, high));
    if (two) store(y + below, clamp(done[1], low, high));
    y += C;
  }
}

/// Output row i at stride 2.
template <class V, class Read>
inline void depthwise_row_stride2(
    const OpCall<float>& call, const DepthwiseConv2dGeometry& g, long n, int i, int c) {
  const int C = g.channels;
  const float* picture = call.in[0].data + n * g.pixels() * C;
  const Read read(call.in[0], c);
  const Window3<V> w(call.weight, C, c);
  const int top = 2 * i - g.pad_top;
  const Row rows[3] = {
      {picture, top, g.height, g.width, C, c},
      {picture, top + 1, g.height, g.width, C, c},
      {picture, top + 2, g.height, g.width, C, c}};
  const auto load_column = [&](int column, V(&x)[3]) OCELLI_LAMBDA {
    repeat<3>([&](auto r) OCELLI_LAMBDA {
      x[r] = column >= 0 && column < g.width && rows[r].inside
                 ? read(load<V>(rows[r].at + long(column) * C))
                 : V{};
      if (r >= 1) __builtin_prefetch(rows[r].at + (long(column) + kAhead) * C);
    });
  };
  const V bias = call.bias ? load<V>(call.bias + c) : V{};
  const V low = fill<V>(clamp_low(call.epilogue)), high = fill<V>(clamp_high(call.epilogue));
  float* y = call.out + (n * g.out_pixels() + long(i) * g.out_width) * C + c;
  V left[3], middle[3], right[3];
  load_column(-g.pad_left, left);
  for (int j = 0; j < g.out_width; ++j, y += C) {
    load_column(2 * j + 1 - g.pad_left, middle);
    load_column(2 * j + 2 - g.pad_left, right);
    V sum = bias;
    repeat<3>([&](auto u) OCELLI_LAMBDA {
      sum += w.tap[u][0] * left[u];
      sum += w.tap[u][1] * middle[u];
      sum += w.tap[u][2] * right[u];
      left[u] = right[u];
    });
    __builtin_prefetch(y + kAhead * C, 1);
    store(y, clamp(sum, low, high));
  }
}

/// The moments of each task's output, with their first row.
inline ScratchNeed depthwise_conv2d_forward_scratch(const OpCall<float>& call) {
  const DepthwiseConv2dGeometry g = depthwise_geometry(call);
  return {0, 0, Bands(g.out_height, call.batch).tasks(call.batch) * moments_size(g.channels)};
}

inline void depthwise_conv2d_forward(
    ThreadPool& pool, Scratch& scratch, const OpCall<float>& call) {
  const DepthwiseConv2dGeometry g = depthwise_geometry(call);
  const Operand<float>& x = call.in[0];
  const int C = g.channels;
  const int sliding =
      slides(g) && (!x.deferred() || is_clamp(x.activation)) && is_clamp(call.epilogue)
          ? C / kNarrow * kNarrow
          : 0;
  const Bands bands(g.out_height, call.batch);
  const bool moments = leaves_moments(call) && sliding == C;
  pool.for_each(bands.tasks(call.batch), [&](long task, int) {
    const long n = bands.picture(task);
    const int first = bands.first(task), last = bands.last(task);
    const long pixel = n * g.out_pixels() + long(first) * g.out_width;
    float* record = scratch.carried() + task * moments_size(C);
    if (moments) std::fill_n(record, moments_size(C), 0.0f);
    const auto slide = [&]<template <class> class Read>() {
      for (int i = first; i < last; i += 3 - g.stride) {
        const auto row = [&]<class V>(V, int c) {
          if (g.stride == 1) {
            depthwise_rows_stride1<V, Read<V>>(call, g, n, i, i + 1 < last, c);
          } else {
            depthwise_row_stride2<V, Read<V>>(call, g, n, i, c);
          }
        };
        int c = 0;
        for (; c + kWide <= sliding; c += kWide) row(Wide{}, c);
        if constexpr (kNarrow < kWide)
          if (c < sliding) row(Half{}, c);
        if (moments) {
          const int rows = std::min(last, i + 3 - g.stride) - i;
          const float* y = call.out + (pixel + long(i - first) * g.out_width) * C;
          add_moments(y, long(rows) * g.out_width, C, call.out + pixel * C, record);
        }
      }
      if (moments)
        finish_moments(long(last - first) * g.out_width, C, call.out + pixel * C, record);
    };
    if (sliding > 0) {
      if (x.deferred()) {
        slide.template operator()<Clamped>();
      } else {
        slide.template operator()<Plain>();
      }
    }
    if (sliding == C) return;
    depthwise_taps_forward(call, g, n, first, last, sliding);
    if (call.epilogue == Activation::none) return;
    for (long p = n * g.out_pixels() + long(first) * g.out_width;
         p < n * g.out_pixels() + long(last) * g.out_width; ++p)
      for (int c = sliding; c < C; ++c)
        call.out[p * C + c] = activate(call.epilogue, call.out[p * C + c]);
  });
  if (moments)
    scratch.carry =
        moments_carry(call, {call.batch, g.out_pixels(), long(bands.rows) * g.out_width});
}

}  // namespace ocelli::cpu
