// Tests of reading `_annotations.json`.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/cloud_annotations.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/label_fixtures.hpp"
#include "support/message_of.hpp"

namespace ocelli::data {
namespace {

using test::count;
using test::message_of;
using test::picture;
using test::says;
using test::told;

Dataset read(const std::string& text, const ReadOptions& options = {}) {
  MemorySource source;
  for (const char* key : {"b.jpg", "a.jpg", "sub/b 2+\xC3\xA9.jpg", "c.png"}) {
    source.put(key, test::png(6, 8));
  }
  source.put("_annotations.json", text);
  return read_cloud_annotations(source, "_annotations.json", options);
}
Dataset read_entries(const std::string& entries) {
  return read("{\"version\":\"1.0\",\"labels\":[\"cat\"],\"annotations\":{\n" + entries + "}}");
}

TEST_CASE("cloud_annotations: version 1.0, in the order of the file") {
  const Dataset data = read(R"({"version":"1.0","type":"localization","labels":["dog","cat"],
"annotations":{"b.jpg":[{"label":"cat","x":0.25,"y":0.16666666666666666,"x2":0.75,"y2":0.6666666666666666,"id":"e"}],
"sub/b 2+\u00e9.jpg":[{"label":"dog","x":0,"y":0,"x2":1,"y2":1},{"label":"bird"}]}})");
  CHECK(data.labels == std::vector<std::string>{"dog", "cat", "bird"});
  REQUIRE(data.pictures.size() == 4);
  CHECK(data.pictures[0].key == "b.jpg");
  CHECK(data.pictures[1].key == "sub/b 2+\xC3\xA9.jpg");
  const PixelBox box = data.pictures[0].objects[0].box;
  CHECK(box.xmin == 2);
  CHECK(box.ymin == doctest::Approx(1));
  CHECK(box.xmax == 6);
  CHECK(box.ymax == doctest::Approx(4));
  CHECK(data.pictures[0].objects[0].label == 2);
  CHECK(data.pictures[1].tags == std::vector<int>{3});
  CHECK(
      told(data, "label_not_listed") ==
      "note _annotations.json:3: the label \"bird\" is not in \"labels\"; it was added");
}

TEST_CASE("cloud_annotations: a picture that is no key is unlabelled, never a negative") {
  const Dataset data =
      read_entries(R"("a.jpg":[{"label":"cat","x":0,"y":0,"x2":1,"y2":1}],"b.jpg":[])");
  CHECK(picture(data, "a.jpg").state == PictureState::labelled);
  CHECK(picture(data, "b.jpg").state == PictureState::negative);  // an explicit, empty list
  CHECK(picture(data, "c.png").state == PictureState::unlabelled);
  CHECK(says(told(data, "unlabelled"), "2 of 4 pictures"));
}

TEST_CASE("cloud_annotations: classification labels whole pictures") {
  const Dataset data = read(
      R"({"type":"classification","labels":["cat"],"annotations":{"a.jpg":[{"label":"cat"}]}})");
  CHECK(picture(data, "a.jpg").tags == std::vector<int>{1});
  CHECK(picture(data, "a.jpg").objects.empty());
  CHECK(picture(data, "a.jpg").state == PictureState::labelled);
}

TEST_CASE("cloud_annotations: coordinates are those of the picture as it is shown") {
  MemorySource source;
  source.put("a.jpg", test::turned_jpeg(6, 8, 6));  // shown 6 wide, 8 high
  source.put(
      "_annotations.json",
      R"({"labels":["cat"],"annotations":{"a.jpg":[{"label":"cat","x":0,"y":0,"x2":0.5,"y2":0.5}]}})");
  const Dataset data = read_cloud_annotations(source, "_annotations.json");
  CHECK(data.pictures[0].objects[0].box == PixelBox{0, 0, 4, 3});
}

TEST_CASE("cloud_annotations: faults name line, entry and picture") {
  const Dataset data = read_entries(R"("a.jpg":[{"label":"cat","x":0.1,"y":0.1},
{"x":0,"y":0,"x2":1,"y2":1},
{"label":"cat","x":0.9,"y":0.5,"x2":0.1,"y2":1.2},
{"label":"cat","x":0.5,"y":0.5,"x2":0.5,"y2":0.9}, 7],
"gone.jpg":[{"label":"cat","x":0,"y":0,"x2":1,"y2":1}],
"../b.jpg":[{"label":"cat"}],
"b.jpg":{},
"a.jpg":[{"label":"cat"}])");
  const std::string at = "_annotations.json:";
  CHECK(
      told(data, "number_malformed") ==
      "error " + at +
          "2: entry 0 of \"a.jpg\" (\"cat\") needs four numbers x, y, "
          "x2, y2, or none");
  CHECK(told(data, "label_missing") == "error " + at + "3: entry 1 of \"a.jpg\" has no label");
  CHECK(says(told(data, "box_reversed"), "repaired " + at + "4: \"a.jpg\": "));
  CHECK(says(told(data, "box_clipped"), "repaired " + at + "4: \"a.jpg\": "));
  CHECK(says(told(data, "box_without_area"), "dropped " + at + "5: \"a.jpg\": "));
  CHECK(
      told(data, "entry_malformed") == "error " + at + "5: entry 4 of \"a.jpg\" is not an object");
  CHECK(
      told(data, "picture_missing") ==
      "dropped " + at + "6: the picture \"gone.jpg\" does not exist");
  CHECK(count(data, "picture_missing") == 2);  // and "../b.jpg", which leads outside
  CHECK(
      told(data, "picture_twice") ==
      "error " + at + "9: \"a.jpg\" was labelled before, in " + at + "2");
  CHECK(picture(data, "b.jpg").state == PictureState::unlabelled);
  CHECK(picture(data, "a.jpg").objects.size() == 1);
}

TEST_CASE("cloud_annotations: labels in different case are two, and named") {
  const Dataset data = read(R"({"labels":["cat","Cat"],"annotations":{}})");
  CHECK(data.labels.size() == 2);
  CHECK(says(told(data, "labels_alike"), "\"cat\" and \"Cat\""));
}

TEST_CASE("cloud_annotations: the type, and `_type` where the file has none") {
  const auto typed = [](const std::string& text, const std::string& type) {
    MemorySource source;
    source.put("a.jpg", test::png(6, 8));
    source.put("_annotations.json", text);
    if (!type.empty()) source.put("_type", type);
    return read_cloud_annotations(source, "_annotations.json");
  };
  const std::string box = R"("annotations":{"a.jpg":[{"label":"c","x":0,"y":0,"x2":1,"y2":1}]}})";
  const std::string tag = R"("annotations":{"a.jpg":[{"label":"c"}]}})";
  CHECK(typed(R"({"type":"localization",)" + tag, "").type == "localization");
  CHECK(typed("{" + tag, "localization\n").type == "localization");
  CHECK(typed("{" + tag, "").type == "classification");
  CHECK(typed("{" + box, "").type == "localization");
  CHECK(typed(R"({"annotations":{}})", "").type == "");
  const Dataset both = typed("{\n\"type\":\"localization\"," + box, "classification");
  CHECK(both.type == "localization");
  CHECK(
      told(both, "type_differs") ==
      "note _type:1: the type is classification here and localization in _annotations.json:2, "
      "which is followed");
  CHECK(
      told(typed(R"({"type":"detection",)" + box, ""), "type_unknown") ==
      "note _annotations.json:1: the type \"detection\" is neither classification nor "
      "localization; it is ignored");
  CHECK(
      told(typed(R"({"type":"classification",)" + box, ""), "type_contradicted") ==
      "note _annotations.json:1: the project is one of classification, but has boxes");
}

TEST_CASE("cloud_annotations: labels that are there twice, or empty") {
  const Dataset data = read(R"({"type":"classification","labels":["cat","dog","cat","bird"],
"annotations":{"a.jpg":[{"label":"dog"},{"label":"dog"},{"label":"bird"}],"b.jpg":[{"label":""}]}})");
  CHECK(data.labels == std::vector<std::string>{"cat", "dog", "bird"});
  CHECK(
      told(data, "label_listed_twice") ==
      "note _annotations.json: \"labels\" has \"cat\" twice; it is one class, and later ones move "
      "up");
  CHECK(picture(data, "a.jpg").tags == std::vector<int>{2, 3});
  CHECK(
      told(data, "tag_twice") ==
      "repaired _annotations.json:2: \"a.jpg\" as a whole has the label \"dog\" twice; it counts "
      "once");
  CHECK(
      told(data, "picture_with_several_labels") ==
      "note _annotations.json:2: \"a.jpg\" has 2 labels");
  CHECK(says(told(data, "label_missing"), "entry 0 of \"b.jpg\" has no label"));
  CHECK(picture(data, "b.jpg").state == PictureState::unlabelled);
}

TEST_CASE("cloud_annotations: an entry without corners is no box of a localization project") {
  const Dataset data = read(R"({"version":"1.0","type":"localization","labels":["cat"],
"annotations":{"a.jpg":[{"label":"cat"},{"label":"cat","x":0,"y":0,"x2":1,"y2":1}],"b.jpg":[{"label":"cat"}]}})");
  CHECK(picture(data, "a.jpg").objects.size() == 1);
  CHECK(picture(data, "b.jpg").objects.empty());
  CHECK(picture(data, "b.jpg").state == PictureState::labelled);  // tagged: not empty
}

TEST_CASE("cloud_annotations: corners that are no numbers, or none at all") {
  const Dataset data = read_entries(R"("a.jpg":[{"label":"cat","x":NaN,"y":0,"x2":1,"y2":1}],
"b.jpg":[{"label":"cat","x":"0","y":0,"x2":1,"y2":1}])");
  CHECK(says(told(data, "box_not_finite"), "dropped _annotations.json:2: \"a.jpg\": the box of"));
  CHECK(says(told(data, "number_malformed"), "error _annotations.json:3: entry 0 of \"b.jpg\""));
}

TEST_CASE("cloud_annotations: version v2") {
  const Dataset data = read(
      R"({"version":"v2","labels":{"l1":{"id":"l1","name":"cat"},"l2":{"name":"dog"},"l3":"owl"},
"images":{"a.jpg":{"id":"a.jpg","date":1,"annotations":["k","gone"]},"b.jpg":{"annotations":[]}},
"annotations":{"k":{"id":"k","label":"l2","tool":"box","targets":[{"id":"p","x":0.25,"y":0},{"id":"q","x":0.75,"y":0.5}]}}})");
  CHECK(data.labels == std::vector<std::string>{"cat", "dog", "owl"});
  const Picture& a = picture(data, "a.jpg");
  REQUIRE(a.objects.size() == 1);
  CHECK(a.objects[0].label == 2);
  CHECK(a.objects[0].box == PixelBox{0, 2, 3, 6});
  CHECK(picture(data, "b.jpg").state == PictureState::unlabelled);
  CHECK(
      told(data, "annotation_unknown") ==
      "error _annotations.json:2: \"a.jpg\" lists the annotation \"gone\", which does not exist");
}

TEST_CASE("cloud_annotations: files that are none") {
  CHECK(message_of<DataError>([] {
          read(R"({"version":"3.0","annotations":{}})");
        }) == "_annotations.json: the version \"3.0\" is not known; 1.0 and v2 are read");
  CHECK(message_of<DataError>([] {
          read("{\n\"version\":2,\"annotations\":{}}");
        }) == "_annotations.json:2: the version is not a string; 1.0 and v2 are read");
  CHECK(
      says(message_of<DataError>([] { read("{\"labels\":[]}"); }), "there is no \"annotations\""));
  CHECK(says(
      message_of<DataError>([] { read("{\n\"annotations\":[]}"); }),
      "_annotations.json:2: \"annotations\" is not an object"));
  CHECK(says(
      message_of<DataError>([] { read("{\n\"labels\":{},"); }),
      "_annotations.json:2: not well-formed"));
  CHECK(says(
      message_of<DataError>([] { read("{\"labels\":[1],\"annotations\":{}}"); }),
      "a label is not a string"));
}

}  // namespace
}  // namespace ocelli::data
