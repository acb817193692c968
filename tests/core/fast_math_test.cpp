// SPDX-License-Identifier: Apache-2.0
#include "ocelli/core/fast_math.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <initializer_list>
#include <limits>

using namespace ocelli;

namespace {

constexpr double kUlp = 0x1p-24;  // half a unit in the last place, relative

/// Largest relative error of f against the exact one over [low, high].
template <class F, class Exact>
double worst(F f, Exact exact, double low, double high) {
  double most = 0;
  for (int i = 0; i <= 200000; ++i) {
    const auto x = static_cast<float>(low + (high - low) * i / 200000);
    const double want = exact(static_cast<double>(x));
    most = std::fmax(most, std::abs(static_cast<double>(f(x)) - want) / std::abs(want));
  }
  return most;
}

}  // namespace

TEST_CASE("fast_math: relative errors stay below 4 half units in the last place") {
  CHECK(
      worst([](float x) { return fast_exp(x); }, [](double x) { return std::exp(x); }, -87, 88.7) <
      4 * kUlp);
  CHECK(
      worst(
          [](float x) { return fast_log1p(x); }, [](double x) { return std::log1p(x); }, 1e-7, 1) <
      4 * kUlp);
  CHECK(
      worst(
          [](float x) { return fast_rsqrt(x); }, [](double x) { return 1 / std::sqrt(x); }, 1e-6,
          10) < 4 * kUlp);
  CHECK(
      worst(
          [](float x) { return fast_rsqrt(x); }, [](double x) { return 1 / std::sqrt(x); }, 1e20,
          3e38) < 4 * kUlp);
  // Two such steps, and a sum: twice as much.
  CHECK(
      worst(
          [](float x) { return softplus(x); },
          [](double x) { return std::log1p(std::exp(-std::abs(x))) + std::fmax(x, 0); }, -80,
          80) < 8 * kUlp);
  CHECK(
      worst(
          [](float x) { return sigmoid(x); }, [](double x) { return 1 / (1 + std::exp(-x)); }, -80,
          80) < 8 * kUlp);
}

TEST_CASE("fast_math: the ends") {
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(fast_exp(0.0f) == 1.0f);
  CHECK(fast_exp(-inf) == 0.0f);
  CHECK(fast_exp(-200.0f) == 0.0f);
  CHECK(fast_exp(100.0f) == inf);
  CHECK(fast_exp(inf) == inf);
  CHECK(fast_exp(-95.0f) == doctest::Approx(std::exp(-95.0)).epsilon(1e-3));  // a denormal
  CHECK(softplus(inf) == inf);
  CHECK(softplus(-inf) == 0.0f);
  CHECK(sigmoid(inf) == 1.0f);
  CHECK(sigmoid(-inf) == 0.0f);
  for (float y : {fast_exp(nan), fast_log1p(nan), fast_rsqrt(nan), softplus(nan), sigmoid(nan)})
    CHECK(std::isnan(y));
}
