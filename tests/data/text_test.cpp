// Tests of the text helpers of the label readers.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/text.hpp"

#include <doctest/doctest.h>

#include <clocale>
#include <cmath>
#include <string>
#include <vector>

namespace ocelli::data {
namespace {

TEST_CASE("text: numbers are whole words of the C locale") {
  CHECK(parse_number(" 3.5 ") == 3.5);
  CHECK(parse_number("+2e1") == 20.0);
  CHECK(parse_number<int>("-7") == -7);
  for (const char* text : {"3,5", "", " ", "3.5x", "0x10", "1 2", "--1"}) {
    CHECK_FALSE(parse_number(text).has_value());
  }
  CHECK_FALSE(parse_number<int>("3.5").has_value());
  CHECK(std::isnan(*parse_number("nan")));
  // Whatever locale the program has set, if the machine has one with a comma at all.
  const std::string before = std::setlocale(LC_NUMERIC, nullptr);
  for (const char* name : {"de_DE.UTF-8", "fr_FR.UTF-8"}) std::setlocale(LC_NUMERIC, name);
  CHECK(parse_number("3.5") == 3.5);
  CHECK_FALSE(parse_number("3,5").has_value());
  std::setlocale(LC_NUMERIC, before.c_str());
}

TEST_CASE("text: lines of any system, and their numbers") {
  CHECK(
      split_lines("\xEF\xBB\xBF"
                  "a\r\n\nb c") == std::vector<std::string_view>{"a", "", "b c"});
  CHECK(split_lines("a\n") == std::vector<std::string_view>{"a"});
  CHECK(split_lines("").empty());
  const LineIndex index("ab\ncd\n");
  CHECK(index.line(0) == 1);
  CHECK(index.line(2) == 1);
  CHECK(index.line(3) == 2);
  CHECK(index.line(100) == 3);
}

TEST_CASE("text: parts of a key") {
  CHECK(folder_of("a/b.c/d.e.jpg") == "a/b.c/");
  CHECK(folder_of("d.jpg").empty());
  CHECK(stem_of("a/b.c/d.e.jpg") == "d.e");
  CHECK(extension_of("a.b/d").empty());
  CHECK(stem_of("a.b/d") == "d");
  CHECK(stem_of(".names") == ".names");
  CHECK(is_picture_name("a.JPG"));
  CHECK(is_picture_name("x/a.jpeg"));
  CHECK_FALSE(is_picture_name("a.txt"));
  CHECK_FALSE(is_picture_name("jpg"));
}

TEST_CASE("text: labels that look alike have one skeleton") {
  CHECK(label_skeleton(" Cat ") == "cat");
  CHECK(label_skeleton("caf\xC3\xA9") == "cafe");   // composed
  CHECK(label_skeleton("cafe\xCC\x81") == "cafe");  // decomposed
  CHECK(
      label_skeleton("\xC5\x81\xC3\xB3"
                     "d\xC5\xBA") == "\xC5\x81odz");  // Lodz: L has no base
  CHECK(label_skeleton("\xE7\x8C\xAB") == "\xE7\x8C\xAB");
  CHECK(label_skeleton("cat") != label_skeleton("cut"));
}

}  // namespace
}  // namespace ocelli::data
