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

template <class T>
void check_countable(const OpCall<T>& call, const Shape& shape) {
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

template <class T>
void BasicCudaBackend<T>::reserve(const OpCall<T>& call) {
  cuda::detail::check_countable(call, call.out_shape);
  for (int k = 0; k < call.op->input_count; ++k)
    cuda::detail::check_countable(call, call.in_shape[k]);
  const OpKind kind = call.op->kind;
  const bool trains = call.mode != Mode::infer;
  if (kind == OpKind::batch_norm) workspace_.reserve(cuda::batch_norm_floats(call));
  if (kind == OpKind::conv2d) workspace_.reserve(cuda::conv2d_forward_floats(call, precision_));
  if (trains && kind == OpKind::conv2d) {
    workspace_.reserve(cuda::conv2d_backward_floats(call, precision_));
    moments_.offer(*call.op, cuda::conv2d_moments(call, precision_));
  }
  if (trains && kind == OpKind::batch_norm && !call.op->stored_statistics) moments_.want(*call.op);
  if (trains && kind == OpKind::depthwise_conv2d)
    workspace_.reserve(cuda::depthwise_conv2d_backward_floats(call));
  if (cuda::detail::has_engines(kind))
    engines_.reserve(call, workspace_, [this](const OpCall<T>& trial, cuda::Product product) {
      product == cuda::Product::forward ? own_forward(trial) : own_backward(trial);
    });
}

template <class T>
void BasicCudaBackend<T>::forward(const OpCall<T>& call) {
  if (cuda::detail::has_engines(call.op->kind) && engines_.forward(call, workspace_)) {
    moments_.take();  // of what was made before; an engine leaves none
    return;
  }
  own_forward(call);
}

template <class T>
void BasicCudaBackend<T>::backward(const OpCall<T>& call) {
  if (cuda::detail::has_engines(call.op->kind) && engines_.active())
    return own_backward(engines_.backward(call, workspace_));
  own_backward(call);
}

template <class T>
void BasicCudaBackend<T>::own_forward(const OpCall<T>& call) {
  const cuda::TakenMoments moments = moments_.take();
  switch (call.op->kind) {
    case OpKind::conv2d:
      return cuda::conv2d_forward(stream_, workspace_, call, precision_, {&rounded_, &moments_});
    case OpKind::depthwise_conv2d:
      return cuda::depthwise_conv2d_forward(stream_, call);
    case OpKind::batch_norm:
      return cuda::batch_norm_forward(stream_, workspace_, call, moments.of(call));
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

template <class T>
void BasicCudaBackend<T>::own_backward(const OpCall<T>& call) {
  moments_.take();  // nobody wants them now
  switch (call.op->kind) {
    case OpKind::conv2d:
      return cuda::conv2d_backward(stream_, workspace_, call, precision_, {&rounded_, nullptr});
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
