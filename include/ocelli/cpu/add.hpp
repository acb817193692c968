// add. Formula and shapes: ocelli/op/add.hpp.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/cpu/elementwise.hpp"
#include "ocelli/op/add.hpp"

namespace ocelli::cpu {

/// The inputs' sum at one vector.
template <class V>
OCELLI_ALWAYS_INLINE V sum_of_inputs(const OpCall<float>& call, long at, int c) {
  V sum = read_any<V>(call.in[0], c, call.in[0].data + at);
  for (int k = 1; k < call.op->input_count; ++k)
    sum += read_any<V>(call.in[k], c, call.in[k].data + at);
  return sum;
}

inline void add_forward(ThreadPool& pool, const OpCall<float>& call) {
  const Activation f = call.op->activation;
  for_each_value(pool, pixels_of(call), call.out_shape.channels, [&]<class V>(V, long at, int c) {
    store(call.out + at, activate_any(f, sum_of_inputs<V>(call, at, c)));
  });
}

inline void add_backward(ThreadPool& pool, const OpCall<float>& call) {
  const Activation f = call.op->activation;
  const int inputs = call.op->input_count;
  if (std::none_of(call.din, call.din + inputs, [](const float* din) { return din; })) return;
  for_each_value(pool, pixels_of(call), call.out_shape.channels, [&]<class V>(V, long at, int c) {
    V gradient = load<V>(call.dout + at);  // before any din is written: one may be dout
    if (add_backward_reads_output(f)) gradient *= slope_at_output(f, load<V>(call.out + at));
    if (add_backward_reads_inputs(f)) gradient *= slope(f, sum_of_inputs<V>(call, at, c));
    for (int k = 0; k < inputs; ++k)
      if (call.din[k]) deliver(call, k, at, gradient);
  });
}

}  // namespace ocelli::cpu
