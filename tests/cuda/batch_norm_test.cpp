// The kernels of batch_norm against the plain loops.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/batch_norm.hpp"

#include <doctest/doctest.h>

#include "agree.hpp"

namespace ocelli::test {
namespace {

Problem norm(int batch, int height, int width, int channels, Activation f) {
  Problem p = of_one_input(OpKind::batch_norm, batch, height, width, channels);
  p.op.activation = f;
  p.weight = p.bias = true;
  p.weights = p.biases = channels;
  return p;
}

// x, gamma, beta and dy lie in [-2, 2) and deviations about 1, so values and terms are below 2^4;
// the sums below are of up to 1500 of them. Each part of a sum rounds by half a unit of its size.
constexpr double kTolerance = rounding(1 << 8);

}  // namespace

TEST_CASE("cuda batch_norm: agrees with the reference") {
  for (const int channels : kAwkwardChannels)
    for (const Activation f : kActivations) {
      CAPTURE(channels);
      CAPTURE(name(f));
      Problem p = norm(3, 7, 7, channels, f);
      check_on_emulator(p, kTolerance);
      p.accumulate = true;
      p.deferred = 1;
      p.deferred_activation = Activation::relu;
      check_on_emulator(p, kTolerance);
    }
}

TEST_CASE("cuda batch_norm: more rows than a block takes, and an offset") {
  Problem p = norm(2, 25, 30, 36, Activation::relu);
  check_on_emulator(p, kTolerance);
  p.offset = 1000;  // float keeps 2^-14 of it, which is what the inputs are exact to
  check_on_emulator(p, 64 * kTolerance);
}

TEST_CASE("cuda batch_norm: one value has no deviation") {
  Problem p = norm(1, 1, 1, 4, Activation::none);
  check_on_emulator(p, kTolerance);
  p = norm(1, 1, 3, 3, Activation::relu6);
  check_on_emulator(p, rounding(1 << 10));
}

TEST_CASE("cuda batch_norm: a deferred norm makes scale and shift alone; in place") {
  for (const int channels : {3, 24}) {
    Problem p = norm(2, 7, 3, channels, Activation::relu6);
    p.makes_out = false;
    check_on_emulator(p, kTolerance);
    p.in_place = true;
    check_on_emulator(p, kTolerance);
  }
}

TEST_CASE("cuda batch_norm: stored statistics, frozen parameters, inference") {
  for (const int channels : {3, 24}) {
    Problem p = norm(2, 7, 3, channels, Activation::relu);
    p.op.stored_statistics = true;
    check_on_emulator(p, kTolerance);
    p.wants_weight = false;
    check_on_emulator(p, kTolerance);
    p.weight = false;  // gamma is 1
    check_on_emulator(p, kTolerance);
    p.op.stored_statistics = false;
    p.wants_weight = true;
    check_on_emulator(p, kTolerance);
    p.wants_input = false;
    check_on_emulator(p, kTolerance);
    p.mode = Mode::infer;
    check_on_emulator(p, kTolerance);
  }
}

TEST_CASE("cuda batch_norm: inference without a place for statistics") {
  const Problem p = norm(1, 3, 5, 4, Activation::relu6);
  const auto x = grid<float>(p.in[0].size(), 1, 1), mean = grid<float>(4, 1, 2);
  std::vector<float> variance(4, 0.25f), got(x.size()), want(x.size());
  std::vector<float> moving = mean;
  OpCall<float> call;
  call.op = &p.op;
  call.batch = 1;
  call.mode = Mode::infer;
  call.in_shape[0] = call.out_shape = p.in[0];
  call.in[0].data = x.data();
  call.moving_mean = moving.data();
  call.moving_variance = variance.data();
  call.out = want.data();
  ReferenceBackend<float>().forward(call);
  call.out = got.data();
  forward_on_device(call);
  CHECK(largest_difference(got, want) <= rounding(1));
  CHECK(moving == mean);
}

TEST_CASE("cuda batch_norm: the floors are those of the geometry") {
  const long pixels = 2 * 7 * 5, channels = 6, chunks = 3;
  const long values = pixels * channels, partial = chunks * 2 * channels;
  using namespace kernel;
  // Reads x; writes partial sums. A difference, a square and two sums a value.
  CHECK(
      batch_norm_moments_floor(pixels, channels, chunks) ==
      Floor{4 * (values + partial), 4 * values});
  // Reads the partial sums, gamma, beta and the moving ones; writes the moving ones and four more.
  CHECK(
      batch_norm_statistics_floor(channels, chunks) ==
      Floor{4 * (partial + (2 + 2 + 2 + 4) * channels), partial});
  CHECK(
      batch_norm_apply_floor(pixels, channels) ==
      Floor{4 * (values + values + 2 * channels), 2 * values});
  CHECK(
      batch_norm_gradient_sums_floor(pixels, channels, chunks) ==
      Floor{4 * (2 * values + partial), 8 * values});
  CHECK(
      batch_norm_data_gradient_floor(pixels, channels, true) ==
      Floor{4 * (4 * values + 6 * channels), 9 * values});
  CHECK(
      batch_norm_data_gradient_floor(pixels, channels, false) ==
      Floor{4 * (3 * values + 6 * channels), 9 * values});
}

TEST_CASE("cuda column_sums: the floors are those of the geometry") {
  using namespace kernel;
  // Every row is read and added once, every chunk's sum written; then the other way round.
  CHECK(column_partials_floor(70, 6, 3) == Floor{4 * (70 * 6 + 3 * 6), 70 * 6});
  CHECK(add_column_totals_floor(3, 6) == Floor{4 * (3 * 6 + 6 + 6), 3 * 6});
}

}  // namespace ocelli::test
