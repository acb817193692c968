// Tests of recognising a data set, and of refusing a faulty one.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/open.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/label_fixtures.hpp"
#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"

namespace ocelli::data {
namespace {

using test::message_of;
using test::says;

const std::string voc =
    "<annotation><filename>a.jpg</filename><object><name>cat</name><bndbox><xmin>3</xmin>"
    "<ymin>2</ymin><xmax>6</xmax><ymax>4</ymax></bndbox></object></annotation>";
const std::string coco =
    R"({"images":[{"id":1,"file_name":"a.jpg"}],"categories":[{"id":1,"name":"cat"}],
"annotations":[{"id":1,"image_id":1,"category_id":1,"bbox":[2,1,4,3]}]})";
const std::string cloud =
    R"({"labels":["cat"],"annotations":{"a.jpg":[{"label":"cat","x":0.25,"y":0.2,"x2":0.75,"y2":0.6}]}})";
const std::string table = "a.jpg,cat\n";
const std::string cvat =
    R"(<annotations><image name="a.jpg"><box label="cat" xtl="2" ytl="1" xbr="6" ybr="4"/></image></annotations>)";

TEST_CASE("open: every layout is recognised") {
  struct Layout {
    const char* format;
    std::vector<std::pair<std::string, std::string>> files;
  };
  const std::vector<Layout> layouts = {
      {"voc", {{"Annotations/a.xml", voc}}},
      {"voc", {{"a.xml", voc}}},
      {"coco", {{"annotations/instances_default.json", coco}}},
      {"coco", {{"_annotations.coco.json", coco}, {"package.json", "{\"name\":\"x\"}"}}},
      {"cloud-annotations", {{"_annotations.json", cloud}}},
      {"cloud-annotations-csv", {{"_annotations.csv", table}, {"_labels.csv", "cat\n"}}},
      {"cvat", {{"annotations.xml", cvat}}},
      {"yolo", {{"obj.names", "cat\n"}, {"a.txt", "0 0.5 0.5 0.5 0.5\n"}}}};
  for (const Layout& layout : layouts) {
    CAPTURE(layout.format);
    MemorySource source;
    source.put("a.jpg", test::png(6, 8));
    for (const auto& [key, text] : layout.files) source.put(key, text);
    const Dataset data = open(source);
    CHECK(data.format == layout.format);
    CHECK(data.labels == std::vector<std::string>{"cat"});
    REQUIRE(data.pictures.size() == 1);
    CHECK(data.pictures[0].objects.size() + data.pictures[0].tags.size() == 1);
    CHECK(open(source, {.format = layout.format}).format == layout.format);
  }
}

TEST_CASE("open: what was looked for is said when nothing is there") {
  MemorySource source("bucket");
  source.put("a.jpg", test::png(6, 8));
  const std::string text = message_of<DataError>([&] { open(source); });
  CHECK(says(
      text,
      "bucket: no labels were recognised; looked for _annotations.json and _annotations.csv"));
  for (const char* name : {"VOC", "CVAT", "COCO", "YOLO", "obj.names"}) CHECK(says(text, name));
  CHECK(says(
      message_of<DataError>([&] { open(source, {.format = "coco"}); }),
      "no labels of the format coco were found"));
  CHECK(says(
      message_of<ConfigError>([&] { open(source, {.format = "voc2"}); }),
      "the format \"voc2\" is not known; voc, coco, cloud-annotations, cloud-annotations-csv, yolo"
      " and cvat are"));
}

TEST_CASE("open: of two label files of a bucket the JSON is read, and a note says so") {
  MemorySource source;
  source.put("a.jpg", test::png(6, 8));
  source.put("_annotations.csv", "a.jpg,dog\n");
  source.put("sub/_annotations.json", cloud);
  CHECK(open(source).format == "cloud-annotations-csv");  // what is at the root goes first
  source.put("_annotations.json", cloud);
  const Dataset data = open(source);
  CHECK(data.labels == std::vector<std::string>{"cat"});
  CHECK(
      test::told(data, "labels_of_two_kinds") ==
      "note _annotations.csv: there is _annotations.json too: that is read, and _annotations.csv "
      "is not");
  CHECK(
      test::told(data, "labels_elsewhere") ==
      "note sub/_annotations.json: these labels are not read: those at the root are, in "
      "_annotations.json");
  const Dataset asked = open(source, {.format = "cloud-annotations-csv"});
  CHECK(asked.labels == std::vector<std::string>{"dog"});
  CHECK(says(
      message_of<DataError>(
          [&] { open(source, {.format = "cloud-annotations-csv", .split = "train"}); }),
      "the format cloud-annotations-csv knows no subsets"));
}

TEST_CASE("open: a subset among several COCO files") {
  MemorySource source;
  source.put("images/a.jpg", test::png(6, 8));
  source.put("annotations/instances_train2017.json", coco);
  source.put("annotations/instances_val2017.json", coco);
  source.put("annotations/instances_retrain.json", coco);
  CHECK(
      open(source, {.split = "train"}).pictures[0].label_source ==
      "annotations/instances_train2017.json");
  CHECK(open(source, {.split = "annotations/instances_val2017.json"}).pictures.size() == 1);
  CHECK(says(message_of<DataError>([&] { open(source); }), "there are several coco label files: "));
  CHECK(says(
      message_of<DataError>([&] { open(source, {.split = "test"}); }),
      "there is no coco label file for the subset \"test\"; there are: annotations/instances_"));
}

TEST_CASE("open: formats without subsets say so") {
  MemorySource source;
  source.put("a.jpg", test::png(6, 8));
  source.put("_annotations.json", cloud);
  CHECK(says(
      message_of<DataError>([&] { open(source, {.split = "train"}); }),
      "the format cloud-annotations knows no subsets like \"train\"; split it by percentage"));
}

TEST_CASE("open: faulty labels are refused with their places, unless to be kept going with") {
  MemorySource source("bucket");
  std::string faulty = coco;
  faulty.replace(faulty.find("\"category_id\":1"), 15, "\"category_id\":7");
  source.put("a.jpg", test::png(6, 8));
  source.put("l.json", faulty);
  CHECK(
      message_of<DataError>([&] { open(source); }) ==
      "bucket: 1 fault in the labels:\n  l.json:2: annotation 1 is of category 7, which is not in "
      "the "
      "list; correct them (`ocelli check` lists all)");
  CHECK(open(source, {.keep_going = true}).findings.size() >= 1);
}

TEST_CASE("open: pictures that cannot be read are a fault, or left out and told") {
  MemorySource source("bucket");
  source.put("_annotations.csv", "a.jpg,cat\nb.jpg,cat\n");
  source.put("_labels.csv", "cat\n");
  source.put("a.jpg", test::png(6, 8));
  for (const char* key : {"b.jpg", "c.jpg"}) source.put(key, "no picture");
  const std::string text = message_of<DataError>([&] { open(source); });
  CHECK_MESSAGE(says(text, "bucket: 2 faults in the labels"), text);
  CHECK_MESSAGE(says(text, "_annotations.csv:2: b.jpg: not a picture"), text);
  CHECK_MESSAGE(says(text, "--skip-bad"), text);
  for (const bool strict : {false, true}) {
    const Dataset data = open(source, {.strict = strict, .skip_bad = true});
    CHECK(test::count(data, "picture_unreadable") == 2);
    CHECK(says(test::told(data, "picture_unreadable"), "dropped _annotations.csv:2: b.jpg"));
    CHECK(says(test::told(data, "picture_unreadable"), "it is left out"));
    REQUIRE(data.pictures.size() == 3);
    CHECK(data.pictures[0].state == PictureState::labelled);
    CHECK(data.pictures[1].state == PictureState::unlabelled);
    CHECK(data.pictures[1].tags.empty());
    CHECK(data.pictures[2].state == PictureState::unlabelled);
  }
  source.put("_annotations.csv", "a.jpg,cat\na.jpg,\n");  // a fault of the labels stays one
  CHECK(says(message_of<DataError>([&] { open(source, {.skip_bad = true}); }), "has no label"));
}

TEST_CASE("open: a folder or a label file by its path") {
  const test::TemporaryFolder folder;
  const auto put = [&](const std::string& key, std::string_view text) {
    std::filesystem::create_directories((folder / key).parent_path());
    std::ofstream(folder / key, std::ios::binary) << text;
  };
  const auto png = test::png(6, 8);
  put("images/a.jpg", as_text(png));
  put("annotations/instances_default.json", coco);
  put("annotations/notes.txt", "x");
  put("other/_annotations.json", cloud);
  put("other/a.jpg", as_text(png));
  put("other/task.xml", cvat);
  const auto path = [&](const std::string& key) { return (folder / key).string(); };
  CHECK(open(path(""), {.format = "coco"}).pictures.size() == 1);
  CHECK(says(
      message_of<DataError>([&] { open(path("")); }),
      "labels of several formats: cloud-annotations (other/_annotations.json) and cvat "
      "(other/task.xml); name the format, or open a label file itself"));
  const Dataset coco_data = open(path("annotations/instances_default.json"));
  CHECK(coco_data.pictures[0].key == "images/a.jpg");
  CHECK(coco_data.root == folder.path().string());
  CHECK(open(path("other/_annotations.json")).format == "cloud-annotations");
  CHECK(open(path("other/task.xml")).format == "cvat");
  put("table/_annotations.csv", table);
  put("table/a.jpg", as_text(png));
  CHECK(open(path("table/_annotations.csv")).pictures[0].tags == std::vector<int>{1});
  CHECK(says(
      message_of<DataError>([&] { open(path("annotations/notes.txt")); }), "not a label file"));
  CHECK(
      says(message_of<StoreError>([&] { open(path("none")); }), "no such folder; check the path"));
}

}  // namespace
}  // namespace ocelli::data
