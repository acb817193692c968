// conv2d on the reference: by hand, gradients, edges.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/op/conv2d.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "support/gradient_check.hpp"
#include "support/op_case.hpp"

namespace {
using namespace ocelli;
using namespace ocelli::test;

ReferenceBackend<double> loops;

/// A picture of one channel with the values 1, 2, 3 ... and a kernel of ones, in one picture.
OpCase<double>& counting(OpCase<double>& made) {
  for (std::size_t i = 0; i < made.in[0].size(); ++i) made.in[0][i] = double(i + 1);
  for (double& w : made.weight.span()) w = 1;
  return made;
}
double forward_error(OpCase<double>& made, const std::vector<double>& want) {
  loops.forward(made.call);
  return difference(made.out, buffer_of(want));
}
}  // namespace

TEST_CASE("conv2d: by hand") {
  SUBCASE("3x3 window with SAME padding") {
    OpCase<double> made(conv2d_spec(1, {3, 3, 1}, 1, 3));
    CHECK(forward_error(counting(made), {12, 21, 16, 27, 45, 33, 24, 39, 28}) == 0);
  }
  SUBCASE("stride 2 on an even picture: SAME pads below and right, symmetric all around") {
    OpCase<double> same(conv2d_spec(1, {4, 4, 1}, 1, 3, 2));
    CHECK(forward_error(counting(same), {54, 45, 72, 54}) == 0);
    OpCase<double> symmetric(conv2d_spec(1, {4, 4, 1}, 1, 3, 2, 1));
    CHECK(forward_error(counting(symmetric), {14, 30, 57, 99}) == 0);
  }
  SUBCASE("dilation 2, no padding") {
    OpCase<double> made(conv2d_spec(1, {5, 5, 1}, 1, 3, 1, 0, 2));
    CHECK(forward_error(counting(made), {1 + 3 + 5 + 11 + 13 + 15 + 21 + 23 + 25}) == 0);
  }
  SUBCASE("channels mix; backward") {
    OpCase<double> made(conv2d_spec(1, {1, 1, 2}, 2, 1, 1, kSame, 1, true));
    assign(made.in[0], {2, 3});
    assign(made.weight, {1, 10, 100, 1000});
    assign(made.bias, {0.5, -1});
    CHECK(forward_error(made, {302.5, 3019}) == 0);
    assign(made.dout, {1, 2});
    made.dweight.zero();
    assign(made.dbias, {10, 20});
    loops.backward(made.call);
    CHECK(difference(made.dweight, buffer_of({2, 4, 3, 6})) == 0);
    CHECK(difference(made.dbias, buffer_of({11, 22})) == 0);
    CHECK(difference(made.din[0], buffer_of({21, 2100})) == 0);
  }
  SUBCASE("pictures of a batch do not mix") {
    OpCase<double> made(conv2d_spec(2, {2, 1, 1}, 1, 3));
    CHECK(forward_error(counting(made), {3, 3, 7, 7}) == 0);
  }
  SUBCASE("padding is 0 after the transform of a deferred operand") {
    OpSpec spec = conv2d_spec(1, {3, 3, 1}, 1, 3);
    spec.deferred = Activation::none;
    OpCase<double> made(spec);
    counting(made);
    assign(made.scale[0], {0});
    assign(made.shift[0], {1});
    CHECK(forward_error(made, {4, 6, 4, 6, 9, 6, 4, 6, 4}) == 0);
  }
  SUBCASE("epilogue") {
    OpSpec spec = conv2d_spec(1, {1, 3, 1}, 1, 1, 1, kSame, 1, true);
    spec.epilogue = Activation::relu6;
    OpCase<double> made(spec);
    assign(made.in[0], {-3, 2, 9});
    assign(made.weight, {1});
    assign(made.bias, {1});
    CHECK(forward_error(made, {0, 3, 6}) == 0);
  }
}

TEST_CASE("conv2d: gradients") {
  const OpSpec specs[] = {
      conv2d_spec(2, {5, 4, 3}, 2, 3),
      conv2d_spec(2, {5, 4, 3}, 4, 1, 1, kSame, 1, true),
      conv2d_spec(1, {6, 6, 2}, 3, 3, 2),
      conv2d_spec(1, {6, 5, 2}, 3, 3, 2, 1, 1, true),
      conv2d_spec(1, {7, 7, 1}, 2, 3, 1, kSame, 2),
      conv2d_spec(1, {7, 6, 2}, 1, 3, 2, 2, 2),
      conv2d_spec(1, {7, 7, 2}, 2, 7, 2, 3),
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

TEST_CASE("conv2d: edges") {
  // One pixel, a window beyond the picture, strides that skip pixels, windows that are not square,
  // a window of the whole picture (a fully connected layer).
  const OpSpec specs[] = {
      conv2d_spec(1, {1, 1, 3}, 2, 3),    conv2d_spec(1, {1, 1, 2}, 2, 3, 2),
      conv2d_spec(2, {3, 2, 2}, 2, 5),    conv2d_spec(1, {2, 2, 1}, 1, 3, 1, kSame, 3),
      conv2d_spec(1, {7, 8, 2}, 2, 1, 3), conv2d_spec(1, {7, 8, 2}, 2, 2, 3, 0),
      conv2d_spec(1, {1, 9, 2}, 2, 3, 2), conv2d_spec(2, {3, 3, 2}, 4, 3, 1, 0, 1, true),
  };
  for (const OpSpec& spec : specs) check_gradients(spec);

  OpSpec oblong = window_spec(OpKind::conv2d, 2, {4, 5, 2}, 3, 1, 3, 1, kSame, 1);
  oblong.weights = 1 * 3 * 2 * 3;
  check_gradients(oblong);

  // Of a window beyond a picture of one pixel only the middle tap counts.
  OpCase<double> pixel(conv2d_spec(1, {1, 1, 1}, 1, 5));
  loops.forward(pixel.call);
  CHECK(pixel.out[0] == pixel.weight[12] * pixel.in[0][0]);
}

TEST_CASE("conv2d: geometry") {
  const OpSpec spec = conv2d_spec(1, {8, 6, 3}, 5, 3, 2);
  const Conv2dGeometry g = conv2d_geometry(spec.op, spec.in[0], spec.out);
  CHECK(g.out_pixels() == 4 * 3);
  CHECK(g.weights() == 3 * 3 * 3 * 5);
  CHECK(g.flops() == 2L * 4 * 3 * 5 * 3 * 3 * 3);
  CHECK_FALSE(g.pointwise());
  const OpSpec point = conv2d_spec(1, {8, 6, 3}, 5, 1), skips = conv2d_spec(1, {8, 6, 3}, 5, 1, 2);
  CHECK(conv2d_geometry(point.op, point.in[0], point.out).pointwise());
  CHECK_FALSE(conv2d_geometry(skips.op, skips.in[0], skips.out).pointwise());
}
