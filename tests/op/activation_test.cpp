// activation on the reference: by hand, gradients, corners.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/op/activation.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <memory>

#include "support/gradient_check.hpp"
#include "support/op_case.hpp"

namespace {
using namespace ocelli;
using namespace ocelli::test;

ReferenceBackend<double> loops;

constexpr Activation kAll[] = {
    Activation::none, Activation::relu, Activation::relu6, Activation::swish, Activation::sigmoid};
}  // namespace

TEST_CASE("activation: by hand") {
  const auto run = [](Activation f) {
    auto made =
        std::make_unique<OpCase<double>>(elementwise_spec(OpKind::activation, 1, {1, 4, 1}, f));
    assign(made->in[0], {-2, 0, 3, 7});
    loops.forward(made->call);
    return made;
  };
  CHECK(difference(run(Activation::none)->out, buffer_of({-2, 0, 3, 7})) == 0);
  CHECK(difference(run(Activation::relu)->out, buffer_of({0, 0, 3, 7})) == 0);
  CHECK(difference(run(Activation::relu6)->out, buffer_of({0, 0, 3, 6})) == 0);
  // 1 / (1 + e^2), 1 / 2, 1 / (1 + e^-3), 1 / (1 + e^-7)
  const double s[] = {0.11920292202211755, 0.5, 0.9525741268224334, 0.9990889488055994};
  CHECK(difference(run(Activation::sigmoid)->out, buffer_of({s[0], s[1], s[2], s[3]})) < 1e-15);
  CHECK(
      difference(run(Activation::swish)->out, buffer_of({-2 * s[0], 0, 3 * s[2], 7 * s[3]})) <
      1e-15);
}

TEST_CASE("activation: gradients") {
  for (const Activation f : kAll) {
    OpSpec spec = elementwise_spec(OpKind::activation, 2, {3, 3, 2}, f);
    spec.deviation = 4;
    check_gradients(spec);
    spec.accumulate = true;
    spec.deferred = Activation::swish;
    check_gradients(spec);
  }
}

TEST_CASE("activation: the corners have slope 0") {
  CHECK(activation_slope(Activation::relu, 0.0) == 0);
  CHECK(activation_slope(Activation::relu6, 0.0) == 0);
  CHECK(activation_slope(Activation::relu6, 6.0) == 0);
}

TEST_CASE("activation: the slope from the output is the slope from the input") {
  for (const Activation f : kAll) {
    if (!slope_from_output(f)) continue;
    for (const double x : {-9.0, -0.5, 0.0, 0.25, 5.5, 6.0, 8.0}) {
      CAPTURE(name(f));
      CAPTURE(x);
      CHECK(activation_slope_at_output(f, activate(f, x)) == activation_slope(f, x));
    }
  }
  CHECK_FALSE(slope_from_output(Activation::swish));
}

TEST_CASE("activation: din may be dout, out may be the input") {
  for (const Activation f : kAll) {
    OpCase<double> apart(elementwise_spec(OpKind::activation, 1, {2, 2, 3}, f)), shared(apart.spec);
    shared.call.din[0] = shared.dout.data();
    for (OpCase<double>* each : {&apart, &shared}) {
      loops.forward(each->call);
      loops.backward(each->call);
    }
    CHECK(difference(shared.dout, apart.din[0]) == 0);
    shared.call.out = shared.in[0].data();
    loops.forward(shared.call);
    CHECK(difference(shared.in[0], apart.out) == 0);
  }
}

TEST_CASE("activation: far arguments and NaN") {
  CHECK(sigmoid(-1000.0f) == 0.0f);
  CHECK(sigmoid(1000.0f) == 1.0f);
  CHECK(activate(Activation::swish, -1000.0f) == 0.0f);
  CHECK(activation_slope(Activation::swish, 1000.0f) == 1.0f);
  for (const Activation f : kAll) {
    CAPTURE(name(f));
    CHECK(std::isnan(activate(f, std::numeric_limits<float>::quiet_NaN())));
  }
}
