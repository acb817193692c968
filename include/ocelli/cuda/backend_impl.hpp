// What CudaBackend does with each kind of operation.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "ocelli/core/error.hpp"
#include "ocelli/cuda/activation.hpp"
#include "ocelli/cuda/add.hpp"
#include "ocelli/cuda/backend.hpp"
#include "ocelli/cuda/batch_norm.hpp"
#include "ocelli/cuda/concat.hpp"
#include "ocelli/cuda/conv2d.hpp"
#include "ocelli/cuda/conv2d_backward.hpp"
#include "ocelli/cuda/depthwise_conv2d.hpp"
#include "ocelli/cuda/dropout.hpp"
#include "ocelli/cuda/pool.hpp"
#include "ocelli/cuda/softmax.hpp"

namespace ocelli {

namespace cuda::detail {

inline void check_countable(const OpCall<float>& call, const Shape& shape) {
  const long values = call.batch * shape.size();
  if (values > 0x7FFFFFFFL)
    throw ShapeError(
        "a tensor of " + std::to_string(values) + " values; kernels count up to 2^31 - 1",
        std::string("cuda ") + name(call.op->kind), "use a smaller batch");
}

/// Kinds that other engines know.
constexpr bool has_engines(OpKind kind) {
  return kind == OpKind::conv2d || kind == OpKind::depthwise_conv2d;
}

}  // namespace cuda::detail

inline void CudaBackend::reserve(const OpCall<float>& call) {
  cuda::detail::check_countable(call, call.out_shape);
  for (int k = 0; k < call.op->input_count; ++k)
    cuda::detail::check_countable(call, call.in_shape[k]);
  const OpKind kind = call.op->kind;
  if (kind == OpKind::batch_norm) workspace_.reserve(cuda::batch_norm_floats(call));
  if (call.mode != Mode::infer) {
    if (kind == OpKind::conv2d) workspace_.reserve(cuda::conv2d_backward_floats(call));
    if (kind == OpKind::depthwise_conv2d)
      workspace_.reserve(cuda::depthwise_conv2d_backward_floats(call));
  }
  if (cuda::detail::has_engines(kind))
    engines_.reserve(call, workspace_, [this](const OpCall<float>& trial, cuda::Product product) {
      product == cuda::Product::forward ? own_forward(trial) : own_backward(trial);
    });
}

inline void CudaBackend::forward(const OpCall<float>& call) {
  if (cuda::detail::has_engines(call.op->kind) && engines_.forward(call, workspace_)) return;
  own_forward(call);
}

inline void CudaBackend::backward(const OpCall<float>& call) {
  if (cuda::detail::has_engines(call.op->kind) && engines_.active())
    return own_backward(engines_.backward(call, workspace_));
  own_backward(call);
}

inline void CudaBackend::own_forward(const OpCall<float>& call) {
  switch (call.op->kind) {
    case OpKind::conv2d:
      return cuda::conv2d_forward(stream_, call, precision_);
    case OpKind::depthwise_conv2d:
      return cuda::depthwise_conv2d_forward(stream_, call);
    case OpKind::batch_norm:
      return cuda::batch_norm_forward(stream_, workspace_, call);
    case OpKind::activation:
      return cuda::activation_forward(stream_, call);
    case OpKind::max_pool:
      return cuda::max_pool_forward(stream_, call);
    case OpKind::average_pool:
      return cuda::average_pool_forward(stream_, call);
    case OpKind::add:
      return cuda::add_forward(stream_, call);
    case OpKind::concat:
      return cuda::concat_forward(stream_, call);
    case OpKind::softmax:
      return cuda::softmax_forward(stream_, call);
    case OpKind::dropout:
      return cuda::dropout_forward(stream_, call);
  }
}

inline void CudaBackend::own_backward(const OpCall<float>& call) {
  switch (call.op->kind) {
    case OpKind::conv2d:
      return cuda::conv2d_backward(stream_, workspace_, call, precision_);
    case OpKind::depthwise_conv2d:
      return cuda::depthwise_conv2d_backward(stream_, workspace_, call);
    case OpKind::batch_norm:
      return cuda::batch_norm_backward(stream_, workspace_, call);
    case OpKind::activation:
      return cuda::activation_backward(stream_, call);
    case OpKind::max_pool:
      return cuda::max_pool_backward(stream_, call);
    case OpKind::average_pool:
      return cuda::average_pool_backward(stream_, call);
    case OpKind::add:
      return cuda::add_backward(stream_, call);
    case OpKind::concat:
      return cuda::concat_backward(stream_, call);
    case OpKind::softmax:
      return cuda::softmax_backward(stream_, call);
    case OpKind::dropout:
      return cuda::dropout_backward(stream_, call);
  }
}

}  // namespace ocelli
