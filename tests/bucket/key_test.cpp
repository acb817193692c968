// Which keys may become paths.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/bucket/key.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace ocelli::bucket;

TEST_CASE("key: those that stay below their root are safe") {
  for (const char* key : {"a", "a.jpg", "a/b.jpg", ".hidden", "a..b", "...", "a b+%.png", "~", "-"})
    CHECK_MESSAGE(key_is_safe(key), key);
}

TEST_CASE("key: those that lead out of it, or name no file, are not") {
  for (const char* key :
       {"", "/", "/a", "a/", "a//b", ".", "..", "./a", "../a", "a/.", "a/..", "a/../b", "a/./b"})
    CHECK_MESSAGE(!key_is_safe(key), key);
  CHECK_FALSE(key_is_safe(std::string_view("a\0b", 3)));
}
