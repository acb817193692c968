// depthwise_conv2d as plain loops. Formula and shapes: ocelli/op/depthwise_conv2d.hpp.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/op/call.hpp"
#include "ocelli/op/depthwise_conv2d.hpp"
#include "ocelli/reference/gradient.hpp"
#include "ocelli/reference/taps.hpp"

namespace ocelli::reference {

template <class T>
inline void depthwise_conv2d_forward(const OpCall<T>& call) {
  const DepthwiseConv2dGeometry g =
      depthwise_conv2d_geometry(*call.op, call.in_shape[0], call.out_shape);
  const Operand<T>& x = call.in[0];
  const int C = g.channels;
  const long pixels = call.batch * g.out_pixels();

  for (long p = 0; p < pixels; ++p)
    for (int c = 0; c < C; ++c) call.out[p * C + c] = call.bias ? call.bias[c] : T(0);

  for_each_tap(g, g.dilation, call.batch, [&](long y, long p, int tap) {
    for (int c = 0; c < C; ++c)
      call.out[y * C + c] += call.weight[long(tap) * C + c] * x.at(p * C + c, c);
  });

  for (long i = 0; i < pixels * C; ++i) call.out[i] = activate(call.epilogue, call.out[i]);
}

/// The epilogue is for inference alone: `dout` is the gradient of the sum itself.
template <class T>
inline void depthwise_conv2d_backward(const OpCall<T>& call) {
  const DepthwiseConv2dGeometry g =
      depthwise_conv2d_geometry(*call.op, call.in_shape[0], call.out_shape);
  const Operand<T>& x = call.in[0];
  const int C = g.channels;

  if (call.dbias)
    for (long p = 0; p < call.batch * g.out_pixels(); ++p)
      for (int c = 0; c < C; ++c) call.dbias[c] += call.dout[p * C + c];

  if (call.dweight)
    for_each_tap(g, g.dilation, call.batch, [&](long y, long p, int tap) {
      for (int c = 0; c < C; ++c)
        call.dweight[long(tap) * C + c] += x.at(p * C + c, c) * call.dout[y * C + c];
    });

  if (!call.din[0]) return;
  zero_unless_accumulated(call, 0);
  for_each_tap(g, g.dilation, call.batch, [&](long y, long p, int tap) {
    for (int c = 0; c < C; ++c)
      call.din[0][p * C + c] += call.weight[long(tap) * C + c] * call.dout[y * C + c];
  });
}

}  // namespace ocelli::reference
