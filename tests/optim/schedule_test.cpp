// SPDX-License-Identifier: Apache-2.0
#include "ocelli/optim/schedule.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "support/vectors.hpp"

using namespace ocelli;

namespace {

void check_values(const Schedule& schedule, const nlohmann::json& values) {
  check(schedule);
  REQUIRE(!values.empty());
  for (const auto& v : values) {
    CAPTURE(v["step"].get<long>());
    CHECK(
        learning_rate(schedule, v["step"]) ==
        doctest::Approx(v["lr"].get<double>()).epsilon(1e-13));
  }
}

}  // namespace

TEST_CASE("schedule: as published") {
  const nlohmann::json v = test::vectors("schedules");
  check_values(ExponentialDecay{}, v["exponential_ssd_defaults"]);
  check_values(ExponentialDecay{.decay_steps = 1000}, v["exponential_staircase_true"]["values"]);
  check_values(
      ExponentialDecay{.decay_steps = 1000, .staircase = false},
      v["exponential_staircase_false"]["values"]);
  check_values(
      ExponentialDecay{
          .decay_steps = 1000, .burnin_rate = 0.001, .burnin_steps = 100, .min_rate = 0.0035},
      v["exponential_burnin"]["values"]);
  check_values(ManualSteps{}, v["manual_frcnn_defaults"]["values"]);
}

TEST_CASE("schedule: burn-in without a rate of its own keeps the initial one") {
  const ExponentialDecay s{.decay_steps = 10, .burnin_steps = 100};
  CHECK(s(0) == 0.004);
  CHECK(s(105) == 0.004);
  CHECK(s(110) == doctest::Approx(0.0038));
}

TEST_CASE("schedule: manual steps with warm-up rise to the first rate") {
  const ManualSteps s{.initial = 0.1, .steps = {10, 20}, .rates = {0.5, 0.05}, .warmup = true};
  CHECK(s(0) == 0.1);
  CHECK(s(5) == doctest::Approx(0.3));
  CHECK(s(10) == 0.5);
  CHECK(s(19) == 0.5);
  CHECK(s(20) == 0.05);
  CHECK(ManualSteps{.initial = 0.1, .steps = {}, .rates = {}, .warmup = true}(7) == 0.1);
}

TEST_CASE("schedule: cosine with warm-up and hold") {
  const CosineDecay s{
      .base = 1,
      .total_steps = 130,
      .warmup_rate = 0.1,
      .warmup_steps = 10,
      .hold_steps = 20,
      .end_rate = 0.2};
  CHECK(s(0) == 0.1);
  CHECK(s(5) == doctest::Approx(0.55));
  CHECK(s(10) == 1);
  CHECK(s(30) == 1);
  CHECK(s(80) == doctest::Approx(0.6));
  CHECK(s(55) == doctest::Approx(0.2 + 0.8 * 0.5 * (1 + std::sqrt(0.5))));
  CHECK(s(130) == 0.2);
  CHECK(s(100000) == 0.2);
  CHECK(learning_rate(ConstantRate{0.5}, 12345) == 0.5);
}

TEST_CASE("schedule: errors") {
  CHECK_THROWS_AS(check(ConstantRate{0}), ConfigError);
  CHECK_THROWS_AS(check(ConstantRate{std::nan("")}), ConfigError);
  CHECK_THROWS_AS(check(ExponentialDecay{.decay_steps = 0}), ConfigError);
  CHECK_THROWS_AS(check(ManualSteps{.steps = {5}, .rates = {}}), ConfigError);
  CHECK_THROWS_AS(check(CosineDecay{.base = 1, .warmup_rate = 2}), ConfigError);
  CHECK_THROWS_AS(check(CosineDecay{.total_steps = 5, .warmup_steps = 6}), ConfigError);
  CHECK_THROWS_WITH_AS(
      check(ManualSteps{.steps = {20, 10}, .rates = {0.1, 0.1}}),
      "manual_step_learning_rate: schedule: step 10 comes after 20; give positive steps in rising "
      "order",
      ConfigError);
}
