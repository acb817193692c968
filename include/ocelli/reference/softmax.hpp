// softmax as plain loops. Formula: ocelli/op/softmax.hpp.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "ocelli/op/call.hpp"
#include "ocelli/op/softmax.hpp"
#include "ocelli/reference/gradient.hpp"

namespace ocelli::reference {

template <class T>
inline void softmax_forward(const OpCall<T>& call) {
  const SoftmaxGeometry g = softmax_geometry(call.in_shape[0]);
  const int C = g.channels;
  const Operand<T>& x = call.in[0];
  for (long p = 0; p < call.batch * g.pixels; ++p) {
    T most = x.at(p * C, 0);
    for (int c = 1; c < C; ++c)
      if (const T value = x.at(p * C + c, c); value > most) most = value;
    T sum = 0;
    for (int c = 0; c < C; ++c) {
      const T e = std::exp(x.at(p * C + c, c) - most);
      call.out[p * C + c] = e;
      sum += e;
    }
    for (int c = 0; c < C; ++c) call.out[p * C + c] /= sum;
  }
}

template <class T>
inline void softmax_backward(const OpCall<T>& call) {
  if (!call.din[0]) return;
  const SoftmaxGeometry g = softmax_geometry(call.in_shape[0]);
  const int C = g.channels;
  for (long p = 0; p < call.batch * g.pixels; ++p) {
    T sum = 0;
    for (int c = 0; c < C; ++c) sum += call.out[p * C + c] * call.dout[p * C + c];
    for (int c = 0; c < C; ++c) {
      const long i = p * C + c;
      deliver(call, 0, i, call.out[i] * (call.dout[i] - sum));
    }
  }
}

}  // namespace ocelli::reference
