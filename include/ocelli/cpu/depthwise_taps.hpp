// depthwise_taps: depthwise convolution with any window, stride and dilation, and for the channels
// that fill no vector; and how all depthwise loops are cut into tasks.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "ocelli/cpu/operand.hpp"
#include "ocelli/cpu/simd.hpp"
#include "ocelli/op/call.hpp"
#include "ocelli/op/depthwise_conv2d.hpp"

namespace ocelli::cpu {

inline DepthwiseConv2dGeometry depthwise_geometry(const OpCall<float>& call) {
  return depthwise_conv2d_geometry(*call.op, call.in_shape[0], call.out_shape);
}

/// A task is a band of rows of one picture, at least 4 rows (even in number) where there are as
/// many.
struct Bands {
  int height;
  int rows;   ///< of a band
  int count;  ///< of a picture

  Bands(int picture_height, int batch) : height(picture_height) {
    constexpr int kTasks = 16;
    const int wanted = (kTasks + batch - 1) / batch;
    rows = std::max(4, (height + 2 * wanted - 1) / (2 * wanted) * 2);
    count = (height + rows - 1) / rows;
  }
  long tasks(int batch) const { return long(count) * batch; }
  long picture(long task) const { return task / count; }
  int first(long task) const { return static_cast<int>(task % count) * rows; }
  int last(long task) const { return std::min(height, first(task) + rows); }
};

/// Output rows first .. last - 1 of picture n, channels `from` .. C - 1, without the epilogue.
inline void depthwise_taps_forward(
    const OpCall<float>& call, const DepthwiseConv2dGeometry& g, long n, int first, int last,
    int from) {
  const int C = g.channels;
  const Operand<float>& x = call.in[0];
  const float* picture = x.data + n * g.pixels() * C;
  for (int i = first; i < last; ++i)
    for (int j = 0; j < g.out_width; ++j) {
      float* y = call.out + (n * g.out_pixels() + long(i) * g.out_width + j) * C;
      each_vector(C - from, [&]<class V>(V, int at) {
        const int c = from + at;
        V sum = call.bias ? load<V>(call.bias + c) : V{};
        for (int u = 0; u < g.kernel_height; ++u) {
          const int h = i * g.stride + u * g.dilation - g.pad_top;
          if (h < 0 || h >= g.height) continue;
          for (int v = 0; v < g.kernel_width; ++v) {
            const int w = j * g.stride + v * g.dilation - g.pad_left;
            if (w < 0 || w >= g.width) continue;
            const V value = read_any<V>(x, c, picture + (long(h) * g.width + w) * C + c);
            sum += load<V>(call.weight + (long(u) * g.kernel_width + v) * C + c) * value;
          }
        }
        store(y + c, sum);
      });
    }
}

/// dx of input rows first .. last - 1, and their share of dw, added to `dw` [taps, C] (null: not
/// wanted), for channels `from` .. C - 1.
inline void depthwise_taps_backward(
    const OpCall<float>& call, const DepthwiseConv2dGeometry& g, long n, int first, int last,
    int from, float* dw) {
  const int C = g.channels;
  const Operand<float>& x = call.in[0];
  const float* dy = call.dout + n * g.out_pixels() * C;
  for (int h = first; h < last; ++h)
    for (int w = 0; w < g.width; ++w) {
      const long pixel = (n * g.height + h) * g.width + w;
      each_vector(C - from, [&]<class V>(V, int at) {
        const int c = from + at;
        const V value = dw ? read_any<V>(x, c, x.data + pixel * C + c) : V{};
        V sum{};
        for (int u = 0; u < g.kernel_height; ++u) {
          const int i = h + g.pad_top - u * g.dilation;
          if (i < 0 || i % g.stride != 0 || i / g.stride >= g.out_height) continue;
          for (int v = 0; v < g.kernel_width; ++v) {
            const int j = w + g.pad_left - v * g.dilation;
            if (j < 0 || j % g.stride != 0 || j / g.stride >= g.out_width) continue;
            const long tap = (long(u) * g.kernel_width + v) * C + c;
            const V gradient =
                load<V>(dy + (long(i / g.stride) * g.out_width + j / g.stride) * C + c);
            sum += load<V>(call.weight + tap) * gradient;
            if (dw) store(dw + tap, load<V>(dw + tap) + value * gradient);
          }
        }
        if (!call.din[0]) return;
        float* to = call.din[0] + pixel * C + c;
        store(to, call.accumulate[0] ? load<V>(to) + sum : sum);
      });
    }
}

}  // namespace ocelli::cpu
