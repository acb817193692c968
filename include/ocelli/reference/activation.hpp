// activation as plain loops. Formula: ocelli/op/activation.hpp.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/op/activation.hpp"
#include "ocelli/op/call.hpp"
#include "ocelli/reference/gradient.hpp"

namespace ocelli::reference {

template <class T>
inline void activation_forward(const OpCall<T>& call) {
  const int C = call.out_shape.channels;
  const long size = call.batch * call.out_shape.size();
  for (long i = 0; i < size; ++i)
    call.out[i] = activate(call.op->activation, call.in[0].at(i, static_cast<int>(i % C)));
}

template <class T>
inline void activation_backward(const OpCall<T>& call) {
  if (!call.din[0]) return;
  const Activation f = call.op->activation;
  const int C = call.out_shape.channels;
  const long size = call.batch * call.out_shape.size();
  for (long i = 0; i < size; ++i) {
    const T x = call.in[0].at(i, static_cast<int>(i % C));
    deliver(call, 0, i, call.dout[i] * activation_slope(f, x));
  }
}

}  // namespace ocelli::reference
