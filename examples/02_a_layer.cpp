// Lesson 2: one layer: its shape, its parameters and its cost, known to the compiler.
//
// A layer is a type. Put into a Model with an input, it becomes a value: operations, tensors and
// parameters with their shapes. Nothing is computed yet.
//
// Output:
//   a 3 x 3 convolution of stride 2 turns [300,300,3] into [150,150,32]
//   it has 864 weights and costs 38.9 MFLOP a picture
//   its weight is called conv/weight and is [3,3,3,32]
// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "ocelli/net/model.hpp"

using Layer = ocelli::Conv<32, 3, 2>;  // 32 channels, 3 x 3, stride 2, SAME padding
using Net = ocelli::Model<Layer, ocelli::Input<3, 300, 300>>;

// The compiler can be asked, and a program that relies on a number can say so.
static_assert(Net::parameters() == 3 * 3 * 3 * 32);

int main() {
  const Net net;
  const ocelli::GraphView graph = net.view().graph;
  const ocelli::Shape in = graph.tensors[0].shape;
  const ocelli::Shape out = graph.tensors[graph.outputs[0]].shape;
  std::printf(
      "a 3 x 3 convolution of stride 2 turns [%d,%d,%d] into [%d,%d,%d]\n", in.height, in.width,
      in.channels, out.height, out.width, out.channels);
  std::printf(
      "it has %ld weights and costs %.1f MFLOP a picture\n", Net::parameters(),
      1e-6 * static_cast<double>(Net::flops()));
  const ocelli::ParamDesc& weight = graph.params[0];
  std::printf(
      "its weight is called %s and is [%d,%d,%d,%d]\n", graph.param_name(0).c_str(), weight.dims[0],
      weight.dims[1], weight.dims[2], weight.dims[3]);
}
