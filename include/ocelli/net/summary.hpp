// summary: a model as a table: layers, shapes, parameters, FLOPs, who runs each operation, memory.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <string>

#include "ocelli/net/executor.hpp"
#include "ocelli/net/model.hpp"

namespace ocelli {

/// One row an operation, then the totals and the memory plan for `batch` pictures.
/// @tparam B     the backend that would run it; its `native` tells operations without a fast
/// version
/// @param title  the model's name
template <class B>
std::string summary(const ModelView& model, const std::string& title, int batch) {
  const GraphView& graph = model.graph;
  const auto format = [](const char* pattern, auto... values) {
    char line[256];
    std::snprintf(line, sizeof line, pattern, values...);
    return std::string(line);
  };
  const auto mebibytes = [](long floats) { return static_cast<double>(floats) * 4.0 / 1048576.0; };
  std::string text = title + "\n";
  text += format(
      "%4s  %-18s %-44s %16s %12s %12s  %s\n", "op", "kind", "layer", "output", "parameters",
      "MFLOP", "notes");
  int slow = 0;
  for (int i = 0; i < graph.op_count; ++i) {
    const OpDesc& op = graph.ops[i];
    const Shape out = graph.tensors[op.output].shape;
    const Shape in = graph.tensors[op.inputs[0]].shape;
    long params = 0;
    if (op.weight >= 0) params += graph.params[op.weight].size();
    if (op.bias >= 0) params += graph.params[op.bias].size();
    const long taps = long(op.window.kernel_height) * op.window.kernel_width;
    double mflop = 0;
    if (op.kind == OpKind::conv2d)
      mflop = 2e-6 * static_cast<double>(out.size() * taps * in.channels);
    if (op.kind == OpKind::depthwise_conv2d) mflop = 2e-6 * static_cast<double>(out.size() * taps);
    std::string notes;
    if (op.activation != Activation::none) notes += std::string(name(op.activation)) + " ";
    if (model.train.tensors[op.output].norm_op >= 0) notes += "deferred ";
    if (model.infer.ops != nullptr && !model.infer.ops[i].forward) notes += "folded ";
    if (!B::native(op)) {
      notes += "reference ";
      ++slow;
    }
    const std::string shape = std::to_string(out.height) + "x" + std::to_string(out.width) + "x" +
                              std::to_string(out.channels);
    text += format(
        "%4d  %-18s %-44s %16s %12ld %12.3f  %s\n", i, name(op.kind),
        graph.path_name(op.path).c_str(), shape.c_str(), params, mflop, notes.c_str());
  }
  const double gflop = 1e-9 * static_cast<double>(flops(graph));
  text += format(
      "parameters %ld, forward %.3f GFLOP a picture (%.3f GMAC), %d operations\n",
      parameters(graph), gflop, gflop / 2, graph.op_count);
  text += format(
      "training step of %d pictures: activations and gradients %.1f MiB, weights, gradient and two "
      "slots %.1f MiB\n",
      batch, mebibytes(model.train.arena_floats * batch), mebibytes(model.layout.param_floats * 4));
  text += format(
      "inference of one picture: activations %.1f MiB, weights %.1f MiB\n",
      mebibytes(model.infer.arena_floats), mebibytes(model.layout.param_floats));
  text += slow == 0 ? std::string("every operation has a fast version\n")
                    : std::to_string(slow) + " operations run on the reference\n";
  return text;
}

}  // namespace ocelli
