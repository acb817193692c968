// Tests of reading YOLO folders.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/yolo.hpp"

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

/// The layout that CVAT writes; pictures 8 wide and 6 high.
void fill(MemorySource& source) {
  source.put("obj.names", "cat\ndog\n");
  source.put(
      "obj.data",
      "classes = 2\ntrain = data/train.txt\nvalid = data/valid.txt\nnames = data/obj.names\n");
  for (const char* name : {"a1", "b 2", "c3", "d4"}) {
    source.put(std::string("obj_train_data/") + name + ".jpg", test::png(6, 8));
  }
  source.put("obj_train_data/a1.txt", "0 0.500000 0.416667 0.500000 0.500000\n");
  source.put("obj_train_data/b 2.txt", "");
  source.put("obj_train_data/c3.txt", "1 0.25 0.25 0.75 0.25 0.75 1.0\r\n");
  source.put("train.txt", "data/obj_train_data/a1.jpg\ndata/obj_train_data/b 2.jpg\n");
  source.put("valid.txt", "/home/x/obj_train_data/c3.jpg\n\nobj_train_data/gone.jpg\n");
}
Dataset read_one(const std::string& labels) {
  MemorySource source;
  source.put("classes.txt", "cat\n");
  source.put("a.jpg", test::png(6, 8));
  source.put("a.txt", labels);
  return read_yolo(source);
}

TEST_CASE("yolo: boxes, polygons, negatives and unlabelled pictures") {
  MemorySource source;
  fill(source);
  const Dataset data = read_yolo(source);
  CHECK(data.labels == std::vector<std::string>{"cat", "dog"});
  REQUIRE(data.pictures.size() == 4);
  const PixelBox box = picture(data, "obj_train_data/a1.jpg").objects[0].box;
  CHECK(box.xmin == doctest::Approx(2));
  CHECK(box.ymin == doctest::Approx(1));
  CHECK(box.xmax == doctest::Approx(6));
  CHECK(box.ymax == doctest::Approx(4));
  const Object& dog = picture(data, "obj_train_data/c3.jpg").objects[0];
  CHECK(dog.label == 2);
  CHECK(dog.polygon[0] == Ring{2, 1.5f, 6, 1.5f, 6, 6});
  CHECK(dog.box == PixelBox{1.5f, 2, 6, 6});
  CHECK(picture(data, "obj_train_data/b 2.jpg").state == PictureState::negative);
  CHECK(picture(data, "obj_train_data/d4.jpg").state == PictureState::unlabelled);
}

TEST_CASE("yolo: lists of pictures, with blanks in names and paths of other machines") {
  MemorySource source;
  fill(source);
  const Dataset train = read_yolo(source, {.split = "train"});
  REQUIRE(train.pictures.size() == 2);
  CHECK(train.pictures[1].key == "obj_train_data/b 2.jpg");
  const Dataset valid = read_yolo(source, {.split = "val"});
  REQUIRE(valid.pictures.size() == 1);
  CHECK(valid.pictures[0].key == "obj_train_data/c3.jpg");
  CHECK(
      told(valid, "picture_missing") ==
      "dropped valid.txt:3: the picture \"obj_train_data/gone.jpg\" does not exist");
  CHECK(says(
      message_of<DataError>([&] { read_yolo(source, {.split = "test"}); }),
      "memory: there is no subset \"test\""));
}

TEST_CASE("yolo: images/ and labels/ folders, subsets by folder") {
  MemorySource source;
  source.put("classes.txt", "cat\n");
  for (const char* set : {"train", "val"}) {
    source.put(std::string("images/") + set + "/1.jpg", test::png(6, 8));
    source.put(std::string("labels/") + set + "/1.txt", "0 0.5 0.5 1 1\n");
  }
  source.put("labels/val/9.txt", "0 0.5 0.5 1 1\n");
  const Dataset data = read_yolo(source);
  CHECK(data.pictures.size() == 2);
  CHECK(data.pictures[1].objects.size() == 1);
  CHECK(
      told(data, "picture_missing") ==
      "dropped labels/val/9.txt: there is no picture for this label file");
  const Dataset val = read_yolo(source, {.split = "val"});
  REQUIRE(val.pictures.size() == 1);
  CHECK(val.pictures[0].key == "images/val/1.jpg");
}

TEST_CASE("yolo: faults name file and line, and the other lines stay") {
  const Dataset data = read_one(
      "0 0,5 0.5 0.5 0.5\n5 0.5 0.5 0.5 0.5\n0 0.5 0.5 0.5 0.5 0.9\n0 4 3 2 2\n0.5 0.5 0.5 0.5 "
      "0.5\n"
      "0 0.5 0.5\n0 0.5 0.5 0.5 0.5\n0 0.1 0.1 0.2 0.2 0.3 0.3 0.4\n0 0.5 0.5 0 0.5\n0 nan 0.5 0.5 "
      "0.5\n");
  CHECK(
      told(data, "number_malformed") ==
      "error a.txt:1: \"0,5\" is not a number (decimals are written with a point)");
  CHECK(
      told(data, "class_unknown") ==
      "error a.txt:2: the class 5 is not in the list of 1 (counted from 0)");
  CHECK(says(told(data, "line_malformed"), "error a.txt:3: six numbers: a score?"));
  CHECK(count(data, "line_malformed") == 3);
  CHECK(says(told(data, "not_relative"), "error a.txt:4: "));
  CHECK(told(data, "class_malformed") == "error a.txt:5: \"0.5\" is not a class number");
  CHECK(says(told(data, "box_without_area"), "dropped a.txt:9: "));
  CHECK(says(told(data, "box_not_finite"), "dropped a.txt:10: "));
  CHECK(data.pictures[0].objects.size() == 1);
}

TEST_CASE("yolo: a file with nothing but faults makes no negative") {
  CHECK(read_one("0 x\n").pictures[0].state == PictureState::unlabelled);
}

TEST_CASE("yolo: two pictures of one name cannot share their labels") {
  MemorySource source;
  source.put("classes.txt", "cat\n");
  source.put("a.jpg", test::png(6, 8));
  source.put("a.png", test::png(6, 8));
  source.put("a.txt", "0 0.5 0.5 1 1\n");
  CHECK(
      told(read_yolo(source), "picture_ambiguous") ==
      "error a.txt: the labels may be of \"a.jpg\" or of \"a.png\"");
}

TEST_CASE("yolo: lists of classes") {
  MemorySource source;
  source.put("a.jpg", test::png(6, 8));
  source.put("a.txt", "2 0.5 0.5 1 1\n");
  CHECK(
      message_of<DataError>([&] { read_yolo(source); }) ==
      "memory: there is no list of classes (obj.names or classes.txt); add one, a label a line, or "
      "name the labels");
  CHECK(read_yolo(source, {.labels = {"x", "y", "z"}}).pictures[0].objects[0].label == 3);
  source.put("obj.names", "cat\n\ncat\n\n");
  const Dataset data = read_yolo(source);
  CHECK(says(told(data, "label_twice"), "note obj.names:3: the label \"cat\""));
  CHECK(says(told(data, "label_empty"), "note obj.names:2: "));
  CHECK(data.pictures[0].objects[0].label == 1);
}

}  // namespace
}  // namespace ocelli::data
