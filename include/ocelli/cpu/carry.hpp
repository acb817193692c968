// carry: sums that an operation makes in passing, while its result is in the cache, for the batch
// norm that comes right after it: so the norm need not read the tensor again.
//
//   forward    a convolution leaves the moments of its output
//   backward   the reader of a deferred norm leaves the norm's gradient sums
//
// The records live in the scratch memory. They hold for the very next operation alone, and only if
// it is about the same tensors; else it makes its own.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/cpu/moments.hpp"
#include "ocelli/cpu/norm_gradient.hpp"
#include "ocelli/op/call.hpp"

namespace ocelli::cpu {

struct Carry {
  const float* moments_of = nullptr;   ///< the tensor, or null: no moments
  const float* gradient_of = nullptr;  ///< dy of the norm, or null: no gradient sums
  Operand<float> norm;                 ///< the norm's x, scale, shift and activation
  Runs runs;

  bool holds_moments(const OpCall<float>& call) const {
    return moments_of && moments_of == call.in[0].data &&
           runs.total == call.batch * call.in_shape[0].pixels();
  }
  bool holds_gradient_sums(const OpCall<float>& call) const {
    const long C = call.in_shape[0].channels;
    return gradient_of && gradient_of == call.dout && norm.data == call.in[0].data &&
           norm.scale == call.batch_norm + 2 * C && norm.shift == call.batch_norm + 3 * C &&
           norm.activation == call.op->activation &&
           runs.total == call.batch * call.in_shape[0].pixels();
  }
};

/// A convolution without a bias has its offset from a batch norm.
inline bool leaves_moments(const OpCall<float>& call) {
  return call.mode == Mode::train && !call.bias;
}
inline bool leaves_gradient_sums(const OpCall<float>& call) {
  return call.din[0] && call.in[0].deferred();
}
inline Carry moments_carry(const OpCall<float>& call, const Runs& runs) {
  Carry carry;
  carry.moments_of = call.out;
  carry.runs = runs;
  return carry;
}
inline Carry gradient_carry(const OpCall<float>& call, const Runs& runs) {
  Carry carry;
  carry.gradient_of = call.din[0];
  carry.norm = call.in[0];
  carry.runs = runs;
  return carry;
}

}  // namespace ocelli::cpu
