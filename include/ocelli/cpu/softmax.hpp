// softmax. Formula: ocelli/op/softmax.hpp.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>

#include "ocelli/cpu/elementwise.hpp"

namespace ocelli::cpu {

/// body(at): for each pixel, `at` the place of its channel 0.
template <class Body>
inline void for_each_pixel(ThreadPool& pool, const OpCall<float>& call, Body&& body) {
  const int C = call.out_shape.channels;
  const long pixels = pixels_of(call), rows = std::max(1L, 4 * 1024L / C);
  pool.for_each((pixels + rows - 1) / rows, [&](long task, int) {
    for (long p = task * rows; p < std::min(pixels, (task + 1) * rows); ++p) body(p * C);
  });
}

inline void softmax_forward(ThreadPool& pool, const OpCall<float>& call) {
  const Operand<float>& x = call.in[0];
  const int C = call.out_shape.channels;
  for_each_pixel(pool, call, [&](long at) {
    float most = x.at(at, 0);
    for (int c = 1; c < C; ++c) {
      const float value = x.at(at + c, c);
      if (value > most) most = value;
    }
    float sum = 0;
    for (int c = 0; c < C; ++c) {
      const float e = std::exp(x.at(at + c, c) - most);
      call.out[at + c] = e;
      sum += e;
    }
    for (int c = 0; c < C; ++c) call.out[at + c] /= sum;
  });
}

inline void softmax_backward(ThreadPool& pool, const OpCall<float>& call) {
  if (!call.din[0]) return;
  const int C = call.out_shape.channels;
  for_each_pixel(pool, call, [&](long at) {
    float sum = 0;
    for (int c = 0; c < C; ++c) sum += call.out[at + c] * call.dout[at + c];
    for (int c = 0; c < C; ++c)
      deliver(call, 0, at + c, call.out[at + c] * (call.dout[at + c] - sum));
  });
}

}  // namespace ocelli::cpu
