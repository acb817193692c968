// Tests of what all readers do with boxes, sizes, labels and pictures.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/reader.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "support/label_fixtures.hpp"
#include "support/message_of.hpp"

namespace ocelli::data {
namespace {

using test::count;
using test::says;
using test::told;

/// Reads one object of one picture, 8 wide and 6 high unless it is given.
Dataset one(
    RawObject object, std::vector<std::byte> picture = test::png(6, 8), int stated_width = 0,
    int stated_height = 0) {
  MemorySource source;
  source.put("a.png", std::move(picture));
  const ReadOptions options;
  Reader reader(source, options, "test");
  reader.add_label("cat", "labels");
  object.object.label = 1;
  object.where = "l.txt:3";
  reader.add({"a.png", stated_width, stated_height, "l.txt:1", "l.txt", {std::move(object)}, {}});
  return reader.finish();
}
Dataset box(double x0, double y0, double x1, double y1) {
  RawObject object;
  object.x0 = x0, object.y0 = y0, object.x1 = x1, object.y1 = y1;
  return one(object);
}

TEST_CASE("reader: a box inside is kept as it is") {
  const Dataset data = box(2, 1, 6, 4);
  CHECK(data.pictures[0].objects[0].box == PixelBox{1, 2, 4, 6});
  CHECK(data.pictures[0].state == PictureState::labelled);
  CHECK(data.pictures[0].width == 8);
  CHECK(data.findings.empty());
}

TEST_CASE("reader: a box that reaches out is clipped, one outside is dropped") {
  Dataset data = box(-1, 3, 4, 9);
  CHECK(data.pictures[0].objects[0].box == PixelBox{3, 0, 6, 4});
  CHECK(
      told(data, "box_clipped") ==
      "repaired l.txt:3: the box of \"cat\" reaches out of the picture of 8 x 6: x -1 to 4, y 3 to "
      "9, clipped");
  // 2 of its 21 columns, and so under a tenth, are left.
  data = box(6, 0, 27, 6);
  CHECK(
      told(data, "box_outside") ==
      "dropped l.txt:3: the box of \"cat\" lies outside the picture of 8 x 6: x 6 to 27, y 0 to 6");
  CHECK(count(box(6, 0, 25, 6), "box_outside") == 0);
  CHECK(count(box(9, 0, 12, 6), "box_outside") == 1);
}

TEST_CASE("reader: corners are swapped; boxes without area, size or sense are dropped") {
  Dataset data = box(6, 4, 2, 1);
  CHECK(data.pictures[0].objects[0].box == PixelBox{1, 2, 4, 6});
  CHECK(says(told(data, "box_reversed"), "repaired l.txt:3: "));
  CHECK(
      told(box(3, 3, 3, 5), "box_without_area") ==
      "dropped l.txt:3: the box of \"cat\" has no area: x 3 to 3, y 3 to 5");
  CHECK(says(told(box(3, 3, 3.5, 5), "box_too_small"), "dropped l.txt:3: "));
  CHECK(says(told(box(NAN, 3, 4, 5), "box_not_finite"), "dropped l.txt:3: "));
  CHECK(says(told(box(0, 3, INFINITY, 5), "box_not_finite"), "dropped l.txt:3: "));
}

TEST_CASE("reader: a picture that lost all its objects is no negative") {
  const Dataset data = box(3, 3, 3, 5);
  CHECK(data.pictures[0].state == PictureState::unlabelled);
  CHECK(says(told(data, "picture_lost_its_objects"), "\"a.png\""));
  CHECK(told(data, "unlabelled") == "note memory: 1 of 1 pictures are unlabelled and take no part");
}

TEST_CASE("reader: relative boxes take the size of the picture") {
  RawObject object;
  object.x0 = 0.25, object.y0 = 1.0 / 6, object.x1 = 0.75, object.y1 = 4.0 / 6;
  object.relative = true;
  object.object.polygon = {{0.25f, 0.5f, 0.75f, 0.5f, 0.75f, 1.0f}};
  const Dataset data = one(object);
  const Object& read = data.pictures[0].objects[0];
  CHECK(read.box.xmax == doctest::Approx(6));
  CHECK(read.box.ymin == doctest::Approx(1));
  CHECK(read.polygon[0] == Ring{2, 3, 6, 3, 6, 6});
}

TEST_CASE("reader: rings that are none are dropped, the others and the box stay") {
  RawObject object;
  object.x0 = 2, object.y0 = 1, object.x1 = 6, object.y1 = 4;
  object.object.polygon = {
      {2, 1, 6, 1, 6, 4, 2, 4},
      {2, 1, 6, 1},
      {2, 1, 6, 1, 6, 4, 2},
      {2, 1, 6, NAN, 6, 4},
      {0.2f, 0.2f, 0.4f, 0.2f, 0.4f, 0.4f},
      {5, 0, 8, 0, 8, 6}};
  const Dataset data = one(object);
  CHECK(data.pictures[0].objects[0].polygon.size() == 2);
  CHECK(count(data, "ring_unusable") == 4);
  CHECK(
      told(data, "ring_unusable") == "dropped l.txt:3: a ring of \"cat\" has fewer than 3 points");
}

TEST_CASE("reader: labels of a scaled copy are scaled, of another shape refused") {
  RawObject object;
  object.x0 = 4, object.y0 = 2, object.x1 = 12, object.y1 = 8;
  object.object.polygon = {{4, 2, 12, 2, 12, 8}};
  Dataset data = one(object, test::png(6, 8), 16, 12);
  CHECK(data.pictures[0].objects[0].box == PixelBox{1, 2, 4, 6});
  CHECK(data.pictures[0].objects[0].polygon[0] == Ring{2, 1, 6, 1, 6, 4});
  CHECK(
      told(data, "size_scaled") ==
      "repaired l.txt:1: the size is stated as 16 x 12, the picture \"a.png\" is 8 x 6: the labels "
      "were scaled");
  data = one(object, test::png(6, 8), 16, 20);
  CHECK(
      told(data, "size_differs") ==
      "error l.txt:1: the size is stated as 16 x 20, the picture \"a.png\" is 8 x 6, of another "
      "shape");
  CHECK(data.pictures[0].state == PictureState::unlabelled);
  object.relative = true;  // relative labels do not care
  object.x0 = 0, object.y0 = 0, object.x1 = 1, object.y1 = 1;
  data = one(object, test::png(6, 8), 16, 20);
  CHECK(data.pictures[0].objects.size() == 1);
  CHECK(says(told(data, "size_differs"), "note l.txt:1: "));
}

TEST_CASE("reader: labels made before EXIF rotation are turned with the picture") {
  // Stored 8 wide, 6 high; shown 6 wide, 8 high. The box is at the stored top left.
  RawObject object;
  object.x0 = 1, object.y0 = 0, object.x1 = 4, object.y1 = 2;
  object.object.polygon = {{1, 0, 4, 0, 4, 2}};
  constexpr PixelBox turned[] = {{1, 0, 4, 2}, {1, 4, 4, 6}, {4, 4, 7, 6}, {4, 0, 7, 2}};
  for (int orientation = 5; orientation <= 8; ++orientation) {
    const Dataset data = one(object, test::turned_jpeg(6, 8, orientation), 8, 6);
    CHECK(data.pictures[0].width == 6);
    CHECK(data.pictures[0].objects[0].box == turned[orientation - 5]);
    CHECK(says(
        told(data, "size_swapped"), "repaired l.txt:1: the size is stated as 8 x 6, the picture"));
    CHECK(says(told(data, "size_swapped"), "turned"));
  }
  CHECK(
      one(object, test::turned_jpeg(6, 8, 6), 8, 6).pictures[0].objects[0].polygon[0] ==
      Ring{6, 1, 6, 4, 4, 4});
  // A box that only fits into the shown picture was made on it.
  object.x0 = 1, object.y0 = 1, object.x1 = 5, object.y1 = 8;
  object.object.polygon.clear();
  const Dataset data = one(object, test::turned_jpeg(6, 8, 6), 8, 6);
  CHECK(data.pictures[0].objects[0].box == PixelBox{1, 1, 8, 5});
  CHECK(says(told(data, "size_swapped"), "width and height were swapped"));
  // Labels that state the shown size need nothing.
  CHECK(count(one(object, test::turned_jpeg(6, 8, 6), 6, 8), "size_swapped") == 0);
}

TEST_CASE("reader: pictures that cannot be read leave their labels unused") {
  RawObject object;
  object.x0 = 0, object.y0 = 0, object.x1 = 2, object.y1 = 2;
  const Dataset data = one(object, test::bytes_of("no picture"));
  CHECK(says(told(data, "picture_unreadable"), "error l.txt:1: a.png: not a picture"));
  CHECK(data.pictures[0].state == PictureState::unlabelled);
}

TEST_CASE("reader: a label that is not UTF-8 is a fault, of any format") {
  MemorySource source;
  const ReadOptions options;
  Reader reader(source, options, "test");
  CHECK(reader.add_label("caf\xE9", "l.txt:4") == 1);
  CHECK(reader.add_label("caf\xE9", "l.txt:9") == 1);
  CHECK(count(reader.data, "not_utf8") == 1);
  CHECK(says(
      told(reader.data, "not_utf8"),
      "error l.txt:4: the label \"caf\\xE9\" is not UTF-8; save the file in UTF-8"));
}

TEST_CASE("reader: labels keep their bytes; those that look alike are named") {
  MemorySource source;
  const ReadOptions options;
  Reader reader(source, options, "test");
  CHECK(reader.add_label("cat", "l:1") == 1);
  CHECK(reader.add_label("Cat ", "l:2") == 2);
  CHECK(reader.add_label("cat", "l:3") == 1);
  CHECK(reader.add_label("caf\xC3\xA9", "l:4") == 3);
  CHECK(reader.add_label("cafe\xCC\x81", "l:5") == 4);
  CHECK(count(reader.data, "labels_alike") == 2);
  CHECK(
      told(reader.data, "labels_alike") ==
      "note l:2: the labels \"cat\" and \"Cat \" look alike but are two classes");
  CHECK(reader.label_id("dog", "l:6") == 0);
  CHECK(
      told(reader.data, "label_unknown") == "error l:6: the label \"dog\" is none of the classes");
}

TEST_CASE("reader: with given labels the others are left out, and counted") {
  MemorySource source;
  const ReadOptions options{.labels = {"dog", "cat"}};
  Reader reader(source, options, "test");
  CHECK(reader.label_id("cat", "l:1") == 2);
  CHECK(reader.label_id("bird", "l:2") == 0);
  CHECK(says(told(reader.data, "label_not_wanted"), "dropped l:2: "));
}

TEST_CASE("reader: a picture labelled twice is an error that names both places") {
  MemorySource source;
  source.put("a.png", test::png(6, 8));
  const ReadOptions options;
  Reader reader(source, options, "test");
  reader.add({"a.png", 0, 0, "x.xml:1", "x.xml", {}, {}});
  reader.add({"a.png", 0, 0, "y.xml:1", "y.xml", {}, {}});
  CHECK(
      told(reader.data, "picture_twice") ==
      "error y.xml:1: \"a.png\" was labelled before, in x.xml:1");
  CHECK(reader.finish().pictures.size() == 1);
}

TEST_CASE("reader: metadata longer than the first 64 KiB do not hide the size") {
  MemorySource source;
  auto jpeg = encode_jpeg(make_image(6, 8));
  for (int i = 0; i < 2; ++i) jpeg = test::with_segment(jpeg, 0xE2, std::string(60000, 'x'));
  source.put("a.jpg", jpeg);
  CHECK(read_image_header(source, "a.jpg").size() == ImageSize{6, 8});
}

}  // namespace
}  // namespace ocelli::data
