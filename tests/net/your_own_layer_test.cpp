// The layers that docs/adding_a_layer.md shows: the page is cut from here.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "ocelli/net/model.hpp"

// A layer that is made of other layers needs no code at all.
template <int Out, int Stride = 1>
using Separable = ocelli::Sequential<
    ocelli::DepthwiseConv<3, Stride>, ocelli::BatchNorm, ocelli::Relu6,  // each channel by itself
    ocelli::Conv<Out, 1>, ocelli::BatchNorm, ocelli::Relu6>;             // each pixel by itself

// A layer that must look at its input emits the operation itself: here, twice as many channels.
template <int Kernel = 3>
struct Widen {
  static_assert(Kernel >= 1, "Widen: the kernel must be at least 1");

  static constexpr ocelli::TensorId emit(ocelli::Builder& net, ocelli::TensorId x) {
    net.enter("widen");  // the name in parameter names and in messages
    const ocelli::Shape in = net.shape(x);

    ocelli::OpDesc op;
    op.kind = ocelli::OpKind::conv2d;
    op.inputs[0] = x;
    op.input_count = 1;
    ocelli::Shape out{0, 0, 2 * in.channels};
    op.window = ocelli::detail::window_of(in, Kernel, Kernel, 1, 1, ocelli::Same::padding, out);
    op.weight = net.param(
        {.kind = ocelli::ParamKind::weight,
         .dims = {Kernel, Kernel, in.channels, out.channels},
         .decay = true,
         .init = ocelli::InitKind::truncated_normal});
    const ocelli::TensorId y = net.op(op, out);
    net.leave();
    return y;
  }
};

using Tiny = ocelli::Sequential<Separable<8, 2>, ocelli::Repeat<2, Widen<1>>, ocelli::GlobalPool>;

TEST_CASE("a layer of your own: shapes and parameters are what the page says") {
  const ocelli::Model<Tiny, ocelli::Input<3, 32, 32>, ocelli::Classes<2>> model;
  const ocelli::GraphView& graph = model.view().graph;
  const int last = graph.outputs[0];
  CHECK(graph.tensors[last].shape == ocelli::Shape{1, 1, 32});
  long weights = 0;
  for (int p = 0; p < graph.param_count; ++p) {
    if (graph.params[p].decay) weights += graph.params[p].size();
  }
  CHECK(weights == 3 * 3 * 3 + 3 * 8 + 8 * 16 + 16 * 32);
}
