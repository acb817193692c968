// ReferenceBackend: every operation as plain loops, on one thread. It says what each operation
// means; the other backends are tested against it, and lend its loops where they have none.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/core/thread_pool.hpp"
#include "ocelli/op/call.hpp"
#include "ocelli/op/op.hpp"
#include "ocelli/reference/activation.hpp"
#include "ocelli/reference/add.hpp"
#include "ocelli/reference/batch_norm.hpp"
#include "ocelli/reference/concat.hpp"
#include "ocelli/reference/conv2d.hpp"
#include "ocelli/reference/depthwise_conv2d.hpp"
#include "ocelli/reference/dropout.hpp"
#include "ocelli/reference/pool.hpp"
#include "ocelli/reference/softmax.hpp"

namespace ocelli {

/// Runs one operation at a time; holds no state and allocates nothing. T: float or double.
template <class T>
class ReferenceBackend {
 public:
  using Scalar = T;

  ReferenceBackend() = default;
  /// The pool is not used; the constructor is there so that every backend is made alike.
  explicit ReferenceBackend(ThreadPool&) {}

  /// Room for an operation's workspace: none is needed.
  void reserve(const OpCall<T>&) {}

  void forward(const OpCall<T>& call) {
    switch (call.op->kind) {
      case OpKind::conv2d:
        return reference::conv2d_forward(call);
      case OpKind::depthwise_conv2d:
        return reference::depthwise_conv2d_forward(call);
      case OpKind::batch_norm:
        return reference::batch_norm_forward(call);
      case OpKind::activation:
        return reference::activation_forward(call);
      case OpKind::max_pool:
        return reference::max_pool_forward(call);
      case OpKind::average_pool:
        return reference::average_pool_forward(call);
      case OpKind::add:
        return reference::add_forward(call);
      case OpKind::concat:
        return reference::concat_forward(call);
      case OpKind::softmax:
        return reference::softmax_forward(call);
      case OpKind::dropout:
        return reference::dropout_forward(call);
    }
  }

  void backward(const OpCall<T>& call) {
    switch (call.op->kind) {
      case OpKind::conv2d:
        return reference::conv2d_backward(call);
      case OpKind::depthwise_conv2d:
        return reference::depthwise_conv2d_backward(call);
      case OpKind::batch_norm:
        return reference::batch_norm_backward(call);
      case OpKind::activation:
        return reference::activation_backward(call);
      case OpKind::max_pool:
        return reference::max_pool_backward(call);
      case OpKind::average_pool:
        return reference::average_pool_backward(call);
      case OpKind::add:
        return reference::add_backward(call);
      case OpKind::concat:
        return reference::concat_backward(call);
      case OpKind::softmax:
        return reference::softmax_backward(call);
      case OpKind::dropout:
        return reference::dropout_backward(call);
    }
  }

  /// Whether the backend has a version of its own for the operation.
  static bool native(const OpDesc&) { return true; }
};

}  // namespace ocelli
