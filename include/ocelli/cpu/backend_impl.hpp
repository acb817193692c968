// What CpuBackend does with each kind of operation.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "ocelli/cpu/activation.hpp"
#include "ocelli/cpu/add.hpp"
#include "ocelli/cpu/backend.hpp"
#include "ocelli/cpu/batch_norm.hpp"
#include "ocelli/cpu/concat.hpp"
#include "ocelli/cpu/conv2d.hpp"
#include "ocelli/cpu/conv2d_backward.hpp"
#include "ocelli/cpu/depthwise_conv2d.hpp"
#include "ocelli/cpu/depthwise_conv2d_backward.hpp"
#include "ocelli/cpu/dropout.hpp"
#include "ocelli/cpu/pool.hpp"
#include "ocelli/cpu/softmax.hpp"
#include "ocelli/reference/batch_norm.hpp"

namespace ocelli {

namespace cpu::detail {

inline ScratchNeed forward_need(const OpCall<float>& call) {
  switch (call.op->kind) {
    case OpKind::conv2d:
      return conv2d_forward_scratch(call);
    case OpKind::depthwise_conv2d:
      return depthwise_conv2d_forward_scratch(call);
    case OpKind::batch_norm:
      return batch_norm_scratch(call);
    default:
      return {};
  }
}
inline ScratchNeed backward_need(const OpCall<float>& call) {
  switch (call.op->kind) {
    case OpKind::conv2d:
      return conv2d_backward_scratch(call);
    case OpKind::depthwise_conv2d:
      return depthwise_conv2d_backward_scratch(call);
    case OpKind::batch_norm:
      return batch_norm_scratch(call);
    default:
      return {};
  }
}

}  // namespace cpu::detail

OCELLI_INLINE void CpuBackend::reserve(const OpCall<float>& call) {
  scratch_.carry = {};  // its records may move
  scratch_.reserve(cpu::detail::forward_need(call));
  if (call.mode == Mode::train) scratch_.reserve(cpu::detail::backward_need(call));
}

OCELLI_INLINE void CpuBackend::forward(const OpCall<float>& call) {
  scratch_.check(cpu::detail::forward_need(call));
  const cpu::Carry carry = std::exchange(scratch_.carry, {});
  switch (call.op->kind) {
    case OpKind::conv2d:
      return cpu::conv2d_forward(pool_, scratch_, call);
    case OpKind::depthwise_conv2d:
      return cpu::depthwise_conv2d_forward(pool_, scratch_, call);
    case OpKind::batch_norm:
      if (call.in[0].deferred()) return reference::batch_norm_forward(call);
      return cpu::batch_norm_forward(pool_, scratch_, call, carry);
    case OpKind::activation:
      return cpu::activation_forward(pool_, call);
    case OpKind::max_pool:
      return cpu::max_pool_forward(pool_, call);
    case OpKind::average_pool:
      return cpu::average_pool_forward(pool_, call);
    case OpKind::add:
      return cpu::add_forward(pool_, call);
    case OpKind::concat:
      return cpu::concat_forward(pool_, call);
    case OpKind::softmax:
      return cpu::softmax_forward(pool_, call);
    case OpKind::dropout:
      return cpu::dropout_forward(pool_, call);
  }
}

OCELLI_INLINE void CpuBackend::backward(const OpCall<float>& call) {
  scratch_.check(cpu::detail::backward_need(call));
  const cpu::Carry carry = std::exchange(scratch_.carry, {});
  switch (call.op->kind) {
    case OpKind::conv2d:
      return cpu::conv2d_backward(pool_, scratch_, call);
    case OpKind::depthwise_conv2d:
      return cpu::depthwise_conv2d_backward(pool_, scratch_, call);
    case OpKind::batch_norm:
      if (call.in[0].deferred()) return reference::batch_norm_backward(call);
      return cpu::batch_norm_backward(pool_, scratch_, call, carry);
    case OpKind::activation:
      return cpu::activation_backward(pool_, call);
    case OpKind::max_pool:
      return cpu::max_pool_backward(pool_, call);
    case OpKind::average_pool:
      return cpu::average_pool_backward(pool_, call);
    case OpKind::add:
      return cpu::add_backward(pool_, call);
    case OpKind::concat:
      return cpu::concat_backward(pool_, call);
    case OpKind::softmax:
      return cpu::softmax_backward(pool_, call);
    case OpKind::dropout:
      return cpu::dropout_backward(pool_, call);
  }
}

}  // namespace ocelli
