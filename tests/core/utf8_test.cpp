// Tests of UTF-8: what is a character of it, and what is none.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/core/utf8.hpp"

#include <doctest/doctest.h>

#include <string_view>

namespace ocelli {
namespace {

TEST_CASE("utf8: what is in it") {
  for (const std::string_view text :
       {"", "cat", "caf\xC3\xA9", "\xE2\x82\xAC", "\xED\x9F\xBF", "\xF0\x9F\x90\xB1",
        "\xF4\x8F\xBF\xBF"}) {
    CAPTURE(text);
    CHECK(is_utf8(text));
    CHECK(utf8_shown(text) == text);
  }
  CHECK(is_utf8(std::string_view("a\0b", 3)));
}

TEST_CASE("utf8: what is not: other encodings, halves, overlong forms, surrogates") {
  for (const std::string_view text :
       {"caf\xE9", "\xC3", "\x80", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF0\x80\x80\xAF",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xE2\x82", "\xFF"}) {
    CAPTURE(utf8_shown(text));
    CHECK_FALSE(is_utf8(text));
  }
}

TEST_CASE("utf8: a length is that of the first character") {
  CHECK(utf8_length("cat") == 1);
  CHECK(utf8_length("\xC3\xA9t") == 2);
  CHECK(utf8_length("\xE2\x82\xACx") == 3);
  CHECK(utf8_length("\xF0\x9F\x90\xB1") == 4);
  CHECK(utf8_length("\xE9t") == 0);
}

TEST_CASE("utf8: bytes that are no characters are shown by number") {
  CHECK(utf8_shown("caf\xE9, \xC3\xA9 and \x0A") == "caf\\xE9, \xC3\xA9 and \n");
}

}  // namespace
}  // namespace ocelli
