// conv2d as plain loops. Formula and shapes: ocelli/op/conv2d.hpp.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/op/call.hpp"
#include "ocelli/op/conv2d.hpp"
#include "ocelli/reference/gradient.hpp"
#include "ocelli/reference/taps.hpp"

namespace ocelli::reference {

template <class T>
inline void conv2d_forward(const OpCall<T>& call) {
  const Conv2dGeometry g = conv2d_geometry(*call.op, call.in_shape[0], call.out_shape);
  const Operand<T>& x = call.in[0];
  const int K = g.out_channels;
  const long pixels = call.batch * g.out_pixels();

  for (long p = 0; p < pixels; ++p)
    for (int k = 0; k < K; ++k) call.out[p * K + k] = call.bias ? call.bias[k] : T(0);

  for_each_tap(g, g.dilation, call.batch, [&](long y_pixel, long x_pixel, int tap) {
    T* const y = call.out + y_pixel * K;
    for (int c = 0; c < g.channels; ++c) {
      const T value = x.at(x_pixel * g.channels + c, c);
      const T* const w = call.weight + (long(tap) * g.channels + c) * K;
      for (int k = 0; k < K; ++k) y[k] += w[k] * value;
    }
  });

  for (long i = 0; i < pixels * K; ++i) call.out[i] = activate(call.epilogue, call.out[i]);
}

/// The epilogue is for inference alone: `dout` is the gradient of the sum itself.
template <class T>
inline void conv2d_backward(const OpCall<T>& call) {
  const Conv2dGeometry g = conv2d_geometry(*call.op, call.in_shape[0], call.out_shape);
  const Operand<T>& x = call.in[0];
  const int K = g.out_channels;

  if (call.dbias)
    for (long p = 0; p < call.batch * g.out_pixels(); ++p)
      for (int k = 0; k < K; ++k) call.dbias[k] += call.dout[p * K + k];

  if (call.dweight)
    for_each_tap(g, g.dilation, call.batch, [&](long y_pixel, long x_pixel, int tap) {
      const T* const dy = call.dout + y_pixel * K;
      for (int c = 0; c < g.channels; ++c) {
        const T value = x.at(x_pixel * g.channels + c, c);
        T* const dw = call.dweight + (long(tap) * g.channels + c) * K;
        for (int k = 0; k < K; ++k) dw[k] += value * dy[k];
      }
    });

  if (!call.din[0]) return;
  zero_unless_accumulated(call, 0);
  for_each_tap(g, g.dilation, call.batch, [&](long y_pixel, long x_pixel, int tap) {
    const T* const dy = call.dout + y_pixel * K;
    for (int c = 0; c < g.channels; ++c) {
      const T* const w = call.weight + (long(tap) * g.channels + c) * K;
      T sum = 0;
      for (int k = 0; k < K; ++k) sum += w[k] * dy[k];
      call.din[0][x_pixel * g.channels + c] += sum;
    }
  });
}

}  // namespace ocelli::reference
