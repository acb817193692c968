// Tests of repeating Python's random numbers.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/python_random.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "support/vectors.hpp"

namespace ocelli::data {
namespace {

TEST_CASE("python_random: as published") {
  const auto vectors = test::vectors("split_random");
  PythonRandom words(42);
  for (const auto& word : vectors.at("seed42_words"))
    CHECK(words.word() == word.get<std::uint32_t>());
  PythonRandom uniforms(99);
  for (const auto& u : vectors.at("seed99_uniforms")) CHECK(uniforms.uniform() == u.get<double>());
  for (const auto& [count, shuffled] : vectors.at("shuffles").items()) {
    std::vector<int> order(std::stoul(count));
    std::iota(order.begin(), order.end(), 0);
    PythonRandom(42).shuffle(order);
    CHECK(order == shuffled.get<std::vector<int>>());
  }
}

TEST_CASE("python_random: a state of 624 words is refilled") {
  // random.seed(2**40 + 5); the 1300th getrandbits(32)
  PythonRandom random((std::uint64_t{1} << 40) + 5);
  for (int i = 1; i < 1300; ++i) random.word();
  CHECK(random.word() == 2589966109u);
}

}  // namespace
}  // namespace ocelli::data
