// batch_norm on the reference: by hand, gradients, as published, edges.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/op/batch_norm.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "support/gradient_check.hpp"
#include "support/op_case.hpp"
#include "support/vectors.hpp"

namespace {
using namespace ocelli;
using namespace ocelli::test;

ReferenceBackend<double> loops;

constexpr Activation kActivations[] = {
    Activation::none, Activation::relu, Activation::relu6, Activation::swish, Activation::sigmoid};
}  // namespace

TEST_CASE("batch_norm: by hand") {
  OpSpec spec = batch_norm_spec(2, {1, 1, 2}, Activation::relu);
  spec.norm = {0.9, 0.0};
  OpCase<double> made(spec);
  assign(made.in[0], {1, 10, 3, 10.5});  // channel 0: 1, 3; channel 1: 10, 10.5
  assign(made.weight, {2, 4});
  assign(made.bias, {0.5, 5});
  assign(made.moving_mean, {0, 0});
  assign(made.moving_variance, {1, 1});
  loops.forward(made.call);
  CHECK(difference(made.out, buffer_of({0, 1, 2.5, 9})) < 1e-12);
  // mean, 1 / deviation, scale, shift; the shift of channel 1 is 5 - 10.25 * 16
  CHECK(difference(made.batch_norm, buffer_of({2, 10.25, 1, 4, 2, 16, -3.5, -159})) < 1e-12);
  // Unbiased variances: 2 and 0.125.
  CHECK(difference(made.moving_mean, buffer_of({0.2, 1.025})) < 1e-15);
  CHECK(difference(made.moving_variance, buffer_of({1.1, 0.9125})) < 1e-15);
}

TEST_CASE("batch_norm: gradients") {
  for (const Activation f : kActivations)
    for (const bool stored : {false, true})
      for (const bool deferred_output : {false, true}) {
        CAPTURE(stored);
        CAPTURE(deferred_output);
        OpSpec spec = batch_norm_spec(3, {2, 3, 2}, f);
        spec.op.stored_statistics = stored;
        spec.deferred_output = deferred_output;
        check_gradients(spec);
        spec.accumulate = true;
        check_gradients(spec);
        spec.deviation = 4;  // far enough to pass relu6's upper corner
        check_gradients(spec);
      }
  for (const bool gamma : {false, true})
    for (const bool beta : {false, true})
      check_gradients(batch_norm_spec(2, {3, 3, 2}, Activation::relu6, gamma, beta));
  OpSpec read = batch_norm_spec(2, {2, 3, 2}, Activation::swish);
  read.deferred = Activation::relu6;
  check_gradients(read);
  read.frozen = true;
  check_gradients(read);
}

TEST_CASE("batch_norm: as published") {
  const auto v = vectors("batch_norm");
  const auto list = [](const nlohmann::json& values) {
    return buffer_of(values.get<std::vector<double>>());
  };
  OpSpec spec = batch_norm_spec(2, {2, 2, 1});
  spec.norm = {v["moving"]["decay"], v["epsilon"]};
  const auto prepare = [&](OpCase<double>& made) {
    assign(made.in[0], v["x"]);
    assign(made.weight, {v["gamma"].get<double>()});
    assign(made.bias, {v["beta"].get<double>()});
  };
  // The values are of order 1 to 10 and computed in double; 1e-13 covers a few roundings each.
  const double tolerance = 1e-13;
  for (const bool deferred_output : {false, true}) {
    CAPTURE(deferred_output);
    spec.deferred_output = deferred_output;
    spec.mode = Mode::train;
    OpCase<double> made(spec);
    prepare(made);
    assign(made.moving_mean, {v["moving"]["mean_before"].get<double>()});
    assign(made.moving_variance, {v["moving"]["variance_before"].get<double>()});
    loops.forward(made.call);
    const std::vector<double> y = v["y"];
    for (std::size_t i = 0; i < y.size(); ++i)
      CHECK(std::abs(made.value(static_cast<long>(i)) - y[i]) < tolerance);
    CHECK(std::abs(made.batch_norm[0] - v["mean"].get<double>()) < tolerance);
    const double variance = v["biased_variance"], epsilon = v["epsilon"];
    CHECK(std::abs(made.batch_norm[1] - 1 / std::sqrt(variance + epsilon)) < tolerance);
    CHECK(std::abs(made.moving_mean[0] - v["moving"]["mean_after"].get<double>()) < 1e-18);
    CHECK(std::abs(made.moving_variance[0] - v["moving"]["variance_after"].get<double>()) < 1e-15);

    assign(made.dout, v["backward"]["dy"]);
    made.dweight.zero();
    made.dbias.zero();
    loops.backward(made.call);
    CHECK(difference(made.din[0], list(v["backward"]["dx"])) < tolerance);
    CHECK(std::abs(made.dweight[0] - v["backward"]["dgamma"].get<double>()) < tolerance);
    CHECK(std::abs(made.dbias[0] - v["backward"]["dbeta"].get<double>()) < tolerance);

    spec.mode = Mode::infer;
    OpCase<double> infer(spec);
    prepare(infer);
    assign(infer.moving_mean, {v["inference"]["moving_mean"].get<double>()});
    assign(infer.moving_variance, {v["inference"]["moving_variance"].get<double>()});
    loops.forward(infer.call);
    const std::vector<double> stored = v["inference"]["y"];
    for (std::size_t i = 0; i < stored.size(); ++i)
      CHECK(std::abs(infer.value(static_cast<long>(i)) - stored[i]) < tolerance);
    CHECK(infer.moving_mean[0] == v["inference"]["moving_mean"].get<double>());
    CHECK(infer.moving_variance[0] == v["inference"]["moving_variance"].get<double>());
  }
}

TEST_CASE("batch_norm: stored statistics") {
  OpSpec spec = batch_norm_spec(2, {2, 2, 3}, Activation::relu6);
  spec.op.stored_statistics = true;
  OpCase<double> trained(spec), untouched(spec);
  spec.mode = Mode::infer;
  OpCase<double> infer(spec);
  loops.forward(trained.call);
  infer.call.batch_norm = nullptr;  // inference may do without
  loops.forward(infer.call);
  CHECK(difference(trained.out, infer.out) == 0);
  CHECK(difference(trained.moving_mean, untouched.moving_mean) == 0);
  CHECK(difference(trained.moving_variance, untouched.moving_variance) == 0);
}

TEST_CASE("batch_norm: din may be dout, out may be the input") {
  for (const bool stored : {false, true})
    for (const Activation f : kActivations) {
      OpSpec spec = batch_norm_spec(2, {3, 2, 4}, f);
      spec.op.stored_statistics = stored;
      OpCase<double> apart(spec), shared(spec);
      shared.call.din[0] = shared.dout.data();
      for (OpCase<double>* each : {&apart, &shared}) {
        loops.forward(each->call);
        loops.backward(each->call);
      }
      CHECK(difference(shared.dout, apart.din[0]) == 0);
      CHECK(difference(shared.dweight, apart.dweight) == 0);

      OpCase<double> in_place(spec);
      in_place.call.out = in_place.in[0].data();
      loops.forward(in_place.call);
      CHECK(difference(in_place.in[0], apart.out) == 0);
    }
}

TEST_CASE("batch_norm: a single value per channel") {
  OpCase<double> made(batch_norm_spec(1, {1, 1, 2}));
  const double before = made.moving_variance[0];
  loops.forward(made.call);
  CHECK(made.out[0] == doctest::Approx(made.bias[0]).epsilon(1e-14));
  // The unbiased variance would be 0 / 0; the biased one, 0, is taken.
  CHECK(made.moving_variance[0] == doctest::Approx(0.9997 * before).epsilon(1e-14));
  loops.backward(made.call);
  for (const double dx : made.din[0].span()) CHECK(std::abs(dx) < 1e-12);
  CHECK(made.dbias[1] == doctest::Approx(made.dbias_before[1] + made.dout[1]).epsilon(1e-14));
}

TEST_CASE("batch_norm: a large mean does not spoil the variance") {
  OpSpec spec = batch_norm_spec(1, {16, 16, 1}, Activation::none, false, false);
  spec.norm.epsilon = 0;
  OpCase<float> made(spec);
  for (std::size_t i = 0; i < 256; ++i) made.in[0][i] = 4096 + (i % 2 == 0 ? 1.0f : -1.0f);
  ReferenceBackend<float>().forward(made.call);
  CHECK(made.batch_norm[0] == 4096);
  CHECK(made.batch_norm[1] == 1);
}

TEST_CASE("batch_norm: NaN stays NaN") {
  OpCase<double> made(batch_norm_spec(1, {2, 2, 1}, Activation::relu6));
  made.in[0][1] = std::nan("");
  loops.forward(made.call);
  for (const double y : made.out.span()) CHECK(std::isnan(y));
}
