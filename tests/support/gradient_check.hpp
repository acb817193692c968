// Checks an operation's backward on the reference, in double, against finite differences of its
// forward.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "ocelli/reference/backend.hpp"
#include "support/op_case.hpp"

namespace ocelli::test {

// Central differences of the loss sum(dout * y). With h near the cube root of double's epsilon the
// truncation, h^2 / 6 * f''', is of the order 1e-11 and the rounding, epsilon * |loss terms| / h,
// of the order 1e-9 for the sums of some hundred terms here; 1e-7 leaves room for steep functions.
inline constexpr double kStep = 0x1p-17;
inline constexpr double kGradientTolerance = 1e-7;

/// dLoss/d(value), where `value` is a number that the forward of `work` reads.
inline double slope_at(OpCase<double>& work, double& value) {
  ReferenceBackend<double> loops;
  double loss[2];
  const double at = value;
  for (int side = 0; side < 2; ++side) {
    value = side == 0 ? at + kStep : at - kStep;
    loops.forward(work.call);
    loss[side] = 0;
    for (std::size_t i = 0; i < work.dout.size(); ++i)
      loss[side] += work.dout[i] * work.value(static_cast<long>(i));
  }
  value = at;
  return (loss[0] - loss[1]) / (2 * kStep);
}

/// The largest |analytic - numeric| / max(1, |numeric|) over a buffer that forward reads.
/// `analytic(i)` is the gradient of its element i.
template <class Analytic>
inline double worst_error(OpCase<double>& work, Buffer<double>& values, Analytic&& analytic) {
  double worst = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double numeric = slope_at(work, values[i]);
    const double error = std::abs(analytic(i) - numeric) / std::max(1.0, std::abs(numeric));
    // A NaN must fail, so it may not vanish in max().
    worst = std::isnan(error) ? std::numeric_limits<double>::infinity() : std::max(worst, error);
  }
  return worst;
}

/// Checks every gradient that the case has: inputs (through the transform of a deferred operand),
/// weight and bias; that what is to be added to is added to; and that a call which wants none
/// writes none.
inline void check_gradients(const OpSpec& spec) {
  CAPTURE(spec.batch);
  CAPTURE(spec.in[0].height);
  CAPTURE(spec.in[0].width);
  CAPTURE(spec.in[0].channels);
  CAPTURE(spec.op.window.kernel_height);
  CAPTURE(spec.op.window.stride);
  CAPTURE(spec.op.window.dilation);
  CAPTURE(name(spec.op.activation));
  CAPTURE(spec.deferred.has_value());
  CAPTURE(spec.accumulate);
  ReferenceBackend<double> loops;
  OpCase<double> got(spec);
  loops.forward(got.call);
  loops.backward(got.call);

  OpCase<double> work(spec);
  for (int k = 0; k < spec.op.input_count; ++k) {
    CAPTURE(k);
    const int C = spec.in[static_cast<std::size_t>(k)].channels;
    const Operand<double>& x = got.call.in[k];
    const double worst = worst_error(work, work.in[k], [&](std::size_t i) {
      const double before = spec.accumulate ? got.din_before[k][i] : 0;
      const double gradient = got.din[k][i] - before;
      if (!x.deferred()) return gradient;
      const std::size_t c = i % static_cast<std::size_t>(C);
      const double z = got.scale[k][c] * got.in[k][i] + got.shift[k][c];
      return gradient * activation_slope(x.activation, z) * got.scale[k][c];
    });
    CHECK(worst < kGradientTolerance);
  }
  if (spec.frozen) return;
  if (spec.weights > 0) {
    const double worst = worst_error(
        work, work.weight, [&](std::size_t i) { return got.dweight[i] - got.dweight_before[i]; });
    CHECK(worst < kGradientTolerance);
  }
  if (spec.biases > 0) {
    const double worst = worst_error(
        work, work.bias, [&](std::size_t i) { return got.dbias[i] - got.dbias_before[i]; });
    CHECK(worst < kGradientTolerance);
  }

  // Nothing wanted: nothing written, nothing read through a null pointer.
  OpCase<double> unwanted(spec);
  loops.forward(unwanted.call);
  for (int k = 0; k < spec.op.input_count; ++k) unwanted.call.din[k] = nullptr;
  unwanted.call.dweight = unwanted.call.dbias = nullptr;
  loops.backward(unwanted.call);
  OpCase<double> frozen(spec);
  loops.forward(frozen.call);
  frozen.call.dweight = frozen.call.dbias = nullptr;
  loops.backward(frozen.call);
  for (int k = 0; k < spec.op.input_count; ++k) CHECK(difference(frozen.din[k], got.din[k]) == 0);
}

}  // namespace ocelli::test
