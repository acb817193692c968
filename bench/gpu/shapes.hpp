// The convolutions and norms that the detectors are made of, read off their own graphs: each shape
// once, with how often the models have it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "ocelli/model/ssd.hpp"
#include "ocelli/net/graph.hpp"

namespace ocelli::gpu_bench {

/// One operation without its place in a net.
struct Shaped {
  OpDesc op;
  Shape in, out;
  std::vector<std::string> models;  ///< that have it, a model's name as often as it has it

  /// "conv 19x19x576 -> 19x19x96 k1 s1"
  std::string text() const {
    const auto of = [](const Shape& s) {
      return std::to_string(s.height) + "x" + std::to_string(s.width) + "x" +
             std::to_string(s.channels);
    };
    if (op.kind == OpKind::batch_norm) return "norm " + of(in);
    return (op.kind == OpKind::conv2d ? "conv " : "depthwise ") + of(in) + " -> " + of(out) + " k" +
           std::to_string(op.window.kernel_height) + " s" + std::to_string(op.window.stride);
  }
  bool pointwise() const {
    return op.kind == OpKind::conv2d && op.window.kernel_height == 1 &&
           op.window.kernel_width == 1 && op.window.stride == 1;
  }
  long weights() const {
    const long taps = long(op.window.kernel_height) * op.window.kernel_width;
    return taps * out.channels * (op.kind == OpKind::conv2d ? in.channels : 1);
  }
};

/// Adds the graph's operations of a kind to `all`.
inline void collect(
    const GraphView& graph, OpKind kind, const std::string& model, std::vector<Shaped>& all) {
  for (int i = 0; i < graph.op_count; ++i) {
    const OpDesc& op = graph.ops[i];
    if (op.kind != kind) continue;
    Shaped one{op, graph.tensors[op.inputs[0]].shape, graph.tensors[op.output].shape, {model}};
    const auto same = std::find_if(all.begin(), all.end(), [&](const Shaped& other) {
      return other.text() == one.text() && (other.op.bias >= 0) == (op.bias >= 0) &&
             other.op.activation == op.activation;
    });
    if (same == all.end())
      all.push_back(one);
    else
      same->models.push_back(model);
  }
}

/// The models of the bench, at 300 x 300 with 90 classes.
template <class F>
void for_each_model(F&& visit) {
  using In = Input<3, 300, 300>;
  visit("ssd-mobilenet-v1", Ssd<MobileNetV1, In, Classes<90>>().spec().model);
  visit("ssd-mobilenet-v2", Ssd<MobileNetV2, In, Classes<90>>().spec().model);
  visit("ssdlite-mobilenet-v2", SsdLite<MobileNetV2, In, Classes<90>>().spec().model);
}

/// Every operation of a kind in the three models.
inline std::vector<Shaped> shapes_of(OpKind kind) {
  std::vector<Shaped> all;
  for_each_model(
      [&](const char* name, const ModelView& model) { collect(model.graph, kind, name, all); });
  return all;
}

}  // namespace ocelli::gpu_bench
