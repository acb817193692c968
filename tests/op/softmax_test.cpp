// softmax on the reference: by hand, gradients, far arguments.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/op/softmax.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "support/gradient_check.hpp"
#include "support/op_case.hpp"

namespace {
using namespace ocelli;
using namespace ocelli::test;

ReferenceBackend<double> loops;
}  // namespace

TEST_CASE("softmax: by hand") {
  OpCase<double> made(elementwise_spec(OpKind::softmax, 1, {1, 2, 2}));
  const double log3 = std::log(3.0);
  assign(made.in[0], {0, log3, 5, 5});
  loops.forward(made.call);
  CHECK(difference(made.out, buffer_of({0.25, 0.75, 0.5, 0.5})) < 1e-15);
  assign(made.dout, {4, 0, 1, 1});
  loops.backward(made.call);
  CHECK(difference(made.din[0], buffer_of({0.75, -0.75, 0, 0})) < 1e-15);
}

TEST_CASE("softmax: gradients") {
  for (const Shape shape : {Shape{2, 3, 4}, Shape{1, 1, 7}, Shape{2, 2, 1}}) {
    OpSpec spec = elementwise_spec(OpKind::softmax, 2, shape);
    check_gradients(spec);
    spec.accumulate = true;
    spec.deferred = Activation::swish;
    check_gradients(spec);
  }
}

TEST_CASE("softmax: far arguments, one channel, NaN") {
  OpCase<float> far(elementwise_spec(OpKind::softmax, 1, {1, 1, 3}));
  assign(far.in[0], {1000, 999, -1000});
  ReferenceBackend<float>().forward(far.call);
  CHECK(far.out[0] == doctest::Approx(1 / (1 + std::exp(-1.0))).epsilon(1e-6));
  CHECK(far.out[2] == 0);

  OpCase<double> one(elementwise_spec(OpKind::softmax, 1, {2, 2, 1}));
  loops.forward(one.call);
  for (const double y : one.out.span()) CHECK(y == 1);

  for (std::size_t at = 0; at < 3; ++at) {
    OpCase<double> bad(elementwise_spec(OpKind::softmax, 1, {1, 1, 3}));
    bad.in[0][at] = std::nan("");
    loops.forward(bad.call);
    for (const double y : bad.out.span()) CHECK(std::isnan(y));
  }
}

TEST_CASE("softmax: din may be dout, out may be the input") {
  const OpSpec spec = elementwise_spec(OpKind::softmax, 2, {2, 2, 5});
  OpCase<double> apart(spec), shared(spec);
  shared.call.out = shared.in[0].data();
  shared.call.din[0] = shared.dout.data();
  for (OpCase<double>* each : {&apart, &shared}) {
    loops.forward(each->call);
    loops.backward(each->call);
  }
  CHECK(difference(shared.in[0], apart.out) == 0);
  CHECK(difference(shared.dout, apart.din[0]) == 0);
}
