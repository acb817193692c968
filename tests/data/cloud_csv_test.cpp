// Tests of reading `_annotations.csv`, and what stands beside it.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/cloud_csv.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "ocelli/data/project_files.hpp"
#include "support/label_fixtures.hpp"
#include "support/message_of.hpp"

namespace ocelli::data {
namespace {

using test::count;
using test::message_of;
using test::picture;
using test::says;
using test::told;
using Labels = std::vector<std::string>;

Dataset read(
    const std::string& rows, const std::string& labels = "", const std::string& type = "",
    const ReadOptions& options = {}) {
  MemorySource source;
  for (const char* key : {"b.jpg", "a.jpg", "sub/b 2+\xC3\xA9.jpg", "c,d.png", "e.JPEG"}) {
    source.put(key, test::png(6, 8));
  }
  source.put("_annotations.csv", rows);
  if (!labels.empty()) source.put("_labels.csv", labels);
  if (!type.empty()) source.put("_type", type);
  return read_cloud_csv(source, "_annotations.csv", options);
}

TEST_CASE("cloud_csv: rows label whole pictures, in the order of the file") {
  const Dataset data = read(
      "\xEF\xBB\xBF"
      "b.jpg,dog\r\nsub/b 2+\xC3\xA9.jpg,  cat\t\r\n\r\n\"c,d.png\",\"big, old \"\"cat\"\"\"\r\n",
      "cat\ndog\n\"big, old \"\"cat\"\"\"\n");
  CHECK(data.format == "cloud-annotations-csv");
  CHECK(data.type == "classification");
  CHECK(data.labels == Labels{"dog", "cat", "big, old \"cat\""});
  REQUIRE(data.pictures.size() == 5);
  CHECK(data.pictures[0].key == "b.jpg");
  CHECK(data.pictures[0].tags == std::vector<int>{1});
  CHECK(data.pictures[0].objects.empty());
  CHECK(data.pictures[0].width == 8);
  CHECK(data.pictures[0].label_source == "_annotations.csv");
  CHECK(data.pictures[1].key == "sub/b 2+\xC3\xA9.jpg");
  CHECK(data.pictures[1].tags == std::vector<int>{2});
  CHECK(data.pictures[2].key == "c,d.png");
  CHECK(data.pictures[2].tags == std::vector<int>{3});
  CHECK(data.pictures[2].state == PictureState::labelled);
  // Without a row: unknown, never negative; by key behind the others.
  CHECK(data.pictures[3].key == "a.jpg");
  CHECK(data.pictures[4].key == "e.JPEG");
  CHECK(data.pictures[3].state == PictureState::unlabelled);
  CHECK(says(told(data, "unlabelled"), "2 of 5 pictures"));
  CHECK(data.findings.size() == 1);
}

TEST_CASE("cloud_csv: a picture under two labels has both") {
  const Dataset data = read("a.jpg,cat\nb.jpg,dog\na.jpg,dog\na.jpg,cat\na.jpg,bird\n", "cat\n");
  CHECK(picture(data, "a.jpg").tags == std::vector<int>{1, 2, 3});
  CHECK(count(data, "picture_with_several_labels") == 1);
  CHECK(
      told(data, "picture_with_several_labels") ==
      "note _annotations.csv:3: \"a.jpg\" has the label \"cat\" and \"dog\"");
  CHECK(
      told(data, "row_twice") ==
      "repaired _annotations.csv:4: \"a.jpg\" has the label \"cat\" since line 1; it counts once");
}

TEST_CASE("cloud_csv: rows that cannot be used are named by line") {
  const Dataset data = read(
      "a.jpg\n,cat\nb.jpg,  "
      "\ngone.jpg,cat\ngone.jpg,dog\n../b.jpg,cat\n\"e.JPEG\",cat,big\nimage,label");
  const std::string at = "_annotations.csv:";
  CHECK(
      told(data, "row_malformed") ==
      "error " + at + "1: \"a.jpg\" stands alone; a row is key,label");
  CHECK(
      told(data, "key_missing") ==
      "error " + at + "2: there is no key of a picture before the comma");
  CHECK(told(data, "label_missing") == "error " + at + "3: \"b.jpg\" has no label");
  CHECK(
      told(data, "picture_missing") ==
      "dropped " + at + "4: the picture \"gone.jpg\" does not exist");
  CHECK(count(data, "picture_missing") == 3);
  CHECK(
      told(data, "row_too_long") ==
      "repaired " + at +
          "7: \"e.JPEG\" has 3 fields; \"cat\" is taken for its label, the rest is left out");
  CHECK(picture(data, "a.jpg").state == PictureState::unlabelled);
  CHECK(picture(data, "b.jpg").state == PictureState::unlabelled);
  CHECK(picture(data, "e.JPEG").tags == std::vector<int>{1});
  CHECK(data.labels == Labels{"cat", "dog", "label"});  // of the rows, whatever their pictures
  CHECK_THROWS_AS(read("a.jpg\n", "", "", {.strict = true}), DataError);
}

TEST_CASE("cloud_csv: labels that look like missing values, or alike") {
  const Dataset data = read("a.jpg,NaN\nb.jpg,nan\ne.JPEG,Cat\n\"c,d.png\",cat\n");
  CHECK(data.labels == Labels{"NaN", "nan", "Cat", "cat"});
  CHECK(
      told(data, "label_suspicious") ==
      "note _annotations.csv:1: the label \"NaN\" looks like a missing value; it is a class like "
      "others");
  CHECK(count(data, "label_suspicious") == 2);
  CHECK(count(data, "labels_alike") == 2);
}

TEST_CASE("cloud_csv: what is no table is refused") {
  CHECK(says(
      message_of<DataError>([] { read("a.jpg,cat\n\"b.jpg,dog\n"); }),
      "_annotations.csv:2: not a CSV table: a quote that does not end"));
  CHECK(says(
      message_of<DataError>([] { read("a.jpg,cat\n", "cat\n\"dog\n"); }),
      "_labels.csv:2: not a CSV table"));
}

TEST_CASE("cloud_csv: the list of labels decides no class") {
  const Dataset data = read("a.jpg,cat\nb.jpg,dog\n", "zebra\n\ndog\nzebra\n");
  CHECK(data.labels == Labels{"cat", "dog"});
  CHECK(
      told(data, "label_unused") ==
      "note _labels.csv: no picture has the label \"zebra\": it is no class");
  CHECK(count(data, "label_unused") == 1);
  CHECK(
      told(data, "label_not_listed") ==
      "note _annotations.csv:1: the label \"cat\" is not in _labels.csv");
  CHECK(count(data, "label_list_missing") == 0);
  CHECK(
      told(read("a.jpg,cat\n"), "label_list_missing") ==
      "note _labels.csv: there is no _labels.csv, which the labelling tool needs beside "
      "_annotations.csv");
}

TEST_CASE("cloud_csv: what is not UTF-8 is named by file and line, and no class") {
  const Dataset data = read("b.jpg,caf\xC3\xA9\na.jpg,caf\xE9\n\xE9.jpg,dog\n", "dog\nca\xE9\n");
  CHECK(data.labels == Labels{"caf\xC3\xA9"});
  CHECK(count(data, "not_utf8") == 2);
  CHECK(says(
      told(data, "not_utf8"),
      "error _annotations.csv:2: \"a.jpg,caf\\xE9\" is not UTF-8; save the file in UTF-8"));
  CHECK(says(
      told(data, "label_list_not_utf8"),
      "note _labels.csv:2: the label \"ca\\xE9\" is not UTF-8; save the file in UTF-8"));
  CHECK(says(
      told(read("b.jpg,dog\n\xE9.jpg,dog\n"), "not_utf8"),
      "error _annotations.csv:2: \"\\xE9.jpg,dog\" is not UTF-8"));
}

TEST_CASE("cloud_csv: given labels choose and order the classes") {
  const Dataset data = read("a.jpg,cat\nb.jpg,dog\n", "", "", {.labels = {"dog", "cow"}});
  CHECK(data.labels == Labels{"dog", "cow"});
  CHECK(picture(data, "b.jpg").tags == std::vector<int>{1});
  CHECK(
      told(data, "label_not_wanted") ==
      "dropped _annotations.csv:1: the label \"cat\" is none of the classes");
}

TEST_CASE("cloud_csv: pictures are looked for beside the file") {
  MemorySource source;
  source.put("a.jpg", test::png(6, 8));
  source.put("p/a.jpg", test::png(3, 4));
  source.put("p/_annotations.csv", "a.jpg,cat");
  const Dataset data = read_cloud_csv(source, "p/_annotations.csv");
  REQUIRE(data.pictures.size() == 1);
  CHECK(data.pictures[0].key == "p/a.jpg");
  CHECK(data.pictures[0].width == 4);
}

TEST_CASE("cloud_csv: the type beside it") {
  CHECK(read("", "", "classification\n").type == "classification");
  CHECK(read("", "", "classification\n").findings.size() == 2);  // no list, 5 unlabelled
  const Dataset other = read("", "", "localization");
  CHECK(other.type == "classification");
  CHECK(
      told(other, "type_differs") ==
      "note _type:1: the type is localization here and classification in _annotations.csv, which "
      "is followed");
  CHECK(
      told(read("", "", "Video"), "type_unknown") ==
      "note _type:1: the type \"Video\" is neither classification nor localization; it is ignored");
}

TEST_CASE("project_files: a list of labels, read and written") {
  const std::string text =
      "\xEF\xBB\xBF cat \r\n\r\n \r\nblack, white\r\n\"say \"\"x\"\"\"\r\n,odd,\r\nCaf\xC3\xA9 #2";
  const Labels labels = {"cat", "black, white", "say \"x\"", ",odd,", "Caf\xC3\xA9 #2"};
  CHECK(parse_labels_csv(text, "_labels.csv") == labels);
  CHECK(parse_labels_csv(labels_csv_text(labels), "_labels.csv") == labels);
  CHECK(labels_csv_text({"cat", "a,b"}, "\r\n") == "cat\r\n\"a,b\"\r\n");
  CHECK(parse_type("\xEF\xBB\xBF localization\r\n") == "localization");
}

}  // namespace
}  // namespace ocelli::data
