// dropout as plain loops. Formula and mask: ocelli/op/dropout.hpp.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "ocelli/op/call.hpp"
#include "ocelli/op/dropout.hpp"
#include "ocelli/reference/gradient.hpp"

namespace ocelli::reference {

/// Calls body(element, factor) for each element of the batch; factor is 0 or 1 / keep.
template <class T, class Body>
inline void for_each_masked(const OpCall<T>& call, Body&& body) {
  const Draw draw = call.drawn();
  const DropoutMask mask(draw.seed, draw.step, *call.op);
  const T up = T(1) / T(call.op->keep);
  const long size = call.batch * call.out_shape.size();
  for (long first = 0; first < size; first += DropoutMask::kBlock) {
    const auto kept = mask.block(first / DropoutMask::kBlock);
    for (int e = 0; e < DropoutMask::kBlock && first + e < size; ++e)
      body(first + e, kept[static_cast<std::size_t>(e)] ? up : T(0));
  }
}

template <class T>
inline void dropout_forward(const OpCall<T>& call) {
  const int C = call.out_shape.channels;
  if (call.mode == Mode::train) {
    for_each_masked(call, [&](long i, T factor) {
      call.out[i] = factor * call.in[0].at(i, static_cast<int>(i % C));
    });
  } else {
    const long size = call.batch * call.out_shape.size();
    for (long i = 0; i < size; ++i) call.out[i] = call.in[0].at(i, static_cast<int>(i % C));
  }
}

template <class T>
inline void dropout_backward(const OpCall<T>& call) {
  if (!call.din[0]) return;
  for_each_masked(call, [&](long i, T factor) { deliver(call, 0, i, factor * call.dout[i]); });
}

}  // namespace ocelli::reference
