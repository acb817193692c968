// SPDX-License-Identifier: Apache-2.0
#include "ocelli/optim/l2.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "support/counting_allocator.hpp"
#include "support/vectors.hpp"

using namespace ocelli;

TEST_CASE("l2: as published") {
  const nlohmann::json v = test::vectors("losses")["l2_regularizer"];
  const auto w = v["w"].get<std::vector<double>>();
  ThreadPool pool(1);
  SquareSum sums(3);
  const double c = v["weight"];
  CHECK(
      l2_loss(pool, w.data(), 3, c, sums) ==
      doctest::Approx(v["loss"].get<double>()).epsilon(1e-14));
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(GradientRule<double>{.l2 = c}(0, w[i]) == doctest::Approx(v["grad"][i].get<double>()));
  CHECK(l2_loss(pool, w.data(), 3, 0, sums) == 0);
  CHECK(l2_loss(pool, w.data(), 0, c, sums) == 0);
}

TEST_CASE("l2: one order of summation on any number of threads; no allocation") {
  const long size = 7 * kChunk + 13;
  std::vector<float> w(static_cast<std::size_t>(size));
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = 1.0f / static_cast<float>(i + 1);
  ThreadPool one(1), three(3);
  SquareSum sums(size);
  const double a = l2_loss(one, w.data(), size, 2, sums);
  const test::AllocationCount allocations;
  CHECK(l2_loss(three, w.data(), size, 2, sums) == a);
  CHECK(allocations.so_far() == 0);
  double plain = 0;
  for (float x : w) plain += static_cast<double>(x) * static_cast<double>(x);
  CHECK(a == doctest::Approx(plain).epsilon(1e-12));
}
