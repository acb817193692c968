// ReferenceBackend: sends each kind to its loops, allocates nothing, and means the same in float.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/reference/backend.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "support/counting_allocator.hpp"
#include "support/op_case.hpp"

namespace {
using namespace ocelli;
using namespace ocelli::test;

std::vector<OpSpec> one_of_each() {
  const Shape x{6, 5, 3};
  OpSpec dropout = elementwise_spec(OpKind::dropout, 2, x);
  dropout.op.keep = 0.75f;
  return {
      conv2d_spec(2, x, 4, 3, 2, kSame, 1, true),
      depthwise_conv2d_spec(2, x, 3),
      batch_norm_spec(2, x, Activation::relu6),
      elementwise_spec(OpKind::activation, 2, x, Activation::swish),
      pool_spec(OpKind::max_pool, 2, x, 3, 2),
      pool_spec(OpKind::average_pool, 2, x, 3, 2),
      elementwise_spec(OpKind::add, 2, x, Activation::relu, 3),
      concat_spec(2, {x, {6, 5, 2}}, {6, 5, 5}),
      elementwise_spec(OpKind::softmax, 2, x),
      dropout,
  };
}
}  // namespace

TEST_CASE("backend: runs each kind, in float as in double, and allocates nothing") {
  ThreadPool pool(1);
  ReferenceBackend<float> in_float(pool);
  ReferenceBackend<double> in_double;
  int kind = 0;
  for (const OpSpec& spec : one_of_each()) {
    CAPTURE(name(spec.op.kind));
    REQUIRE(spec.op.kind == static_cast<OpKind>(kind++));
    CHECK(ReferenceBackend<float>::native(spec.op));
    OpCase<float> got(spec);
    OpCase<double> want(spec);
    in_float.reserve(got.call);
    const AllocationCount count;
    in_float.forward(got.call);
    in_float.backward(got.call);
    CHECK(count.so_far() == 0);
    in_double.forward(want.call);
    in_double.backward(want.call);
    // The longest sums have 60 terms of order 1 (the gradients of 60 pixels), each rounded to
    // 2^-24 of a partial sum below 60: 60 * 60 * 2^-24 = 2e-4 at the very worst, and the square
    // root of the number of roundings in its place, 60^1.5 * 2^-24 = 3e-5, is what to expect.
    const double tolerance = 3e-5;
    CHECK(difference(got.out, want.out) < tolerance);
    for (int k = 0; k < spec.op.input_count; ++k)
      CHECK(difference(got.din[k], want.din[k]) < tolerance);
    CHECK(difference(got.dweight, want.dweight) < tolerance);
    CHECK(difference(got.dbias, want.dbias) < tolerance);
    CHECK(difference(got.batch_norm, want.batch_norm) < tolerance);
    CHECK(difference(got.moving_mean, want.moving_mean) < tolerance);
    CHECK(difference(got.moving_variance, want.moving_variance) < tolerance);
  }
  CHECK(kind == 10);
}
