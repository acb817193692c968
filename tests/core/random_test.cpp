// Random numbers: the generator's published answers, ranges, moments, and keyed permutations.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/core/random.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <set>
#include <vector>

namespace {
using namespace ocelli;
using Words = std::array<std::uint32_t, 4>;
}  // namespace

TEST_CASE("random: philox as published") {
  // Known answers of Random123, kat_vectors, philox4x32 with 10 rounds.
  static_assert(philox({0, 0, 0, 0}, 0) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  const std::uint32_t ones = 0xffffffff;
  static_assert(
      philox({ones, ones, ones, ones}, ~std::uint64_t{0}) ==
      Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  static_assert(
      philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0x299f31d0a4093822) ==
      Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
  CHECK(philox({0, 0, 0, 0}, 0)[0] == 0x6627e8d5);
}

TEST_CASE("random: a cursor counts blocks of its place") {
  Random random(42, Stream::augment, 7, 9);
  for (std::uint32_t block = 0; block < 3; ++block)
    for (const std::uint32_t word : philox({block, 9, 7, 3}, 42)) CHECK(random.bits() == word);
}

TEST_CASE("random: seed, stream, step and index each give other numbers") {
  std::set<std::uint32_t> firsts;
  for (std::uint64_t seed : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{1} << 32})
    for (Stream stream : {Stream::init, Stream::dropout})
      for (std::uint32_t step : {0u, 1u})
        for (std::uint32_t index : {0u, 1u})
          firsts.insert(Random(seed, stream, step, index).bits());
  CHECK(firsts.size() == 24);
  CHECK(Random(5, Stream::init, 1, 2).bits() == Random(5, Stream::init, 1, 2).bits());
}

TEST_CASE("random: ranges") {
  Random random(1, Stream::init);
  std::array<int, 7> hits{};
  for (int i = 0; i < 70000; ++i) {
    const float u = random.uniform();
    REQUIRE(u >= 0.0f);
    REQUIRE(u < 1.0f);
    const float v = random.uniform(-2.0f, 3.0f);
    REQUIRE(v >= -2.0f);
    REQUIRE(v <= 3.0f);
    const std::uint32_t n = random.below(7);
    REQUIRE(n < 7);
    ++hits[n];
    const double t = random.truncated_normal();
    REQUIRE(std::abs(t) <= 2.0);
  }
  // Expected 10,000 each; five standard deviations are 5 * sqrt(70000 * 6 / 49) = 463.
  for (const int count : hits) CHECK(std::abs(count - 10000) < 463);
  CHECK(random.below(1) == 0);
  CHECK_FALSE(random.chance(0.0f));
  CHECK(random.chance(1.0f));
}

TEST_CASE("random: moments") {
  const int count = 200000;
  const auto moments = [&](auto draw) {
    double sum = 0, squares = 0;
    for (int i = 0; i < count; ++i) {
      const double x = draw();
      sum += x;
      squares += x * x;
    }
    const double mean = sum / count;
    return std::array<double, 2>{mean, std::sqrt(squares / count - mean * mean)};
  };
  // A mean of 200,000 draws of deviation 1 deviates by 0.0022; 0.012 is more than five times that,
  // and the deviation's own error is smaller still.
  Random random(3, Stream::init);
  const auto uniform = moments([&] { return double(random.uniform()); });
  CHECK(std::abs(uniform[0] - 0.5) < 0.012);
  CHECK(std::abs(uniform[1] - std::sqrt(1.0 / 12)) < 0.012);
  const auto normal = moments([&] { return random.normal(); });
  CHECK(std::abs(normal[0]) < 0.012);
  CHECK(std::abs(normal[1] - 1) < 0.012);
  const auto truncated = moments([&] { return random.truncated_normal(); });
  CHECK(std::abs(truncated[0]) < 0.012);
  CHECK(std::abs(truncated[1] - 0.8796) < 0.012);
}

TEST_CASE("random: Permutation takes each place once") {
  std::vector<std::uint32_t> counts = {1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 255, 256, 257, 1000};
  counts.push_back(4096);
  counts.push_back(65537);
  for (const std::uint32_t count : counts)
    for (std::uint32_t epoch = 0; epoch < 3; ++epoch) {
      CAPTURE(count);
      const Permutation order(11, epoch, count);
      std::vector<char> seen(count, 0);
      for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint32_t at = order(i);
        REQUIRE(at < count);
        REQUIRE(seen[at] == 0);
        seen[at] = 1;
      }
    }
  // Also where 32 bits are nearly full.
  const Permutation large(11, 0, 4000000000u);
  std::set<std::uint32_t> places;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const std::uint32_t at = large(3999999999u - i);
    REQUIRE(at < 4000000000u);
    places.insert(at);
  }
  CHECK(places.size() == 1000);
}

TEST_CASE("random: Permutation mixes, and epochs differ") {
  const std::uint32_t count = 1000;
  const Permutation first(11, 0, count), second(11, 1, count), other(12, 0, count);
  double moved = 0;
  int same_epoch = 0, same_seed = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    moved += std::abs(double(first(i)) - i);
    same_epoch += first(i) == second(i);
    same_seed += first(i) == other(i);
  }
  // The mean distance of a random permutation is count / 3, and on average one place stays.
  CHECK(moved / count == doctest::Approx(count / 3.0).epsilon(0.1));
  CHECK(same_epoch < 10);
  CHECK(same_seed < 10);

  // Every order of a few pictures comes up.
  for (const std::uint32_t few : {2u, 3u, 4u}) {
    std::set<std::vector<std::uint32_t>> orders;
    for (std::uint32_t epoch = 0; epoch < 2000; ++epoch) {
      const Permutation order(11, epoch, few);
      std::vector<std::uint32_t> places;
      for (std::uint32_t i = 0; i < few; ++i) places.push_back(order(i));
      orders.insert(places);
    }
    CAPTURE(few);
    CHECK(orders.size() == (few == 2 ? 2 : few == 3 ? 6 : 24));
  }
}
