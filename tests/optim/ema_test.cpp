// SPDX-License-Identifier: Apache-2.0
#include "ocelli/optim/ema.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "support/vectors.hpp"

using namespace ocelli;

TEST_CASE("ema: as published") {
  double shadow = 1;
  const nlohmann::json v = test::vectors("optimizers")["moving_average_0_9999"];
  REQUIRE(v["trajectory"].size() == 5);
  for (const auto& step : v["trajectory"]) {
    const double w = step["var"];
    ema_update(&shadow, &w, 1);
    CHECK(shadow == doctest::Approx(step["shadow"].get<double>()).epsilon(1e-14));
  }
}

TEST_CASE("ema: any number of threads, the same bits") {
  const long size = 2 * kChunk + 3;
  std::vector<float> w(static_cast<std::size_t>(size)), a(w);
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = static_cast<float>(i % 97) / 7;
  std::vector<float> b = a;
  ThreadPool pool(3);
  ema_update(a.data(), w.data(), size, 0.9);
  ema_update(pool, b.data(), w.data(), size, 0.9);
  CHECK(a == b);
  CHECK(a[96] == doctest::Approx(0.1 * 96 / 7));
}

TEST_CASE("ema: a decay for the length of the run") {
  CHECK(ema_decay_for(0) == 0);
  CHECK(ema_decay_for(1000) == doctest::Approx(0.99));
  CHECK(ema_decay_for(100000000) == kEmaDecay);
}
