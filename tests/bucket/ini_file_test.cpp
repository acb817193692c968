// Sections, keys and nested keys, as the AWS tools read them.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/bucket/ini_file.hpp"

#include <doctest/doctest.h>

#include "support/message_of.hpp"

using namespace ocelli;
using namespace ocelli::bucket;
using namespace ocelli::test;

TEST_CASE("ini_file: sections, keys in lower case, comments, lines of Windows") {
  const IniFile file(
      "\xEF\xBB\xBF# first\r\n[default]\r\nRegion = eu-de\r\n; more\r\n\r\n"
      "[profile  \"two words\"] # why\r\na=b=c # d\r\n",
      "f");
  REQUIRE(file.section("default") != nullptr);
  CHECK(file.section("default")->at("region").text == "eu-de");
  CHECK(file.section("default")->at("region").line == 3);
  REQUIRE(file.section("profile two words") != nullptr);
  CHECK(file.section("profile two words")->at("a").text == "b=c # d");
  CHECK(file.section("profile") == nullptr);
}

TEST_CASE("ini_file: an indented line belongs to the key above") {
  const IniFile file(
      "[a]\ns3 =\n  endpoint_url = http://x\n\n  # between\n\taddressing_style=path\n"
      "long = one\n  two = 2\nregion = r\n[a]\nregion = s\n",
      "f");
  const IniFile::Section& a = *file.section("a");
  CHECK(a.at("s3.endpoint_url").text == "http://x");
  CHECK(a.at("s3.addressing_style").text == "path");
  CHECK(a.at("long").text == "one\ntwo = 2");
  CHECK(a.at("region").text == "s");  // the last one counts
  CHECK_FALSE(a.contains("two"));
}

TEST_CASE("ini_file: what is malformed is named by its line and not quoted") {
  const auto message = [](const char* text) {
    return message_of<ConfigError>([&] { IniFile(text, "keys"); });
  };
  CHECK(
      message("k = SECRET\n") ==
      "keys:1: a line before the first [section]; correct the line or remove it");
  CHECK(says(message("[a]\n\nSECRET\n"), "keys:3: not of the form key = value"));
  CHECK(says(message("[a]\n= SECRET\n"), "keys:2: not of the form"));
  CHECK(says(message("[a\n"), "keys:1: a [section] without its ]"));
  CHECK(says(message("[a] SECRET\n"), "keys:1: text after a [section]"));
  for (const char* text : {"k = SECRET\n", "[a]\n\nSECRET\n", "[a]\n= SECRET\n", "[a] SECRET\n"})
    CHECK_FALSE(says(message(text), "SECRET"));
}
