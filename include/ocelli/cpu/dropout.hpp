// dropout. Formula and mask: ocelli/op/dropout.hpp.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "ocelli/cpu/elementwise.hpp"
#include "ocelli/op/dropout.hpp"

namespace ocelli::cpu {

/// body(i, factor) for each value: 1 / keep where it is kept, else 0.
template <class Body>
inline void for_each_masked(ThreadPool& pool, const OpCall<float>& call, Body&& body) {
  const Draw draw = call.drawn();
  const DropoutMask mask(draw.seed, draw.step, *call.op);
  const float up = 1.0f / call.op->keep;
  const long size = call.batch * call.out_shape.size();
  constexpr long kTask = 4096 * DropoutMask::kBlock;
  pool.for_each((size + kTask - 1) / kTask, [&](long task, int) {
    const long last = std::min(size, (task + 1) * kTask);
    for (long first = task * kTask; first < last; first += DropoutMask::kBlock) {
      const auto kept = mask.block(first / DropoutMask::kBlock);
      for (long e = 0; e < std::min<long>(DropoutMask::kBlock, last - first); ++e)
        body(first + e, kept[static_cast<std::size_t>(e)] ? up : 0.0f);
    }
  });
}

inline void dropout_forward(ThreadPool& pool, const OpCall<float>& call) {
  const Operand<float>& x = call.in[0];
  const int C = call.out_shape.channels;
  if (call.mode == Mode::train) {
    for_each_masked(pool, call, [&](long i, float factor) {
      call.out[i] = factor * x.at(i, static_cast<int>(i % C));
    });
  } else {
    for_each_value(pool, pixels_of(call), C, [&]<class V>(V, long at, int c) {
      store(call.out + at, read_any<V>(x, c, x.data + at));
    });
  }
}

inline void dropout_backward(ThreadPool& pool, const OpCall<float>& call) {
  if (!call.din[0]) return;
  for_each_masked(
      pool, call, [&](long i, float factor) { deliver(call, 0, i, factor * call.dout[i]); });
}

}  // namespace ocelli::cpu
