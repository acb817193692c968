// Graph: a net as a plain value: its operations in order, tensors, parameters, norms, taps,
// outputs.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "ocelli/core/shape.hpp"
#include "ocelli/op/op.hpp"

namespace ocelli {

struct TensorDesc {
  Shape shape;
  int producer = -1;  ///< operation; -1: the net's input
};

enum class ParamKind : int { weight, depthwise_weight, bias, gamma, beta };

/// How a parameter starts; the numbers of `truncated_normal` come from its group's settings unless
/// the layer names them.
enum class InitKind : int { zeros, ones, truncated_normal, variance_scaling };

struct ParamDesc {
  ParamKind kind = ParamKind::weight;
  int dims[4] = {1, 1, 1, 1};  ///< weight [KH,KW,C,K]; depthwise [KH,KW,C,1]; the rest [1,1,1,C]
  int group = 0;
  bool decay = false;  ///< takes part in L2 regularisation
  InitKind init = InitKind::zeros;
  int path = -1;

  constexpr long size() const { return long(dims[0]) * dims[1] * dims[2] * dims[3]; }
};

constexpr const char* name(ParamKind kind) {
  switch (kind) {
    case ParamKind::weight:
      return "weight";
    case ParamKind::depthwise_weight:
      return "weight";
    case ParamKind::bias:
      return "bias";
    case ParamKind::gamma:
      return "gamma";
    case ParamKind::beta:
      return "beta";
  }
  return "?";
}

/// One batch norm: the place of its statistics.
struct NormDesc {
  int channels = 0;
  int group = 0;
  int path = -1;
};

/// A node of the tree of layer names: "expand", or "expand_2" for the third sibling of that name.
struct PathNode {
  int parent = -1;
  const char* name = "";
  int index = 0;    ///< among siblings of the same name
  int ordinal = 0;  ///< among all siblings: what a compile-time message shows
};

/// A tensor that a layer further on asks for by name.
struct TapDesc {
  const char* name = "";
  int tensor = -1;
};

/// The graph through pointers: what executors and printers read; not a template on the net.
struct GraphView {
  const OpDesc* ops = nullptr;
  const TensorDesc* tensors = nullptr;  ///< tensor 0 is the net's input
  const ParamDesc* params = nullptr;
  const NormDesc* norms = nullptr;
  const PathNode* paths = nullptr;
  const TapDesc* taps = nullptr;
  const int* outputs = nullptr;  ///< tensors
  int op_count = 0, tensor_count = 0, param_count = 0, norm_count = 0, path_count = 0,
      tap_count = 0, output_count = 0;

  /// "backbone/layer_3/expand": the names from the root to `path`.
  std::string path_name(int path) const {
    if (path < 0) return {};
    const PathNode& node = paths[path];
    std::string text = path_name(node.parent);
    if (!text.empty()) text += '/';
    text += node.name;
    if (node.index > 0) text += '_' + std::to_string(node.index);
    return text;
  }
  /// "backbone/layer_3/expand/weight": unique in the net, the name in files.
  std::string param_name(int param) const {
    return path_name(params[param].path) + '/' + name(params[param].kind);
  }
};

/// Multiply-adds counted as 2, of one picture's forward; convolutions only.
constexpr long flops(const GraphView& graph) {
  long total = 0;
  for (int i = 0; i < graph.op_count; ++i) {
    const OpDesc& op = graph.ops[i];
    const Shape& in = graph.tensors[op.inputs[0]].shape;
    const Shape& out = graph.tensors[op.output].shape;
    const long taps = long(op.window.kernel_height) * op.window.kernel_width;
    if (op.kind == OpKind::conv2d) total += 2 * out.size() * taps * in.channels;
    if (op.kind == OpKind::depthwise_conv2d) total += 2 * out.size() * taps;
  }
  return total;
}

/// Trainable numbers, batch norm's moving statistics not counted.
constexpr long parameters(const GraphView& graph) {
  long total = 0;
  for (int i = 0; i < graph.param_count; ++i) total += graph.params[i].size();
  return total;
}

}  // namespace ocelli
