// Tests of changing `_annotations.json` and writing it back.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/json_labels.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ocelli/core/random.hpp"
#include "ocelli/data/label_document.hpp"
#include "support/message_of.hpp"

namespace ocelli::data {
namespace {

using test::message_of;
using test::says;
using Names = std::vector<std::string>;

// As the tool leaves it, with fields that are only the tool's.
const std::string real =
    R"({"version":"1.0","type":"localization","labels":["cat","dog"],"owner":{"z":1,"a":[1.50,2e3]},)"
    R"("annotations":{"b.jpg":[{"x":0.25,"label":"cat","y":0.1234567890123456,"x2":0.75,"y2":1,"id":"e-7","seen":true},)"
    R"({"label":"bird"}],"a é/1.jpg":[{"label":"dog","x":0,"y":0,"x2":1,"y2":1,"id":12}],"empty.jpg":[]},"after":null})";

JsonLabels document(const std::string& text) { return JsonLabels(text, "b/_annotations.json"); }
std::string fault(const std::string& text) {
  return message_of<DataError>([&] { document(text); });
}

TEST_CASE("json_labels: what is read") {
  const JsonLabels labels(real, "j");
  CHECK(labels.type() == "localization");
  CHECK(labels.labels() == Names{"cat", "dog", "bird"});
  CHECK(labels.keys() == Names{"b.jpg", "a \xC3\xA9/1.jpg"});
  const auto entries = labels.entries("b.jpg");
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].label == "cat");
  REQUIRE(entries[0].box);
  CHECK((*entries[0].box)[1] == 0.1234567890123456);
  CHECK(entries[0].id == "\"e-7\"");
  CHECK_FALSE(entries[1].box);
  CHECK(labels.entries("a \xC3\xA9/1.jpg")[0].id == "12");
  CHECK(labels.entries("gone.jpg").empty());
}

TEST_CASE("json_labels: without a change the text keeps every value, field and order") {
  std::string text = JsonLabels(real, "j").text();
  CHECK(nlohmann::ordered_json::parse(text) == nlohmann::ordered_json::parse(real));
  // Down to the letter, but for zeros that say nothing.
  std::string same = real;
  same.replace(same.find("1.50"), 4, "1.5");
  same.replace(same.find("2e3"), 3, "2000.0");
  CHECK(text == same);
  // Indented as it was.
  const std::string wide = nlohmann::ordered_json::parse(real).dump(4) + "\n";
  CHECK(JsonLabels(wide, "j").text() == wide);
}

TEST_CASE("json_labels: random documents come back as they were, also through a change and back") {
  for (std::uint32_t i = 0; i < 300; ++i) {
    Random random(11, Stream::demo, 0, i);
    nlohmann::ordered_json json = {{"labels", nlohmann::ordered_json::array({"cat", "dog"})}};
    if (random.chance(0.5f)) json["version"] = "1.0";
    if (random.chance(0.5f)) json["field " + std::to_string(random.bits())] = random.normal();
    auto& annotations = json["annotations"] = nlohmann::ordered_json::object();
    for (std::uint32_t n = random.below(5); n > 0; --n) {
      auto& entries = annotations[std::to_string(random.bits()) + ".jpg"];
      entries = nlohmann::ordered_json::array();
      for (std::uint32_t m = random.below(4); m > 0; --m) {
        nlohmann::ordered_json entry = {{"label", random.chance(0.5f) ? "cat" : "dog"}};
        if (random.chance(0.7f)) {
          for (const char* corner : {"y2", "x", "y", "x2"}) {
            entry[corner] = static_cast<double>(random.bits()) / 4294967296.0;
          }
        }
        if (random.chance(0.3f)) entry["id"] = random.bits();
        if (random.chance(0.3f)) entry["more"] = {{"deep", {1, nullptr, "\xC3\xA9\n"}}};
        entries.push_back(std::move(entry));
      }
    }
    const std::string text = json.dump();
    CAPTURE(text);
    JsonLabels labels(text, "j");
    REQUIRE(labels.text() == text);
    const LabelEntry entry{"cat", {{0.1, 0.2, 0.3, 0.4}}, "\"new\""};
    labels.add("new.jpg", {entry});
    REQUIRE(labels.text() != text);
    labels.remove("new.jpg", entry);
    REQUIRE(labels.text() == text);
  }
}

TEST_CASE("json_labels: new entries go to the front, in their order") {
  JsonLabels labels(real, "j");
  labels.add("b.jpg", {{"owl", {{0, 0.5, 1, 1}}, "\"n\""}, {"cat"}});
  CHECK(labels.labels() == Names{"cat", "dog", "owl", "bird"});  // listed before those in entries
  CHECK(says(
      labels.text(),
      R"("b.jpg":[{"label":"owl","x":0,"y":0.5,"x2":1,"y2":1,"id":"n"},{"label":"cat"},{"x":0.25,)"));
  labels.add("new.jpg", {{"cat"}});
  CHECK(says(labels.text(), R"("empty.jpg":[],"new.jpg":[{"label":"cat"}]},"after":null})"));
  // The same change again adds nothing.
  const std::string before = labels.text();
  labels.add("b.jpg", {{"owl", {{0, 0.5, 1, 1}}, "\"n\""}});
  CHECK(labels.text() == before);
  // Nothing to add is no key: an empty list would make a negative.
  labels.add("none.jpg", {});
  CHECK(labels.text() == before);
}

TEST_CASE("json_labels: with its last entry a picture is no key any more") {
  JsonLabels labels(real, "j");
  labels.remove("b.jpg", {"cat"});  // there is one with a box only
  CHECK(labels.entries("b.jpg").size() == 2);
  labels.remove("b.jpg", {"bird"});
  CHECK(labels.entries("b.jpg").size() == 1);
  labels.remove("b.jpg", {"cat", {{0.25, 0.1234567890123456, 0.75, 1}}, "\"other\""});
  CHECK(labels.entries("b.jpg").size() == 1);
  labels.remove("b.jpg", {"cat", {{0.25, 0.1234567890123456, 0.75, 1}}});
  CHECK(labels.keys() == Names{"a \xC3\xA9/1.jpg"});
  CHECK_FALSE(says(labels.text(), "b.jpg"));
  CHECK(says(labels.text(), "\"empty.jpg\":[]"));
  labels.remove("b.jpg", {"cat"});
  CHECK(labels.labels() == Names{"cat", "dog"});
}

TEST_CASE("json_labels: a label goes with all its entries") {
  JsonLabels labels(real, "j");
  labels.remove_label("dog");
  CHECK(labels.labels() == Names{"cat", "bird"});
  CHECK(labels.keys() == Names{"b.jpg"});
  labels.remove_label("bird");  // which is not listed
  CHECK(labels.labels() == Names{"cat"});
  labels.add_label("dog");
  labels.add_label("cat");
  CHECK(labels.labels() == Names{"cat", "dog"});
  JsonLabels bare(R"({"annotations":{"a.jpg":[{"label":"x"}]}})", "j");
  bare.remove_label("x");
  CHECK(bare.text() == R"({"annotations":{}})");
}

TEST_CASE("json_labels: a new project, and its type") {
  JsonLabels labels("j");
  CHECK(labels.text() == R"({"version":"1.0","labels":[],"annotations":{}})");
  labels.set_type("classification");
  CHECK(
      labels.text() == R"({"version":"1.0","type":"classification","labels":[],"annotations":{}})");
  CHECK(
      message_of<DataError>([&] {
        labels.add("a.jpg", {{"cat", {{0, 0, 1, 1}}}});
      }) ==
      "j: a project of classification has no boxes; leave the box out, or make it a project of "
      "localization");
  labels.set_type("localization");
  labels.add("a.jpg", {{"cat", {{0, 0, 1, 1}}}});
  CHECK(labels.type() == "localization");
  CHECK(labels.keys() == Names{"a.jpg"});
}

TEST_CASE("json_labels: what could not be written back is refused") {
  CHECK(
      fault("{\n\"annotations\":{\n\"a.jpg\":[{\"label\":\"c\",\"x\":NaN}]}}") ==
      "b/_annotations.json:3: holds what JSON has not (NaN, Infinity, bytes that are no UTF-8), so "
      "it cannot be written back; correct it");
  CHECK(says(fault("{\"annotations\":{\"\xE9\":[]}}"), "bytes that are no UTF-8"));
  CHECK(
      fault(R"({"annotations":{"a.jpg":[],"b.jpg":[],"a.jpg":[{"label":"c"}]}})") ==
      "b/_annotations.json: \"a.jpg\" is there twice in one object, and only one could be written "
      "back; join the two by hand");
  CHECK(
      fault(R"({"annotations":{"a.jpg":[{"label":"c","id":1e999}]}})") ==
      "b/_annotations.json: holds a number that no double takes, so it cannot be written back: "
      "'1e999'; correct it");
  const std::string deep(300, '['), close(300, ']');
  CHECK(says(fault("{\"annotations\":{},\"x\":" + deep + close + "}"), "nested too deeply"));
  CHECK(says(fault("{\"annotations\":{}"), "b/_annotations.json:1: not well-formed JSON"));
  CHECK(says(fault("{}"), "there is no \"annotations\""));
  JsonLabels labels(R"({"annotations":{"a.jpg":{"k":{"label":"c"}}}})", "j");
  CHECK(labels.labels().empty());
  CHECK(labels.entries("a.jpg").empty());
  CHECK(labels.keys().empty());
  CHECK(says(
      message_of<DataError>([&] { labels.add("a.jpg", {{"c"}}); }),
      "the entries of \"a.jpg\" are not a list"));
  CHECK(says(
      message_of<DataError>([&] { labels.add("b.jpg", {{"\xE9"}}); }),
      "not UTF-8 cannot be written"));
  CHECK(labels.text() == R"({"annotations":{"a.jpg":{"k":{"label":"c"}}}})");
}

TEST_CASE("json_labels: version v2 is read, and not written") {
  V2Labels labels(
      R"({"version":"v2","labels":{"l":{"name":"cat"}},"images":{"a.jpg":{"annotations":["k"]}},
"annotations":{"k":{"label":"l","targets":[{"x":0,"y":0},{"x":1,"y":0.5}]}}})",
      "j");
  CHECK(labels.labels() == Names{"cat"});
  CHECK(labels.keys() == Names{"a.jpg"});
  REQUIRE(labels.entries("a.jpg").size() == 1);
  CHECK((*labels.entries("a.jpg")[0].box)[3] == 0.5);
  const std::string text =
      "j: labels of version v2 are read, not written; change them in the tool that wrote them";
  CHECK(message_of<DataError>([&] { labels.add("a.jpg", {}); }) == text);
  CHECK(message_of<DataError>([&] { labels.remove("a.jpg", {}); }) == text);
  CHECK(message_of<DataError>([&] { labels.add_label("x"); }) == text);
  CHECK(message_of<DataError>([&] { labels.remove_label("x"); }) == text);
  CHECK(message_of<DataError>([&] { labels.set_type("x"); }) == text);
  CHECK(message_of<DataError>([&] { labels.text(); }) == text);
}

TEST_CASE("label_document: entries are checked, and made from boxes in pixels") {
  const LabelEntry entry = boxed_entry("cat", PixelBox{1, 2, 3, 6}, 4, 8);
  CHECK(*entry.box == std::array<double, 4>{0.25, 0.25, 0.75, 0.75});
  CHECK_NOTHROW(check_entry(entry, "a.jpg"));
  CHECK(says(
      message_of<DataError>([] { check_entry({""}, "a.jpg"); }),
      "a.jpg: an entry without a label"));
  using Box = std::array<double, 4>;
  for (const Box& box :
       {Box{0.5, 0, 0.5, 1}, Box{0.6, 0, 0.5, 1}, Box{-0.1, 0, 1, 1}, Box{0, 0, 1, 1.01},
        Box{std::nan(""), 0, 1, 1}, Box{0, 0, 1, std::nan("")}}) {
    CHECK(says(
        message_of<DataError>([&] {
          check_entry({"cat", box}, "a.jpg");
        }),
        "a.jpg: the box of \"cat\" is none: x "));
  }
}

}  // namespace
}  // namespace ocelli::data
