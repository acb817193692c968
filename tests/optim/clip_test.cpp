// SPDX-License-Identifier: Apache-2.0
#include "ocelli/optim/clip.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "support/vectors.hpp"

using namespace ocelli;

namespace {
double norm2(ThreadPool& pool, const std::vector<double>& g, SquareSum& sums) {
  return gradient_square_sum<double>(
      pool, g.data(), nullptr, static_cast<long>(g.size()), {}, sums);
}
}  // namespace

TEST_CASE("clip: as published, by the global norm") {
  ThreadPool pool(1);
  SquareSum sums(16);
  const nlohmann::json cases = test::vectors("optimizers")["clip_by_global_norm"];
  REQUIRE(!cases.empty());
  for (const auto& c : cases) {
    const auto grads = c["grads"].get<std::vector<std::vector<double>>>();
    double square = 0;
    for (const auto& g : grads) square += norm2(pool, g, sums);
    CHECK(std::sqrt(square) == doctest::Approx(c["global_norm"].get<double>()).epsilon(1e-14));
    const auto rule = GradientRule<double>{}.clipped(clip_factor(std::sqrt(square), c["clip"]));
    for (std::size_t v = 0; v < grads.size(); ++v)
      for (std::size_t i = 0; i < grads[v].size(); ++i)
        CHECK(
            rule(grads[v][i], 0) ==
            doctest::Approx(c["clipped"][v][i].get<double>()).epsilon(1e-14));
  }
}

TEST_CASE("clip: as published, by tensor") {
  ThreadPool pool(1);
  SquareSum sums(16);
  const nlohmann::json cases = test::vectors("optimizers")["clip_by_norm_per_variable"];
  REQUIRE(!cases.empty());
  for (const auto& c : cases) {
    const auto grads = c["grads"].get<std::vector<std::vector<double>>>();
    for (std::size_t v = 0; v < grads.size(); ++v) {
      const double factor = clip_factor(std::sqrt(norm2(pool, grads[v], sums)), c["clip"]);
      for (std::size_t i = 0; i < grads[v].size(); ++i)
        CHECK(
            grads[v][i] * factor ==
            doctest::Approx(c["clipped"][v][i].get<double>()).epsilon(1e-14));
    }
  }
}

TEST_CASE("clip: the norm is that of the whole gradient, the weight's term included") {
  ThreadPool pool(1);
  SquareSum sums(4);
  const float g[2] = {6, 8}, w[2] = {0, 10};
  CHECK(gradient_square_sum<float>(pool, g, w, 2, {0.5f, 0.1f}, sums) == doctest::Approx(9 + 25));
}

TEST_CASE("clip: off, within the limit, not finite") {
  CHECK(clip_factor(100, 0) == 1);
  CHECK(clip_factor(10, 10) == 1);
  CHECK(clip_factor(20, 10) == 0.5);
  CHECK(clip_factor(std::numeric_limits<double>::infinity(), 10) == 1);
  CHECK(clip_factor(std::nan(""), 10) == 1);
}
