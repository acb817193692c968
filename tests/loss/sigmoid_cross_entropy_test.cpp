// SPDX-License-Identifier: Apache-2.0
#include "ocelli/loss/sigmoid_cross_entropy.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <initializer_list>

#include "support/vectors.hpp"

using namespace ocelli;

TEST_CASE("sigmoid_cross_entropy: as published") {
  const nlohmann::json cases = test::vectors("losses")["sigmoid_ce"];
  REQUIRE(cases.size() == 14);
  for (const auto& c : cases) {
    const double z = c["logit"], t = c["target"], loss = c["loss"], grad = c["grad"];
    CAPTURE(z);
    CAPTURE(t);
    CHECK(sigmoid_cross_entropy(z, t) == doctest::Approx(loss).epsilon(1e-14));
    CHECK(std::abs(sigmoid_cross_entropy_slope(z, t) - grad) < 1e-15);
    const auto zf = static_cast<float>(z), tf = static_cast<float>(t);
    CHECK(std::abs(static_cast<double>(sigmoid_cross_entropy(zf, tf)) - loss) <= 1e-6 * loss);
    const SigmoidCrossEntropy<double> split;
    CHECK((t > 0 ? split.positive(z) : split.negative(z)) == doctest::Approx(loss).epsilon(1e-14));
    CHECK(std::abs((t > 0 ? split.positive_slope(z) : split.negative_slope(z)) - grad) < 1e-15);
  }
}

TEST_CASE("sigmoid_cross_entropy: gradients") {
  constexpr double kStep = 1e-5;  // its square, times a third derivative below 1/10
  for (double z : {-9.0, -1.5, -0.1, 0.2, 3.0, 11.0})
    for (double t : {0.0, 0.3, 1.0}) {
      const double difference =
          (sigmoid_cross_entropy(z + kStep, t) - sigmoid_cross_entropy(z - kStep, t)) / (2 * kStep);
      CHECK(std::abs(difference - sigmoid_cross_entropy_slope(z, t)) < 1e-9);
    }
}

TEST_CASE("sigmoid_cross_entropy: a hopeless logit costs its size, a sure one next to nothing") {
  CHECK(SigmoidCrossEntropy<float>{}.negative(1000) == 1000);
  CHECK(SigmoidCrossEntropy<float>{}.positive(1000) == 0);
  CHECK(SigmoidCrossEntropy<float>{}.positive(40) == doctest::Approx(std::exp(-40.0)));
  CHECK(std::isnan(SigmoidCrossEntropy<float>{}.negative(std::nanf(""))));
}
