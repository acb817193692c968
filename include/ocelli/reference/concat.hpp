// concat as plain loops. Formula and variants: ocelli/op/concat.hpp.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/op/call.hpp"
#include "ocelli/op/concat.hpp"
#include "ocelli/reference/gradient.hpp"

namespace ocelli::reference {

/// Calls body(y_element, k, x_element, c) for each value of each input k.
template <class T, class Body>
inline void for_each_joined(const OpCall<T>& call, Body&& body) {
  const int count = call.op->input_count;
  const ConcatGeometry g = concat_geometry(call.in_shape, count, call.out_shape);
  const long rows = call.batch * g.rows;
  long before = 0;  // values of a row of y that belong to earlier inputs
  for (int k = 0; k < count; ++k) {
    const long length = g.row_length(call.in_shape[k]);
    for (long row = 0; row < rows; ++row)
      for (long i = 0; i < length; ++i)
        body(
            row * g.out_row + before + i, k, row * length + i,
            static_cast<int>(i % call.in_shape[k].channels));
    before += length;
  }
}

template <class T>
inline void concat_forward(const OpCall<T>& call) {
  for_each_joined(call, [&](long y, int k, long x, int c) { call.out[y] = call.in[k].at(x, c); });
}

template <class T>
inline void concat_backward(const OpCall<T>& call) {
  for_each_joined(call, [&](long y, int k, long x, int) {
    if (call.din[k]) deliver(call, k, x, call.dout[y]);
  });
}

}  // namespace ocelli::reference
