// concat. Formula and variants: ocelli/op/concat.hpp.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "ocelli/cpu/elementwise.hpp"
#include "ocelli/op/concat.hpp"

namespace ocelli::cpu {

/// body(V{}, y, x, c) for each vector of input k: its place in the output, in the input, its
/// channel.
template <class Body>
inline void for_each_joined(ThreadPool& pool, const OpCall<float>& call, int k, Body&& body) {
  const ConcatGeometry g = concat_geometry(call.in_shape, call.op->input_count, call.out_shape);
  long before = 0;  // values of a row of y that belong to earlier inputs
  for (int i = 0; i < k; ++i) before += g.row_length(call.in_shape[i]);
  const int C = call.in_shape[k].channels;
  const long row_pixels = g.row_length(call.in_shape[k]) / C;
  const long pixels = call.batch * g.rows * row_pixels;
  for_each_value(pool, pixels, C, [&]<class V>(V, long at, int c) OCELLI_LAMBDA {
    const long pixel = (at - c) / C, row = pixel / row_pixels;
    body(V{}, row * g.out_row + before + (pixel % row_pixels) * C + c, at, c);
  });
}

inline void concat_forward(ThreadPool& pool, const OpCall<float>& call) {
  for (int k = 0; k < call.op->input_count; ++k) {
    const Operand<float>& in = call.in[k];
    for_each_joined(pool, call, k, [&]<class V>(V, long y, long x, int c) OCELLI_LAMBDA {
      store(call.out + y, read_any<V>(in, c, in.data + x));
    });
  }
}

inline void concat_backward(ThreadPool& pool, const OpCall<float>& call) {
  for (int k = 0; k < call.op->input_count; ++k) {
    if (!call.din[k]) continue;
    for_each_joined(pool, call, k, [&]<class V>(V, long y, long x, int) OCELLI_LAMBDA {
      deliver(call, k, x, load<V>(call.dout + y));
    });
  }
}

}  // namespace ocelli::cpu
