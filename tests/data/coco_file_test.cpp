// Tests of reading the text of COCO files.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/coco_file.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "support/message_of.hpp"

namespace ocelli::data {
namespace {

CocoFile parse(const std::string& text) {
  std::vector<Finding> list;
  Findings findings(list, false);
  return parse_coco(text, "c.json", findings);
}

TEST_CASE("coco_file: lists in any order, unknown keys skipped") {
  const CocoFile file = parse(
      R"({"info":{"a":[1,{"b":null}]},"annotations":[{"segmentation":[[2,1,6,1,6,4,2,4],[0,0,1,0,1,1]],
      "bbox":[2,1,4,3],"image_id":7,"category_id":90,"id":3,"score":0.5}],"licenses":[],
      "categories":[{"id":90,"name":"cat","supercategory":""}],"images":[{"file_name":"a","id":7,"width":8,"height":6}]})");
  REQUIRE(file.annotations.size() == 1);
  const auto& a = file.annotations[0];
  CHECK(a.polygon.size() == 2);  // every ring of an object
  CHECK(a.polygon[0] == Ring{2, 1, 6, 1, 6, 4, 2, 4});
  CHECK((*a.box)[3] == 3);
  CHECK(a.line == 1);
  CHECK_FALSE(a.crowd);
  CHECK(file.images[0].width == 8);
  CHECK(file.images[0].line == 3);
}

TEST_CASE("coco_file: a mask may be rings or run lengths of both forms") {
  const CocoFile file = parse(
      R"({"images":[],"categories":[],"annotations":[
      {"id":1,"image_id":1,"category_id":1,"iscrowd":1,"segmentation":{"size":[6,8],"counts":[13,3,3,3,3,3,3,3,14]}},
      {"id":2,"image_id":1,"category_id":1,"iscrowd":true,"segmentation":{"counts":"=3300000;","size":[6,8]}},
      {"id":3,"image_id":1,"category_id":1,"iscrowd":null,"segmentation":[]},
      {"id":4,"image_id":1,"category_id":1,"segmentation":null}]})");
  REQUIRE(file.annotations.size() == 4);
  CHECK(file.masks == 2);
  for (const int i : {0, 1}) {
    CHECK(file.annotations[static_cast<std::size_t>(i)].mask_box == PixelBox{1, 2, 4, 6});
    CHECK(file.annotations[static_cast<std::size_t>(i)].crowd);
  }
  CHECK_FALSE(file.annotations[2].crowd);
  CHECK_FALSE(file.annotations[3].mask_box.has_value());
}

TEST_CASE("coco_file: what is no COCO instances file") {
  using test::message_of;
  CHECK(
      message_of<DataError>([] { parse("[{\"image_id\":1}]"); }) ==
      "c.json:1: a list at the top: these are COCO results (detections), not labels; give the file "
      "with \"images\" and \"annotations\"");
  CHECK(message_of<DataError>([] {
          parse("{\"images\":[]}");
        }) == "c.json: there is no list \"categories\"; this is no COCO instances file");
  CHECK(test::says(
      message_of<DataError>([] { parse("{\"images\":[\n{]"); }), "c.json:2: not well-formed"));
  CHECK(test::says(message_of<DataError>([] { parse("3"); }), "expected an object"));
}

}  // namespace
}  // namespace ocelli::data
