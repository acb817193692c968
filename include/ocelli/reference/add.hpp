// add as plain loops. Formula: ocelli/op/add.hpp.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/op/add.hpp"
#include "ocelli/op/call.hpp"
#include "ocelli/reference/gradient.hpp"

namespace ocelli::reference {

/// Element i of the sum, before the activation.
template <class T>
inline T sum_of_inputs(const OpCall<T>& call, long i) {
  const int c = static_cast<int>(i % call.out_shape.channels);
  T sum = call.in[0].at(i, c);
  for (int k = 1; k < call.op->input_count; ++k) sum += call.in[k].at(i, c);
  return sum;
}

template <class T>
inline void add_forward(const OpCall<T>& call) {
  const long size = call.batch * call.out_shape.size();
  for (long i = 0; i < size; ++i)
    call.out[i] = activate(call.op->activation, sum_of_inputs(call, i));
}

template <class T>
inline void add_backward(const OpCall<T>& call) {
  const Activation f = call.op->activation;
  const long size = call.batch * call.out_shape.size();
  for (long i = 0; i < size; ++i) {
    T gradient = call.dout[i];  // read before any din is written: one of them may be dout
    if (add_backward_reads_output(f)) gradient *= activation_slope_at_output(f, call.out[i]);
    if (add_backward_reads_inputs(f)) gradient *= activation_slope(f, sum_of_inputs(call, i));
    for (int k = 0; k < call.op->input_count; ++k)
      if (call.din[k]) deliver(call, k, i, gradient);
  }
}

}  // namespace ocelli::reference
