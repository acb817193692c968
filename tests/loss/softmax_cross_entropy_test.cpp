// SPDX-License-Identifier: Apache-2.0
#include "ocelli/loss/softmax_cross_entropy.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "support/vectors.hpp"

using namespace ocelli;

TEST_CASE("softmax_cross_entropy: as published") {
  const nlohmann::json cases = test::vectors("losses")["softmax_ce"];
  REQUIRE(!cases.empty());
  for (const auto& c : cases) {
    const auto z = c["logits"].get<std::vector<double>>();
    std::vector<double> dz(z.size());
    const int target = c["target"];
    const double loss =
        softmax_cross_entropy(z.data(), static_cast<int>(z.size()), target, 1.0, dz.data());
    CHECK(loss == doctest::Approx(c["loss"].get<double>()).epsilon(1e-14));
    for (std::size_t k = 0; k < z.size(); ++k)
      CHECK(std::abs(dz[k] - c["grad"][k].get<double>()) < 1e-15);
    const std::vector<float> zf(z.begin(), z.end());
    CHECK(
        softmax_cross_entropy<float>(zf.data(), static_cast<int>(z.size()), target, 1, nullptr) ==
        doctest::Approx(loss).epsilon(1e-6));
  }
}

TEST_CASE("softmax_cross_entropy: gradients, weighted") {
  constexpr double kStep = 1e-5;
  std::vector<double> z = {0.3, -2, 4, 1.1, 0}, dz(5);
  softmax_cross_entropy(z.data(), 5, 3, 0.7, dz.data());
  for (std::size_t k = 0; k < 5; ++k) {
    const double at = z[k];
    z[k] = at + kStep;
    const double up = softmax_cross_entropy<double>(z.data(), 5, 3, 0.7, nullptr);
    z[k] = at - kStep;
    const double down = softmax_cross_entropy<double>(z.data(), 5, 3, 0.7, nullptr);
    z[k] = at;
    CHECK(std::abs((up - down) / (2 * kStep) - dz[k]) < 1e-9);
  }
}

TEST_CASE("softmax_cross_entropy: large logits do not overflow; NaN shows") {
  const float z[2] = {1000, -1000};
  CHECK(softmax_cross_entropy<float>(z, 2, 0, 1, nullptr) == 0);
  CHECK(softmax_cross_entropy<float>(z, 2, 1, 1, nullptr) == 2000);
  const float bad[2] = {0, std::nanf("")};
  CHECK(std::isnan(softmax_cross_entropy<float>(bad, 2, 0, 1, nullptr)));
}

TEST_CASE("softmax_cross_entropy: a smoothed target is the mean over targets by their shares") {
  const std::vector<double> z = {0.3, -2, 4, 1.1, 0};
  constexpr double kSmoothing = 0.2, kWeight = 0.7, kStep = 1e-5;
  double expected = 0;
  for (int k = 0; k < 5; ++k)
    expected += (kSmoothing / 5 + (k == 3 ? 1 - kSmoothing : 0)) *
                softmax_cross_entropy<double>(z.data(), 5, k, kWeight, nullptr);
  std::vector<double> dz(5);
  const double loss = smoothed_cross_entropy(z.data(), 5, 3, kSmoothing, kWeight, dz.data());
  CHECK(loss == doctest::Approx(expected).epsilon(1e-14));
  for (std::size_t k = 0; k < 5; ++k) {
    std::vector<double> up = z, down = z;
    up[k] += kStep;
    down[k] -= kStep;
    const auto at = [&](const std::vector<double>& logits) {
      return smoothed_cross_entropy<double>(logits.data(), 5, 3, kSmoothing, kWeight, nullptr);
    };
    CHECK(std::abs((at(up) - at(down)) / (2 * kStep) - dz[k]) < 1e-9);
  }
  std::vector<double> sharp(5);
  softmax_cross_entropy(z.data(), 5, 3, kWeight, sharp.data());
  smoothed_cross_entropy(z.data(), 5, 3, 0.0, kWeight, dz.data());
  CHECK(dz == sharp);
}
