// Learning-rate schedules: the rate as a function of the step alone, step 0 the first.
// Formulas as the TensorFlow Object Detection API has them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <variant>
#include <vector>

#include "ocelli/core/error.hpp"

namespace ocelli {

namespace detail {
inline void check_rate(double rate, const char* option, bool zero_allowed = false) {
  if (!(rate >= 0) || (rate == 0 && !zero_allowed) || !std::isfinite(rate))
    throw ConfigError(
        "schedule: the rate is " + std::to_string(rate), option,
        zero_allowed ? "give 0 or more" : "give a number above 0");
}
}  // namespace detail

/// The same rate at every step.
struct ConstantRate {
  double rate = 0.004;

  double operator()(long) const { return rate; }
  void check() const { detail::check_rate(rate, "learning_rate"); }
};

/// initial * factor^((t - burnin) / decay_steps), the exponent floored when staircase; burnin_rate
/// (or initial, when that is 0) before burnin_steps; never below min_rate.
struct ExponentialDecay {
  double initial = 0.004;
  double factor = 0.95;
  long decay_steps = 800720;
  bool staircase = true;
  double burnin_rate = 0;
  long burnin_steps = 0;
  double min_rate = 0;

  double operator()(long step) const {
    double rate = burnin_rate > 0 ? burnin_rate : initial;
    if (step >= burnin_steps) {
      const long since = step - burnin_steps;
      const double exponent = staircase
                                  ? static_cast<double>(since / decay_steps)
                                  : static_cast<double>(since) / static_cast<double>(decay_steps);
      rate = initial * std::pow(factor, exponent);
    }
    return std::max(rate, min_rate);
  }
  void check() const {
    detail::check_rate(initial, "initial_learning_rate");
    detail::check_rate(factor, "decay_factor");
    detail::check_rate(burnin_rate, "burnin_learning_rate", true);
    detail::check_rate(min_rate, "min_learning_rate", true);
    if (decay_steps < 1 || burnin_steps < 0)
      throw ConfigError(
          "schedule: decay_steps is " + std::to_string(decay_steps) + ", burnin_steps " +
              std::to_string(burnin_steps),
          "decay_steps", "give at least 1, and 0 or more");
  }
};

/// initial before steps[0], rates[i] from steps[i] on. With warmup, linear from initial at step 0
/// to rates[0] at steps[0].
struct ManualSteps {
  double initial = 0.0003;
  std::vector<long> steps = {900000, 1200000};  ///< positive, strictly rising
  std::vector<double> rates = {3e-5, 3e-6};     ///< as many
  bool warmup = false;

  double operator()(long step) const {
    if (warmup && !steps.empty() && step < steps[0])
      return initial +
             (rates[0] - initial) * static_cast<double>(step) / static_cast<double>(steps[0]);
    double rate = initial;
    for (std::size_t i = 0; i < steps.size() && step >= steps[i]; ++i) rate = rates[i];
    return rate;
  }
  void check() const {
    detail::check_rate(initial, "initial_learning_rate");
    if (steps.size() != rates.size())
      throw ConfigError(
          "schedule: " + std::to_string(steps.size()) + " steps, " + std::to_string(rates.size()) +
              " rates",
          "manual_step_learning_rate", "give one rate for each step");
    for (std::size_t i = 0; i < steps.size(); ++i) {
      detail::check_rate(rates[i], "learning_rate", true);
      if (steps[i] <= (i == 0 ? 0 : steps[i - 1]))
        throw ConfigError(
            "schedule: step " + std::to_string(steps[i]) + " comes after " +
                std::to_string(i == 0 ? 0 : steps[i - 1]),
            "manual_step_learning_rate", "give positive steps in rising order");
    }
  }
};

/// Linear from warmup_rate at step 0 to base at warmup_steps, base for hold_steps more, then half a
/// cosine down to end_rate at total_steps, and end_rate from there on.
struct CosineDecay {
  double base = 0.004;
  long total_steps = 10000;
  double warmup_rate = 0;
  long warmup_steps = 0;
  long hold_steps = 0;
  double end_rate = 0;

  double operator()(long step) const {
    if (step < warmup_steps)
      return warmup_rate +
             (base - warmup_rate) * static_cast<double>(step) / static_cast<double>(warmup_steps);
    const long start = warmup_steps + hold_steps;
    if (step < start) return base;
    if (step >= total_steps) return end_rate;
    constexpr double kPi = 3.14159265358979323846;
    const double done =
        static_cast<double>(step - start) / static_cast<double>(total_steps - start);
    return end_rate + (base - end_rate) * 0.5 * (1 + std::cos(kPi * done));
  }
  void check() const {
    detail::check_rate(base, "learning_rate_base");
    detail::check_rate(warmup_rate, "warmup_learning_rate", true);
    detail::check_rate(end_rate, "end_learning_rate", true);
    if (warmup_rate > base || end_rate > base)
      throw ConfigError(
          "schedule: the warm-up or end rate is above the base rate " + std::to_string(base),
          "warmup_learning_rate", "give at most the base rate");
    if (warmup_steps < 0 || hold_steps < 0 || total_steps < 1 ||
        warmup_steps + hold_steps > total_steps)
      throw ConfigError(
          "schedule: " + std::to_string(warmup_steps) + " warm-up and " +
              std::to_string(hold_steps) + " hold steps of " + std::to_string(total_steps),
          "total_steps", "give more steps in total");
  }
};

/// Any of the schedules, as a value.
using Schedule = std::variant<ConstantRate, ExponentialDecay, ManualSteps, CosineDecay>;

inline double learning_rate(const Schedule& schedule, long step) {
  return std::visit([step](const auto& s) { return s(step); }, schedule);
}
/// Throws ConfigError naming the option that is out of range.
inline void check(const Schedule& schedule) {
  std::visit([](const auto& s) { s.check(); }, schedule);
}

}  // namespace ocelli
