// depthwise_conv2d on the reference: by hand, gradients, edges.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/op/depthwise_conv2d.hpp"

#include <doctest/doctest.h>

#include "support/gradient_check.hpp"
#include "support/op_case.hpp"

namespace {
using namespace ocelli;
using namespace ocelli::test;

ReferenceBackend<double> loops;
}  // namespace

TEST_CASE("depthwise_conv2d: by hand") {
  SUBCASE("two channels, each with its own window") {
    OpCase<double> made(depthwise_conv2d_spec(1, {3, 3, 2}, 3));
    for (std::size_t i = 0; i < 9; ++i) {
      made.in[0][2 * i] = double(i + 1);
      made.in[0][2 * i + 1] = 1;
      made.weight[2 * i] = 1;
      made.weight[2 * i + 1] = i == 4 ? 10 : 0;
    }
    loops.forward(made.call);
    CHECK(
        difference(
            made.out,
            buffer_of({12, 10, 21, 10, 16, 10, 27, 10, 45, 10, 33, 10, 24, 10, 39, 10, 28, 10})) ==
        0);
  }
  SUBCASE("backward of one pixel") {
    OpCase<double> made(depthwise_conv2d_spec(1, {1, 1, 2}, 1, 1, kSame, 1, true));
    assign(made.in[0], {2, 3});
    assign(made.weight, {5, 7});
    assign(made.bias, {1, 1});
    assign(made.dout, {10, 100});
    made.dweight.zero();
    assign(made.dbias, {1, 2});
    loops.forward(made.call);
    CHECK(difference(made.out, buffer_of({11, 22})) == 0);
    loops.backward(made.call);
    CHECK(difference(made.dweight, buffer_of({20, 300})) == 0);
    CHECK(difference(made.dbias, buffer_of({11, 102})) == 0);
    CHECK(difference(made.din[0], buffer_of({50, 700})) == 0);
  }
  SUBCASE("padding is 0 after the transform of a deferred operand") {
    OpSpec spec = depthwise_conv2d_spec(1, {2, 2, 1}, 3);
    spec.deferred = Activation::sigmoid;  // 0.5 where scale and shift are 0
    OpCase<double> made(spec);
    made.scale[0].zero();
    made.shift[0].zero();
    for (double& w : made.weight.span()) w = 1;
    loops.forward(made.call);
    CHECK(difference(made.out, buffer_of({2, 2, 2, 2})) == 0);
  }
  SUBCASE("epilogue") {
    OpSpec spec = depthwise_conv2d_spec(1, {1, 1, 3}, 1, 1, kSame, 1, true);
    spec.epilogue = Activation::relu6;
    OpCase<double> made(spec);
    assign(made.in[0], {-3, 2, 9});
    assign(made.weight, {1, 1, 1});
    assign(made.bias, {1, 1, 1});
    loops.forward(made.call);
    CHECK(difference(made.out, buffer_of({0, 3, 6})) == 0);
  }
}

TEST_CASE("depthwise_conv2d: is conv2d with a diagonal weight") {
  for (const int stride : {1, 2})
    for (const int dilation : {1, 2}) {
      const int C = 3;
      OpCase<double> made(depthwise_conv2d_spec(2, {6, 5, C}, 3, stride, kSame, dilation));
      OpCase<double> dense(conv2d_spec(2, {6, 5, C}, C, 3, stride, kSame, dilation));
      dense.weight.zero();
      for (std::size_t tap = 0; tap < 9; ++tap)
        for (std::size_t c = 0; c < C; ++c)
          dense.weight[(tap * C + c) * C + c] = made.weight[tap * C + c];
      std::copy_n(made.in[0].data(), made.in[0].size(), dense.in[0].data());
      std::copy_n(made.dout.data(), made.dout.size(), dense.dout.data());
      for (OpCase<double>* each : {&made, &dense}) {
        loops.forward(each->call);
        loops.backward(each->call);
      }
      CHECK(difference(made.out, dense.out) < 1e-14);  // 9 terms of order 1
      CHECK(difference(made.din[0], dense.din[0]) < 1e-14);
    }
}

TEST_CASE("depthwise_conv2d: gradients") {
  const OpSpec specs[] = {
      depthwise_conv2d_spec(2, {5, 4, 3}, 3),
      depthwise_conv2d_spec(1, {6, 6, 2}, 3, 2),
      depthwise_conv2d_spec(1, {6, 5, 2}, 3, 2, 1, 1, true),
      depthwise_conv2d_spec(1, {7, 7, 1}, 3, 1, kSame, 2),
      depthwise_conv2d_spec(1, {8, 7, 2}, 5, 2),
  };
  for (OpSpec spec : specs) {
    check_gradients(spec);
    spec.accumulate = true;
    check_gradients(spec);
    for (const Activation f :
         {Activation::none, Activation::relu, Activation::relu6, Activation::swish,
          Activation::sigmoid}) {
      spec.deferred = f;
      check_gradients(spec);
    }
  }
  OpSpec frozen = specs[0];
  frozen.frozen = true;
  check_gradients(frozen);
}

TEST_CASE("depthwise_conv2d: edges") {
  const OpSpec specs[] = {
      depthwise_conv2d_spec(1, {1, 1, 3}, 3),       depthwise_conv2d_spec(1, {1, 1, 2}, 3, 2),
      depthwise_conv2d_spec(2, {3, 2, 2}, 7),       depthwise_conv2d_spec(1, {7, 8, 2}, 1, 3),
      depthwise_conv2d_spec(1, {7, 8, 2}, 2, 3, 0), depthwise_conv2d_spec(1, {9, 1, 1}, 3, 2),
  };
  for (const OpSpec& spec : specs) check_gradients(spec);
}
