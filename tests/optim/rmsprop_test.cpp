// SPDX-License-Identifier: Apache-2.0
#include "ocelli/optim/rmsprop.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <vector>

#include "ocelli/core/random.hpp"
#include "support/counting_allocator.hpp"
#include "support/vectors.hpp"

using namespace ocelli;

namespace {

template <class T>
void check_trajectory(const nlohmann::json& v, double tolerance, bool quadratic = false) {
  const auto& p = v["params"];
  const RmsPropOptions options{p["decay"], p["momentum"], p["epsilon"]};
  options.check();
  T w = static_cast<T>(p["x0"].template get<double>());
  T r = static_cast<T>(kRmsPropMeanSquareStart), m = 0;
  REQUIRE(v["trajectory"].size() == 10);
  for (const auto& step : v["trajectory"]) {
    const T g = quadratic ? 2 * w : static_cast<T>(step["grad"].template get<double>());
    CHECK(rmsprop_update(&w, &g, &r, &m, 1, p["lr"], options));
    const auto near = [&](T got, const char* key) {
      const double want = step[key].template get<double>();
      return std::abs(static_cast<double>(got) - want) <=
             tolerance * std::fmax(std::abs(want), 0.01);
    };
    CHECK(near(r, "mean_square"));
    CHECK(near(m, "momentum"));
    CHECK(near(w, "x"));
  }
}

struct Slots {
  explicit Slots(long size) : w(static_cast<std::size_t>(size)), g(w), r(w.size(), 1.0f), m(w) {
    Random random(1, Stream::demo);
    for (float& x : w) x = random.uniform(-1, 1);
    for (float& x : g) x = random.uniform(-3, 3);
  }
  std::vector<float> w, g, r, m;
};

}  // namespace

TEST_CASE("rmsprop: as published") {
  const nlohmann::json v = test::vectors("optimizers");
  check_trajectory<double>(v["rmsprop_ssd"], 1e-13);
  check_trajectory<double>(v["rmsprop_ssdlite_onepanel_defaults"], 1e-13);
  check_trajectory<double>(v["rmsprop_quadratic"], 1e-13, true);
  check_trajectory<float>(v["rmsprop_ssd"], 1e-5);
  check_trajectory<float>(v["rmsprop_ssdlite_onepanel_defaults"], 1e-5);
}

TEST_CASE("rmsprop: the gradient is scaled, then the weight's own term is added") {
  double w = 2, r = 1, m = 0, g = 8;
  double w2 = 2, r2 = 1, m2 = 0, g2 = 8 * 0.25 + 0.5 * 2;
  rmsprop_update(&w, &g, &r, &m, 1, 0.1, {}, {.scale = 0.25, .l2 = 0.5});
  rmsprop_update(&w2, &g2, &r2, &m2, 1, 0.1, {});
  CHECK(w == w2);
  CHECK(r == r2);
  const GradientRule<double> clipped = GradientRule<double>{0.25, 0.5}.clipped(0.1);
  CHECK(clipped(8, 2) == doctest::Approx(0.3));
}

TEST_CASE("rmsprop: any number of threads, the same bits; no allocation") {
  const long size = 5 * kChunk + 77;
  Slots plain(size), one(size), three(size);
  ThreadPool pool1(1), pool3(3);
  const GradientRule<float> rule{0.5f, 1e-4f};
  for (int step = 0; step < 3; ++step) {
    CHECK(rmsprop_update(
        plain.w.data(), plain.g.data(), plain.r.data(), plain.m.data(), size, 0.01, {}, rule));
    CHECK(rmsprop_update(
        pool1, one.w.data(), one.g.data(), one.r.data(), one.m.data(), size, 0.01, {}, rule));
    const test::AllocationCount allocations;
    CHECK(rmsprop_update(
        pool3, three.w.data(), three.g.data(), three.r.data(), three.m.data(), size, 0.01, {},
        rule));
    CHECK(allocations.so_far() == 0);
  }
  CHECK(std::memcmp(plain.w.data(), three.w.data(), plain.w.size() * sizeof(float)) == 0);
  CHECK(std::memcmp(one.w.data(), three.w.data(), one.w.size() * sizeof(float)) == 0);
  CHECK(std::memcmp(one.r.data(), three.r.data(), one.w.size() * sizeof(float)) == 0);
}

TEST_CASE("rmsprop: tells of gradients that are not finite, wherever they are") {
  const long size = 2 * kChunk + 5;
  ThreadPool pool(2);
  for (long at : {0L, 19L, kChunk, size - 1})
    for (float bad : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
      Slots s(size);
      s.g[static_cast<std::size_t>(at)] = bad;
      CHECK_FALSE(
          rmsprop_update(pool, s.w.data(), s.g.data(), s.r.data(), s.m.data(), size, 0.01, {}));
    }
  double w = 1, g = std::nan(""), r = 1, m = 0;
  CHECK_FALSE(rmsprop_update(&w, &g, &r, &m, 1, 0.1, {}));
}

TEST_CASE("rmsprop: options out of range") {
  CHECK_THROWS_AS(RmsPropOptions{.decay = 1.5}.check(), ConfigError);
  CHECK_THROWS_AS(RmsPropOptions{.momentum = -1}.check(), ConfigError);
  CHECK_THROWS_AS(RmsPropOptions{.epsilon = 0}.check(), ConfigError);
}
