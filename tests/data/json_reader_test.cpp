// Tests of walking a JSON text: values, order, lines, faults.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/json_reader.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "support/message_of.hpp"

namespace ocelli::data {
namespace {

using test::message_of;
using test::says;

TEST_CASE("json_reader: values in the order of the text, with their lines") {
  JsonReader json(
      "\xEF\xBB\xBF{\"b\": [1, -2.5e1],\n \"a\": \"x\\n\\u00e9\\ud83d\\ude00\\\"\",\n\n\"b\": "
      "null, \"t\": true}\n",
      "a.json");
  std::string seen;
  json.object([&](std::string_view key) {
    seen += std::string(key) + json.where();
    switch (json.peek()) {
      case JsonReader::Kind::array: {
        std::vector<double> values;
        json.array([&](std::size_t i) {
          CHECK(i == values.size());
          values.push_back(json.number());
        });
        CHECK(values == std::vector<double>{1, -25});
        break;
      }
      case JsonReader::Kind::string:
        CHECK(json.string() == "x\n\xC3\xA9\xF0\x9F\x98\x80\"");
        break;
      case JsonReader::Kind::null:
        json.null();
        break;
      default:
        CHECK(json.boolean());
    }
  });
  json.end();
  CHECK(seen == "ba.json:1aa.json:2ba.json:4ta.json:4");
}

TEST_CASE("json_reader: Python's numbers") {
  JsonReader json("[NaN, Infinity, -Infinity, 1e999]", "a.json");
  std::vector<double> values;
  json.array([&](std::size_t) { values.push_back(json.number()); });
  CHECK(std::isnan(values[0]));
  CHECK(values[1] == INFINITY);
  CHECK(values[2] == -INFINITY);
  CHECK(std::isinf(values[3]));
}

TEST_CASE("json_reader: skipping passes over anything, however deep") {
  for (const std::string& text :
       {std::string(
            "{\"a\": {\"b\": [1, {}, [], \"]\", [2, {\"c\": null}]], \"d\": true}, \"e\": 1}"),
        std::string(100000, '[') + std::string(100000, ']'), std::string("[]"),
        std::string("-0.5")}) {
    JsonReader json(text, "a.json");
    json.skip();
    json.end();
  }
}

TEST_CASE("json_reader: faults name file and line") {
  const auto message = [](const std::string& text) {
    return message_of<DataError>([&] {
      JsonReader json(text, "sub/a.json");
      json.skip();
      json.end();
    });
  };
  CHECK(
      message("{\"a\": 1,\n\"b\" 2}") ==
      "sub/a.json:2: not well-formed JSON: expected ':'; correct the file or write it again");
  CHECK(says(
      message("{\"a\": [1, 2\n"), "sub/a.json:2: not well-formed JSON: the text ends too early"));
  CHECK(says(message("[1 2]"), "expected ',' or the end"));
  CHECK(says(message("[1,]"), "expected a value"));
  CHECK(says(message("[1]]"), "text after the end"));
  CHECK(says(message("\"abc"), "a string does not end"));
  CHECK(says(message("\"\\ud83d\""), "surrogate"));
  CHECK(says(message("\"\\u12\""), "malformed \\u escape"));
  CHECK(says(message("\"\\x\""), "unknown escape"));
  CHECK(says(message("[1,5 tru]"), "expected"));
  CHECK(says(message("nul"), "expected a value"));
  CHECK(says(message(""), "ends too early"));
  CHECK(says(message(std::string(100000, '[')), "ends too early"));
}

}  // namespace
}  // namespace ocelli::data
