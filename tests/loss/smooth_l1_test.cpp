// SPDX-License-Identifier: Apache-2.0
#include "ocelli/loss/smooth_l1.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <initializer_list>

#include "support/vectors.hpp"

using namespace ocelli;

TEST_CASE("smooth_l1: as published") {
  const nlohmann::json v = test::vectors("losses");
  const auto check = [](const nlohmann::json& cases, double delta) {
    REQUIRE(!cases.empty());
    for (const auto& c : cases) {
      CHECK(smooth_l1(c["x"].get<double>(), delta) == c["loss"].get<double>());
      CHECK(smooth_l1_slope(c["x"].get<double>(), delta) == c["grad"].get<double>());
    }
  };
  check(v["smooth_l1_delta1"], 1);
  check(v["smooth_l1_delta_0_5"], 0.5);
}

TEST_CASE("smooth_l1: gradients") {
  constexpr double kStep = 1e-6;
  for (double delta : {0.5, 1.0, 3.0})
    for (double d : {-4.0, -0.3, 0.0, 0.2, 0.9, 1.1, 7.0})
      CHECK(
          std::abs(
              (smooth_l1(d + kStep, delta) - smooth_l1(d - kStep, delta)) / (2 * kStep) -
              smooth_l1_slope(d, delta)) < 1e-8);
  CHECK(std::isnan(smooth_l1_slope(std::nan(""))));
  CHECK(std::isnan(smooth_l1(std::nan(""))));
}
