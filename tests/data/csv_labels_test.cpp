// Tests of changing `_annotations.csv` and `_labels.csv` and writing them back.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/csv_labels.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/message_of.hpp"

namespace ocelli::data {
namespace {

using test::message_of;
using test::says;
using Names = std::vector<std::string>;

const std::string rows =
    "b.jpg,dog\n\"c,d.jpg\", cat ,more\n\nalone\na.jpg,\nb.jpg,cat\nsub/e 1.jpg,dog\n";

TEST_CASE("csv_labels: what is read") {
  const CsvLabels labels(rows, "owl\ncat\ndog\n", "b/");
  CHECK(labels.type() == "classification");
  CHECK(labels.labels() == Names{"dog", "cat", "owl"});  // of the rows, then those without a row
  CHECK(labels.keys() == Names{"b.jpg", "c,d.jpg", "sub/e 1.jpg"});
  REQUIRE(labels.entries("b.jpg").size() == 2);
  CHECK(labels.entries("b.jpg")[1].label == "cat");
  CHECK(labels.entries("c,d.jpg")[0].label == "cat");
  CHECK(labels.entries("a.jpg").empty());
}

TEST_CASE("csv_labels: without a change the text stays, also what is not understood") {
  const CsvLabels labels(rows, "owl\ncat\ndog\n", "b/");
  CHECK(labels.text() == rows);
  CHECK(labels.labels_text() == "owl\ncat\ndog\n");
  const CsvLabels windows("a.jpg,cat\r\nb.jpg,dog", "cat\r\n", "b/");
  CHECK(windows.text() == "a.jpg,cat\r\nb.jpg,dog\r\n");
  CHECK(windows.labels_text() == "cat\r\n");
}

TEST_CASE("csv_labels: new rows go to the end, and new labels into the list") {
  CsvLabels labels("a.jpg,cat\n", "cat\n", "b/");
  labels.add("b.jpg", {{"big, old"}, {"cat"}});
  labels.add("a.jpg", {{"cat"}});  // as it is
  CHECK(labels.text() == "a.jpg,cat\nb.jpg,\"big, old\"\nb.jpg,cat\n");
  CHECK(labels.labels_text() == "cat\n\"big, old\"\n");
  labels.add_label("owl");
  labels.add_label("owl");
  CHECK(labels.labels_text() == "cat\n\"big, old\"\nowl\n");
}

TEST_CASE("csv_labels: entries and labels are removed") {
  CsvLabels labels(rows, "owl\ncat\ndog\n", "b/");
  labels.remove("b.jpg", {"cat"});
  labels.remove("b.jpg", {"owl"});
  CHECK(labels.entries("b.jpg").size() == 1);
  labels.remove_label("dog");
  CHECK(labels.text() == "\"c,d.jpg\", cat ,more\n\nalone\na.jpg,\n");
  CHECK(labels.labels_text() == "owl\ncat\n");
}

TEST_CASE("csv_labels: what does not fit is refused, and changes nothing") {
  CsvLabels labels("", "", "b/");
  CHECK(
      message_of<DataError>([&] {
        labels.add("a.jpg", {{"cat"}, {"cat", {{0, 0, 1, 1}}}});
      }) ==
      "b/_annotations.csv: a project with _annotations.csv labels whole pictures; boxes need an "
      "_annotations.json");
  for (const char* label : {"", " cat", "cat\t", "a\nb"}) {
    CHECK(says(
        message_of<DataError>([&] {
          labels.add("a.jpg", {{"dog"}, {label}});
        }),
        "would not come back from a CSV file"));
    CHECK_THROWS_AS(labels.add_label(label), DataError);
  }
  for (const bool of_label : {true, false}) {
    const std::string text = message_of<DataError>(
        [&] { labels.add(of_label ? "a.jpg" : "\xE9.jpg", {{of_label ? "caf\xE9" : "cat"}}); });
    CHECK_MESSAGE(says(text, "\\xE9"), text);
    CHECK_MESSAGE(says(text, "is not UTF-8, so it cannot be written"), text);
  }
  CHECK_THROWS_AS(labels.set_type("localization"), DataError);
  CHECK_NOTHROW(labels.set_type("classification"));
  CHECK(labels.text() == "");
  CHECK(labels.labels_text() == "");
  CHECK(says(
      message_of<DataError>([] { CsvLabels("a.jpg,\"", "", "b/"); }),
      "b/_annotations.csv:1: not a CSV table"));
  CHECK(says(
      message_of<DataError>([] { CsvLabels("", "\"", "b/"); }),
      "b/_labels.csv:1: not a CSV table"));
}

}  // namespace
}  // namespace ocelli::data
