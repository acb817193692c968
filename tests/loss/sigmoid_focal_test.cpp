// SPDX-License-Identifier: Apache-2.0
#include "ocelli/loss/sigmoid_focal.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <initializer_list>

#include "ocelli/loss/sigmoid_cross_entropy.hpp"

using namespace ocelli;

TEST_CASE("sigmoid_focal: the paper's formula") {
  for (double gamma : {0.0, 0.5, 2.0, 5.0})
    for (double z : {-6.0, -0.7, 0.0, 1.2, 5.0}) {
      const SigmoidFocal<double> loss{0.25, gamma};
      const double p = 1 / (1 + std::exp(-z));
      CHECK(
          loss.positive(z) ==
          doctest::Approx(-0.25 * std::pow(1 - p, gamma) * std::log(p)).epsilon(1e-12));
      CHECK(
          loss.negative(z) ==
          doctest::Approx(-0.75 * std::pow(p, gamma) * std::log(1 - p)).epsilon(1e-12));
    }
}

TEST_CASE("sigmoid_focal: gradients") {
  constexpr double kStep = 1e-5;
  for (double gamma : {0.0, 0.5, 2.0, 5.0})
    for (double z : {-9.0, -1.5, -0.1, 0.2, 3.0, 11.0}) {
      const SigmoidFocal<double> loss{0.25, gamma};
      CHECK(
          std::abs(
              (loss.positive(z + kStep) - loss.positive(z - kStep)) / (2 * kStep) -
              loss.positive_slope(z)) < 1e-8);
      CHECK(
          std::abs(
              (loss.negative(z + kStep) - loss.negative(z - kStep)) / (2 * kStep) -
              loss.negative_slope(z)) < 1e-8);
    }
}

TEST_CASE("sigmoid_focal: gamma 0 is cross-entropy, weighted; float agrees with double") {
  const SigmoidFocal<double> loss{0.5, 0};
  CHECK(loss.negative(1.3) == doctest::Approx(0.5 * SigmoidCrossEntropy<double>{}.negative(1.3)));
  for (float z : {-8.0f, -1.0f, 2.5f, 20.0f}) {
    CHECK(
        SigmoidFocal<float>{}.negative(z) ==
        doctest::Approx(SigmoidFocal<double>{}.negative(z)).epsilon(1e-5));
    CHECK(
        SigmoidFocal<float>{}.positive_slope(z) ==
        doctest::Approx(SigmoidFocal<double>{}.positive_slope(z)).epsilon(1e-5));
  }
}
