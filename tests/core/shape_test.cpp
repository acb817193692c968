// Shape: sizes that do not overflow an int, equality, rounding up.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/core/shape.hpp"

#include <doctest/doctest.h>

using namespace ocelli;

TEST_CASE("shape: sizes") {
  constexpr Shape shape{30, 40, 3};
  static_assert(shape.pixels() == 1200);
  static_assert(shape.size() == 3600);
  static_assert(shape == Shape{30, 40, 3});
  static_assert(shape != Shape{40, 30, 3});
  CHECK(Shape{65536, 65536, 4}.size() == 4L * 65536 * 65536);
  CHECK(Shape{}.size() == 0);
}

TEST_CASE("shape: round_up") {
  CHECK(round_up(0, 16) == 0);
  CHECK(round_up(1, 16) == 16);
  CHECK(round_up(16, 16) == 16);
  CHECK(round_up(17, 16) == 32);
  CHECK(round_up(5, 1) == 5);
}
