// Buffer: alignment, zeroes, moves.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/core/buffer.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <utility>

using ocelli::Buffer;

TEST_CASE("buffer: aligned and zeroed, at any size") {
  for (const std::size_t count : {1u, 3u, 15u, 16u, 17u, 1000u, 65537u}) {
    CAPTURE(count);
    Buffer<float> floats(count);
    Buffer<double> doubles(count);
    Buffer<std::uint8_t> bytes(count);
    CHECK(reinterpret_cast<std::uintptr_t>(floats.data()) % 64 == 0);
    CHECK(reinterpret_cast<std::uintptr_t>(doubles.data()) % 64 == 0);
    CHECK(reinterpret_cast<std::uintptr_t>(bytes.data()) % 64 == 0);
    REQUIRE(floats.size() == count);
    for (const float v : floats.span()) REQUIRE(v == 0.0f);
    for (const std::uint8_t v : bytes.span()) REQUIRE(v == 0);
  }
}

TEST_CASE("buffer: empty ones hold nothing") {
  Buffer<int> none, zero(0);
  for (Buffer<int>* each : {&none, &zero}) {
    CHECK(each->data() == nullptr);
    CHECK(each->size() == 0);
    CHECK(each->span().empty());
    each->zero();
  }
}

TEST_CASE("buffer: a move keeps the address") {
  Buffer<int> first(4);
  first[2] = 7;
  const int* const at = first.data();
  Buffer<int> second = std::move(first);
  CHECK(second.data() == at);
  CHECK(second.size() == 4);
  CHECK(std::as_const(second)[2] == 7);
  second.zero();
  CHECK(second[2] == 0);
}

TEST_CASE("buffer: a copy takes all values, and buffers of one size only") {
  Buffer<int> from(3), to(3), small(2);
  for (int i = 0; i < 3; ++i) from[static_cast<std::size_t>(i)] = i + 1;
  copy(to, from);
  CHECK(to[0] == 1);
  CHECK(to[2] == 3);
  CHECK_THROWS_WITH_AS(
      copy(small, from), "buffer: a copy of 3 values into a buffer of 2", ocelli::ShapeError);
}
