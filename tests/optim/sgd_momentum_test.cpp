// SPDX-License-Identifier: Apache-2.0
#include "ocelli/optim/sgd_momentum.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "ocelli/core/random.hpp"
#include "support/vectors.hpp"

using namespace ocelli;

TEST_CASE("sgd_momentum: as published") {
  const nlohmann::json v = test::vectors("optimizers");
  for (const char* name : {"momentum_frcnn", "momentum_lr_change"}) {
    double w = 1, velocity = 0;
    REQUIRE(v[name]["trajectory"].size() == 10);
    for (const auto& step : v[name]["trajectory"]) {
      const double g = step["grad"];
      const double rate =
          step.contains("lr") ? step["lr"].get<double>() : v[name]["params"]["lr"].get<double>();
      CHECK(sgd_momentum_update(&w, &g, &velocity, 1, rate, {}));
      CHECK(velocity == doctest::Approx(step["accumulator"].get<double>()).epsilon(1e-13));
      CHECK(w == doctest::Approx(step["x"].get<double>()).epsilon(1e-13));
    }
  }
}

TEST_CASE("sgd_momentum: any number of threads, the same bits; bad gradients are told") {
  const long size = 3 * kChunk + 9;
  std::vector<float> g(static_cast<std::size_t>(size)), w1(g), v1(g);
  Random random(1, Stream::demo);
  for (float& x : g) x = random.uniform(-1, 1);
  for (float& x : w1) x = random.uniform(-1, 1);
  std::vector<float> w2 = w1, v2 = v1;
  ThreadPool pool(3);
  const GradientRule<float> rule{0.5f, 4e-5f};
  for (int step = 0; step < 3; ++step) {
    CHECK(sgd_momentum_update(w1.data(), g.data(), v1.data(), size, 0.1, {}, rule));
    CHECK(sgd_momentum_update(pool, w2.data(), g.data(), v2.data(), size, 0.1, {}, rule));
  }
  CHECK(w1 == w2);
  CHECK(v1 == v2);
  g[static_cast<std::size_t>(size - 1)] = std::nanf("");
  CHECK_FALSE(sgd_momentum_update(pool, w2.data(), g.data(), v2.data(), size, 0.1, {}, rule));
  CHECK_THROWS_AS(SgdMomentumOptions{2}.check(), ConfigError);
}
