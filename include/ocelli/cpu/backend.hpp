// CpuBackend: the fast operations on the CPU, over one thread pool.
//
// Every operation is cut into tasks by its geometry and sums are joined in a fixed order, so the
// results are the same bits on any number of threads. Memory is taken in `reserve` alone.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <utility>

#include "ocelli/core/thread_pool.hpp"
#include "ocelli/cpu/activation.hpp"
#include "ocelli/cpu/add.hpp"
#include "ocelli/cpu/batch_norm.hpp"
#include "ocelli/cpu/concat.hpp"
#include "ocelli/cpu/conv2d.hpp"
#include "ocelli/cpu/conv2d_backward.hpp"
#include "ocelli/cpu/depthwise_conv2d.hpp"
#include "ocelli/cpu/depthwise_conv2d_backward.hpp"
#include "ocelli/cpu/dropout.hpp"
#include "ocelli/cpu/pool.hpp"
#include "ocelli/cpu/scratch.hpp"
#include "ocelli/cpu/softmax.hpp"
#include "ocelli/op/call.hpp"
#include "ocelli/reference/batch_norm.hpp"

namespace ocelli {

class CpuBackend {
 public:
  using Scalar = float;

  /// The pool must outlive the backend.
  explicit CpuBackend(ThreadPool& pool) : pool_(pool), scratch_(pool.size()) {}

  /// Makes room for an operation; called once for each before the first step. The call's shapes,
  /// batch, mode and wanted gradients must be final; its pointers are not followed.
  void reserve(const OpCall<float>& call) {
    scratch_.carry = {};  // its records may move
    scratch_.reserve(forward_need(call));
    if (call.mode == Mode::train) scratch_.reserve(backward_need(call));
  }

  void forward(const OpCall<float>& call) {
    scratch_.check(forward_need(call));
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

  void backward(const OpCall<float>& call) {
    scratch_.check(backward_need(call));
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

  /// Bytes taken by `reserve`.
  std::size_t scratch_bytes() const { return scratch_.bytes(); }

  /// Whether the operation has a fast version; all have.
  static bool native(const OpDesc&) { return true; }

 private:
  static cpu::ScratchNeed forward_need(const OpCall<float>& call) {
    switch (call.op->kind) {
      case OpKind::conv2d:
        return cpu::conv2d_forward_scratch(call);
      case OpKind::depthwise_conv2d:
        return cpu::depthwise_conv2d_forward_scratch(call);
      case OpKind::batch_norm:
        return cpu::batch_norm_scratch(call);
      default:
        return {};
    }
  }
  static cpu::ScratchNeed backward_need(const OpCall<float>& call) {
    switch (call.op->kind) {
      case OpKind::conv2d:
        return cpu::conv2d_backward_scratch(call);
      case OpKind::depthwise_conv2d:
        return cpu::depthwise_conv2d_backward_scratch(call);
      case OpKind::batch_norm:
        return cpu::batch_norm_scratch(call);
      default:
        return {};
    }
  }

  ThreadPool& pool_;
  cpu::Scratch scratch_;
};

}  // namespace ocelli
