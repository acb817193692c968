// concat on the reference: both variants by hand, gradients, edges.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/op/concat.hpp"

#include <doctest/doctest.h>

#include "support/gradient_check.hpp"
#include "support/op_case.hpp"

namespace {
using namespace ocelli;
using namespace ocelli::test;

ReferenceBackend<double> loops;
}  // namespace

TEST_CASE("concat: channels by hand") {
  OpCase<double> made(concat_spec(2, {{1, 2, 1}, {1, 2, 2}}, {1, 2, 3}));
  assign(made.in[0], {1, 2, 3, 4});
  assign(made.in[1], {10, 11, 20, 21, 30, 31, 40, 41});
  loops.forward(made.call);
  CHECK(difference(made.out, buffer_of({1, 10, 11, 2, 20, 21, 3, 30, 31, 4, 40, 41})) == 0);
  assign(made.dout, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  loops.backward(made.call);
  CHECK(difference(made.din[0], buffer_of({1, 4, 7, 10})) == 0);
  CHECK(difference(made.din[1], buffer_of({2, 3, 5, 6, 8, 9, 11, 12})) == 0);
}

TEST_CASE("concat: flat by hand") {
  // Two maps of 2 and 1 pixels with 2 values each, joined as 3 rows of 2 values, for 2 pictures.
  OpCase<double> made(concat_spec(2, {{1, 2, 2}, {1, 1, 2}}, {1, 3, 2}));
  assign(made.in[0], {1, 2, 3, 4, 5, 6, 7, 8});
  assign(made.in[1], {10, 20, 30, 40});
  loops.forward(made.call);
  CHECK(difference(made.out, buffer_of({1, 2, 3, 4, 10, 20, 5, 6, 7, 8, 30, 40})) == 0);
  loops.backward(made.call);
  CHECK(made.din[0][4] == made.dout[6]);
  CHECK(made.din[1][2] == made.dout[10]);
}

TEST_CASE("concat: the variant follows from the shapes") {
  const Shape equal[] = {{4, 5, 2}, {4, 5, 7}};
  CHECK(joins_channels(equal, 2, {4, 5, 9}));
  CHECK_FALSE(joins_channels(equal, 2, {1, 1, 180}));
  const Shape maps[] = {{4, 5, 8}, {2, 3, 8}};
  CHECK_FALSE(joins_channels(maps, 2, {1, 52, 4}));
  // Where the two coincide the rows are the same.
  const Shape pixels[] = {{1, 1, 2}, {1, 1, 3}};
  const ConcatGeometry g = concat_geometry(pixels, 2, {1, 1, 5});
  CHECK(g.rows == 1);
  CHECK(g.out_row == 5);
  CHECK(g.row_length(pixels[1]) == pixels[1].size());
}

TEST_CASE("concat: gradients") {
  for (OpSpec spec :
       {concat_spec(2, {{2, 3, 1}, {2, 3, 3}, {2, 3, 2}}, {2, 3, 6}),
        concat_spec(2, {{2, 3, 4}, {2, 2, 4}, {1, 1, 4}}, {1, 11, 4}),
        concat_spec(2, {{2, 3, 4}, {1, 1, 2}}, {1, 1, 26}), concat_spec(1, {{3, 2, 2}}, {3, 2, 2}),
        concat_spec(3, {{1, 1, 1}, {1, 1, 1}}, {1, 1, 2}),
        concat_spec(1, std::vector<Shape>(kMaxInputs, {1, 2, 1}), {1, 2, kMaxInputs})}) {
    check_gradients(spec);
    spec.accumulate = true;
    check_gradients(spec);
    for (const Activation f : {Activation::none, Activation::relu6, Activation::swish}) {
      spec.deferred = f;
      check_gradients(spec);
    }
  }
}

TEST_CASE("concat: one unwanted gradient leaves the others") {
  const OpSpec spec = concat_spec(1, {{2, 2, 2}, {2, 2, 1}}, {2, 2, 3});
  OpCase<double> all(spec), second(spec);
  second.call.din[0] = nullptr;
  loops.backward(all.call);
  loops.backward(second.call);
  CHECK(difference(second.din[1], all.din[1]) == 0);
}
