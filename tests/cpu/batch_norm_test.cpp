// The fast batch norm against the reference.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "ocelli/cpu/backend.hpp"
#include "ocelli/reference/backend.hpp"
#include "problem.hpp"

namespace ocelli::test {
namespace {

Problem norm(int batch, int height, int width, int channels, Activation f) {
  Problem p;
  p.op.kind = OpKind::batch_norm;
  p.op.input_count = 1;
  p.op.activation = f;
  p.batch = batch;
  p.in[0] = p.out = {height, width, channels};
  p.weight = p.bias = true;
  p.weights = p.biases = channels;
  p.bias_offset = 0.013f;
  return p;
}

// Runs of 512 rows, each summed in float with at most 2^-24 * 512 relative error, values below 4
// and gradients below 2; dgamma and dbeta add up to 1600 of them. The mask flips nowhere: the
// values lie on a grid, and the seeds below put none within 1e-5 of a corner.
constexpr double kTolerance = 512 * 0x1p-24 * 8;

}  // namespace

TEST_CASE("cpu batch_norm: agrees with the reference") {
  for (const int channels : {1, 3, 17, 24, 33, 64, 144})
    for (const Activation f :
         {Activation::none, Activation::relu, Activation::relu6, Activation::swish,
          Activation::sigmoid})
      for (const bool deferred : {false, true}) {
        CAPTURE(channels);
        CAPTURE(name(f));
        CAPTURE(deferred);
        Problem p = norm(2, 7, 9, channels, f);
        p.makes_out = !deferred;
        p.in_place = deferred;
        check_agreement<CpuBackend, ReferenceBackend<double>>(p, kTolerance);
        p.accumulate = true;
        p.in_place = false;
        check_agreement<CpuBackend, ReferenceBackend<double>>(p, kTolerance);
        p.op.stored_statistics = true;
        check_agreement<CpuBackend, ReferenceBackend<double>>(p, kTolerance);
      }
}

TEST_CASE("cpu batch_norm: many runs, one pixel, no gamma, nothing wanted") {
  check_agreement<CpuBackend, ReferenceBackend<double>>(
      norm(1, 40, 40, 24, Activation::relu6), kTolerance * 8);
  check_agreement<CpuBackend, ReferenceBackend<double>>(
      norm(1, 1, 1, 24, Activation::none), kTolerance);
  Problem p = norm(3, 5, 5, 40, Activation::relu6);
  p.weight = p.bias = false;
  check_agreement<CpuBackend, ReferenceBackend<double>>(p, kTolerance);
  p.weight = p.bias = true;
  p.wants_input = false;
  check_agreement<CpuBackend, ReferenceBackend<double>>(p, kTolerance);
  p.mode = Mode::infer;
  check_agreement<CpuBackend, ReferenceBackend<double>>(p, kTolerance);
}

TEST_CASE("cpu batch_norm: a mean far from zero costs no digits of the variance") {
  Problem p = norm(2, 20, 20, 24, Activation::none);
  p.offset = 4096;  // x = 4096 +- 2, exact in float; a sum of squares in float would lose all
  p.makes_out = false;
  const auto fast = solve<float, CpuBackend>(p);
  const auto slow = solve<double, ReferenceBackend<double>>(p);
  for (std::size_t c = 0; c < 24; ++c)
    CHECK(fast.batch_norm[24 + c] == doctest::Approx(slow.batch_norm[24 + c]).epsilon(1e-5));
}

}  // namespace ocelli::test
