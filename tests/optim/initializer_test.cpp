// SPDX-License-Identifier: Apache-2.0
#include "ocelli/optim/initializer.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "support/vectors.hpp"

using namespace ocelli;

TEST_CASE("initializer: as published, the spread of variance scaling") {
  const nlohmann::json v = test::vectors("init_and_droppath")["variance_scaling"];
  REQUIRE(v.size() == 6);
  for (const auto& c : v) {
    const Initializer init = Initializer::variance_scaling(
        c["factor"], static_cast<FanMode>(c["mode"].get<int>()), c["uniform"],
        {c["fan_in"], c["fan_out"]});
    CHECK(init.spread == doctest::Approx(c["value"].get<double>()).epsilon(1e-13));
    CHECK((init.kind == Initializer::Kind::uniform) == c["uniform"].get<bool>());
  }
}

TEST_CASE("initializer: the numbers have the distribution they claim") {
  constexpr long kCount = 200000;
  std::vector<double> w(kCount);
  const auto moments = [&](const Initializer& init) {
    init.fill(w.data(), kCount, 5, 3);
    double mean = 0, square = 0;
    for (double x : w) mean += x / kCount;
    for (double x : w) square += (x - mean) * (x - mean) / kCount;
    return std::pair{mean, std::sqrt(square)};
  };
  const double ratio =
      test::vectors("init_and_droppath")["truncated_normal"]["ratio_of_actual_to_nominal_stddev"];
  {
    const auto [mean, deviation] = moments(Initializer::truncated_normal(0.5, 0.03));
    // Five standard errors of the mean, and of the deviation.
    CHECK(std::abs(mean - 0.5) < 5 * 0.03 / std::sqrt(kCount));
    CHECK(std::abs(deviation / (0.03 * ratio) - 1) < 5 / std::sqrt(2.0 * kCount));
    for (double x : w) REQUIRE(std::abs(x - 0.5) <= 0.06);
  }
  {
    const auto [mean, deviation] = moments({Initializer::Kind::uniform, 0, 0.2});
    CHECK(std::abs(mean) < 5 * 0.2 / std::sqrt(3.0 * kCount));
    CHECK(std::abs(deviation / (0.2 / std::sqrt(3.0)) - 1) < 5 / std::sqrt(2.0 * kCount));
    for (double x : w) REQUIRE(std::abs(x) <= 0.2);
  }
}

TEST_CASE("initializer: a value depends on seed, parameter and element alone") {
  const Initializer init = Initializer::truncated_normal(0, 1);
  std::vector<float> few(10), many(100);
  init.fill(few.data(), 10, 1, 7);
  init.fill(many.data(), 100, 1, 7);
  for (std::size_t i = 0; i < 10; ++i) CHECK(few[i] == many[i]);
  CHECK(init.value(1, 7, 0) != init.value(1, 8, 0));
  CHECK(init.value(1, 7, 0) != init.value(2, 7, 0));
  CHECK(init.value(1, 7, 0) != init.value(1, 7, 1));
  CHECK(Initializer::zeros().value(1, 2, 3) == 0);
  CHECK(Initializer::ones().value(1, 2, 3) == 1);
}

TEST_CASE("initializer: fans and errors") {
  static_assert(fans(3, 3, 16, 32).in == 144 && fans(3, 3, 16, 32).out == 288);
  static_assert(fans(3, 3, 16, 1).out == 9);  // depthwise
  CHECK_THROWS_AS(Initializer::variance_scaling(0, FanMode::fan_in, true, {1, 1}), ConfigError);
}
