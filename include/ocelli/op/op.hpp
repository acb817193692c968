// OpDesc: one operation of a net as a plain value, and the list of kinds.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/op/activation.hpp"
#include "ocelli/op/window.hpp"

namespace ocelli {

enum class OpKind : int {
  conv2d,
  depthwise_conv2d,
  batch_norm,
  activation,
  max_pool,
  average_pool,
  add,
  concat,
  softmax,
  dropout,
};

constexpr const char* name(OpKind kind) {
  switch (kind) {
    case OpKind::conv2d:
      return "conv2d";
    case OpKind::depthwise_conv2d:
      return "depthwise_conv2d";
    case OpKind::batch_norm:
      return "batch_norm";
    case OpKind::activation:
      return "activation";
    case OpKind::max_pool:
      return "max_pool";
    case OpKind::average_pool:
      return "average_pool";
    case OpKind::add:
      return "add";
    case OpKind::concat:
      return "concat";
    case OpKind::softmax:
      return "softmax";
    case OpKind::dropout:
      return "dropout";
  }
  return "?";
}

inline constexpr int kMaxInputs = 8;

/// One operation. Ids count tensors, parameters and statistics of the graph; -1 means none.
struct OpDesc {
  OpKind kind = OpKind::conv2d;
  int inputs[kMaxInputs] = {-1, -1, -1, -1, -1, -1, -1, -1};
  int input_count = 0;
  int output = -1;
  int weight = -1;  ///< parameter: convolution weight, or batch norm's gamma (-1: gamma is 1)
  int bias = -1;    ///< parameter: convolution bias, or batch norm's beta
  int norm =
      -1;  ///< batch norm's number among the graph's: place of its moving and batch statistics
  Window window = {};
  Activation activation = Activation::none;  ///< of `activation`; fused into batch_norm and add
  bool stored_statistics =
      false;          ///< batch_norm: normalise with the moving statistics in training too
  float keep = 1.0f;  ///< dropout: probability of keeping a value
  int group = 0;      ///< which settings and which trainable group it belongs to
  int path = -1;      ///< place in the graph's tree of layer names
};

}  // namespace ocelli
