// activation. Formula: ocelli/op/activation.hpp.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/cpu/elementwise.hpp"

namespace ocelli::cpu {

inline void activation_forward(ThreadPool& pool, const OpCall<float>& call) {
  const Activation f = call.op->activation;
  const Operand<float>& x = call.in[0];
  for_each_value(pool, pixels_of(call), call.out_shape.channels, [&]<class V>(V, long at, int c) {
    store(call.out + at, activate_any(f, read_any<V>(x, c, x.data + at)));
  });
}

inline void activation_backward(ThreadPool& pool, const OpCall<float>& call) {
  if (!call.din[0]) return;
  const Activation f = call.op->activation;
  const Operand<float>& x = call.in[0];
  for_each_value(pool, pixels_of(call), call.out_shape.channels, [&]<class V>(V, long at, int c) {
    const V dy = load<V>(call.dout + at);
    if (f == Activation::none) return deliver(call, 0, at, dy);
    deliver(
        call, 0, at,
        dy * (slope_from_output(f) ? slope_at_output(f, load<V>(call.out + at))
                                   : slope(f, read_any<V>(x, c, x.data + at))));
  });
}

}  // namespace ocelli::cpu
