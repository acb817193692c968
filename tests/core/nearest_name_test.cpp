// Distances by hand, and the nearest of a few names.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/core/nearest_name.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string_view>

using namespace ocelli;

TEST_CASE("nearest_name: distances by hand") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("abc", "") == 3);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("abcd", "acbd") == 1);  // a swap of neighbours counts once
}

TEST_CASE("nearest_name: the nearest, the first of equals, none of none") {
  constexpr std::array<std::string_view, 3> names = {"batch_size", "num_steps", "num_stops"};
  CHECK(nearest_name("bach_size", names) == "batch_size");
  CHECK(nearest_name("num_st-ps", names) == "num_steps");
  CHECK(nearest_name("x", std::array<std::string_view, 0>{}).empty());
  CHECK(nearest_name(std::string(100000, 'a'), names) == "batch_size");  // and ends soon
}

TEST_CASE("nearest_name: text for messages and for comparing") {
  CHECK(shown("a\nb\xff") == "a?b?");
  CHECK(shown(std::string(61, 'x')) == std::string(60, 'x') + "...");
  CHECK(plain_name(" Num-Steps\t") == "num_steps");
  CHECK(plain_name("  ").empty());
}
