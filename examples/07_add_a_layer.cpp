// Lesson 7: a layer of your own.
//
// A layer is any type with `static constexpr TensorId emit(Builder&, TensorId)`. It looks at its
// input's shape, may ask for parameters, and adds operations. This one is made of other layers and
// gives the result a name; docs/adding_a_layer.md has one that adds an operation itself.
//
// Output:
//   pyramid: [64,64,16] -> [64,64,24]
//   pyramid/conv/weight 16 x 8
//   pyramid/conv_1/weight 16 x 8
//   pyramid/conv_2/weight 16 x 8
// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "ocelli/net/model.hpp"

using namespace ocelli;

/// Sees each place at three scales: means of growing windows, each brought to Out channels, joined.
template <int Out>
struct Pyramid {
  static_assert(Out >= 1, "Pyramid: at least one channel a scale");
  static constexpr TensorId emit(Builder& net, TensorId x) {
    net.enter("pyramid");  // the name in parameter names and messages
    x = Concat<
        Conv<Out, 1>, Sequential<AveragePool<3, 1>, Conv<Out, 1>>,
        Sequential<AveragePool<5, 1>, Conv<Out, 1>>>::emit(net, x);
    net.leave();
    return x;
  }
};

int main() {
  const Model<Pyramid<8>, Input<16, 64, 64>> model;
  const GraphView graph = model.view().graph;
  const Shape in = graph.tensors[0].shape, out = graph.tensors[graph.outputs[0]].shape;
  std::printf(
      "pyramid: [%d,%d,%d] -> [%d,%d,%d]\n", in.height, in.width, in.channels, out.height,
      out.width, out.channels);
  for (int p = 0; p < graph.param_count; ++p)
    std::printf(
        "%s %d x %d\n", graph.param_name(p).c_str(), graph.params[p].dims[2],
        graph.params[p].dims[3]);
}
