// Tests of reading COCO labels with their pictures.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/coco.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/label_fixtures.hpp"
#include "support/message_of.hpp"

namespace ocelli::data {
namespace {

using test::count;
using test::picture;
using test::says;
using test::told;

const std::string images =
    R"("images":[{"id":0,"file_name":"a.jpg","width":8,"height":6},
{"id":9,"file_name":"b c.jpg","width":8,"height":6}],)";
const std::string categories = R"("categories":[{"id":90,"name":"dog"},{"id":3,"name":"cat"}],)";

Dataset read(const std::string& text, const ReadOptions& options = {}) {
  MemorySource source;
  source.put("images/b c.jpg", test::png(6, 8));
  source.put("images/a.jpg", test::png(6, 8));
  source.put("images/unlisted.jpg", test::png(6, 8));
  source.put("annotations/instances.json", text);
  return read_coco(source, "annotations/instances.json", options);
}
Dataset read_annotations(const std::string& annotations, const ReadOptions& options = {}) {
  return read("{" + images + categories + "\n\"annotations\":[\n" + annotations + "]}", options);
}

TEST_CASE("coco: ids with holes, and 0; classes by the order of ids") {
  const Dataset data = read_annotations(
      R"({"id":1,"image_id":0,"category_id":3,"iscrowd":0,"area":12,"bbox":[2,1,4,3],"segmentation":[[2,1,6,1,6,4,2,4]]})");
  CHECK(data.labels == std::vector<std::string>{"cat", "dog"});
  const Picture& a = picture(data, "images/a.jpg");
  CHECK(a.objects[0].label == 1);
  CHECK(a.objects[0].box == PixelBox{1, 2, 4, 6});
  CHECK(a.objects[0].polygon[0] == Ring{2, 1, 6, 1, 6, 4, 2, 4});
  CHECK(picture(data, "images/b c.jpg").state == PictureState::negative);
  CHECK(picture(data, "images/unlisted.jpg").state == PictureState::unlabelled);
}

TEST_CASE("coco: a category 0 is an ordinary one") {
  const Dataset data =
      read("{" + images + R"("categories":[{"id":1,"name":"b"},{"id":0,"name":"a"}],
"annotations":[{"id":1,"image_id":9,"category_id":0,"bbox":[2,1,4,3]}]})");
  CHECK(data.labels == std::vector<std::string>{"a", "b"});
  CHECK(picture(data, "images/b c.jpg").objects[0].label == 1);
  CHECK(says(
      told(data, "category_id_zero"), "note annotations/instances.json:2: the category \"a\""));
}

TEST_CASE("coco: crowds are regions to ignore; a mask in run lengths leaves its box") {
  const Dataset data = read_annotations(
      R"({"id":1,"image_id":0,"category_id":3,"iscrowd":1,"segmentation":{"size":[6,8],"counts":"=3300000;"}},
{"id":2,"image_id":0,"category_id":90,"segmentation":[[2,1,6,1,6,4],[0,0,1,0,1,2]]})");
  const auto& objects = picture(data, "images/a.jpg").objects;
  REQUIRE(objects.size() == 2);
  CHECK(objects[0].crowd);
  CHECK(objects[0].polygon.empty());
  CHECK(objects[0].box == PixelBox{1, 2, 4, 6});
  CHECK(objects[1].polygon.size() == 2);
  CHECK(objects[1].box == PixelBox{0, 0, 4, 6});  // around all rings
  CHECK(
      told(data, "mask_as_box") ==
      "note annotations/instances.json: 1 masks are given as run lengths: their boxes are kept");
}

TEST_CASE("coco: faults name line and annotation, and the others stay") {
  const Dataset data = read_annotations(
      R"({"id":1,"image_id":0,"category_id":5,"bbox":[2,1,4,3]},
{"id":2,"image_id":77,"category_id":3,"bbox":[2,1,4,3]},
{"id":3,"image_id":0,"category_id":3,"bbox":[2,1,0,3]},
{"id":4,"image_id":0,"category_id":3,"bbox":[2,1,4]},
{"id":5,"image_id":0,"category_id":3,"bbox":[NaN,1,4,3]},
{"id":6,"image_id":0,"category_id":3},
{"id":7,"image_id":"x","category_id":3,"bbox":[2,1,4,3]},
{"id":8,"image_id":0,"category_id":3,"bbox":[2,1,4,3],"segmentation":{"size":[6,8],"counts":[1,2]}},
{"id":8,"image_id":0,"category_id":3,"bbox":[2,1,4,3],"segmentation":[2,1,6,1,6,4]},
{"id":10,"image_id":0,"category_id":3,"bbox":[6,4,-4,-3]},
{"id":11,"image_id":0,"category_id":3,"bbox":[2,1,4,3],"segmentation":[[2,1,6,1]]}, 5)");
  const std::string at = "annotations/instances.json:";
  CHECK(
      told(data, "category_unknown") ==
      "error " + at + "4: annotation 1 is of category 5, which is not in the list");
  CHECK(
      told(data, "image_unknown") ==
      "dropped " + at + "5: annotation 2 is of image 77, which is not in the list");
  CHECK(
      told(data, "box_without_area") ==
      "dropped " + at + "6: annotation 3: the box of \"cat\" has no area: x 2 to 2, y 1 to 4");
  CHECK(
      told(data, "number_malformed") ==
      "error " + at + "7: bbox of annotation 4 is not four numbers");
  CHECK(says(told(data, "box_not_finite"), "dropped " + at + "8: annotation 5: "));
  CHECK(says(told(data, "box_missing"), "dropped " + at + "9: annotation 6: "));
  CHECK(
      told(data, "annotation_malformed") ==
      "error " + at + "10: annotation 7 has no whole number as image_id");
  CHECK(count(data, "segmentation_malformed") == 2);
  CHECK(says(
      told(data, "segmentation_malformed"),
      "dropped " + at + "11: the segmentation of annotation 8 is wrong: the runs"));
  CHECK(
      says(told(data, "annotation_id_twice"), "note " + at + "12: two annotations have the id 8"));
  CHECK(says(told(data, "box_reversed"), "repaired " + at + "13: annotation 10: "));
  CHECK(
      says(told(data, "ring_unusable"), "dropped " + at + "14: annotation 11: a ring of \"cat\""));
  CHECK(says(told(data, "entry_malformed"), "error " + at + "14: an entry of \"annotations\""));
  CHECK(picture(data, "images/a.jpg").objects.size() == 4);
}

TEST_CASE("coco: ids and names that occur twice") {
  const Dataset data = read(R"({"images":[{"id":1,"file_name":"a.jpg"},
{"id":1,"file_name":"b c.jpg"},
{"id":2,"file_name":"a.jpg"},
{"id":3,"file_name":"gone.jpg"}],
"categories":[{"id":1,"name":"cat"},
{"id":1,"name":"dog"},
{"id":2,"name":"cat"}],
"annotations":[]})");
  const std::string at = "annotations/instances.json:";
  CHECK(
      told(data, "image_id_twice") ==
      "error " + at + "2: two images have the id 1; the second is \"b c.jpg\"");
  CHECK(
      told(data, "picture_twice") ==
      "error " + at + "3: \"images/a.jpg\" was labelled before, in " + at + "1");
  CHECK(
      told(data, "picture_missing") ==
      "dropped " + at + "4: the picture \"gone.jpg\" does not exist");
  CHECK(says(told(data, "category_id_twice"), "error " + at + "6: "));
  CHECK(says(told(data, "category_name_twice"), "note " + at + "7: "));
  CHECK(data.labels == std::vector<std::string>{"cat"});
}

TEST_CASE("coco: equal file names in two folders are told apart by their paths") {
  MemorySource source;
  source.put("a/1.jpg", test::png(6, 8));
  source.put("b/1.jpg", test::png(6, 8));
  source.put("l.json", R"({"images":[{"id":1,"file_name":"b/1.jpg"},{"id":2,"file_name":"1.jpg"}],
"categories":[{"id":1,"name":"cat"}],"annotations":[{"id":1,"image_id":1,"category_id":1,"bbox":[2,1,4,3]}]})");
  const Dataset data = read_coco(source, "l.json");
  CHECK(picture(data, "b/1.jpg").objects.size() == 1);
  CHECK(
      told(data, "picture_ambiguous") ==
      "error l.json:1: \"1.jpg\" may be \"a/1.jpg\" or \"b/1.jpg\"");
}

TEST_CASE("coco: the folders of the public set; pictures in the order of the file") {
  MemorySource source;
  for (const char* key : {"train2017/2.jpg", "val2017/1.jpg", "val2017/2.jpg"}) {
    source.put(key, test::png(6, 8));
  }
  source.put(
      "annotations/instances_val2017.json",
      R"({"images":[{"id":5,"file_name":"2.jpg"},{"id":4,"file_name":"1.jpg"}],"categories":[]})");
  const Dataset data = read_coco(source, "annotations/instances_val2017.json");
  REQUIRE(data.pictures.size() == 2);
  CHECK(data.pictures[0].key == "val2017/2.jpg");
  CHECK(data.pictures[1].key == "val2017/1.jpg");
  CHECK(data.pictures[0].state == PictureState::unlabelled);  // there is no list of annotations
}

}  // namespace
}  // namespace ocelli::data
