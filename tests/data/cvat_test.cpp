// Tests of reading CVAT files.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/cvat.hpp"

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

Dataset read(const std::string& body, const std::string& labels = "cat,dog") {
  MemorySource source;
  for (const char* key :
       {"images/a1.jpg", "images/b 2.jpg", "images/frame_000000.png", "images/frame_000001.png",
        "images/frame_000002.png", "images/frame_000004.png"}) {
    source.put(key, test::png(6, 8));
  }
  std::string meta;
  for (std::size_t begin = 0; begin < labels.size();) {
    const std::size_t end = std::min(labels.find(',', begin), labels.size());
    meta += "<label><name>" + labels.substr(begin, end - begin) + "</name></label>";
    begin = end + 1;
  }
  source.put(
      "annotations.xml",
      "<?xml version=\"1.0\" "
      "encoding=\"utf-8\"?>\n<annotations><version>1.1</version><meta><task><labels>" +
          meta +
          "</labels><original_size><width>8</width><height>6</height>"
          "</original_size></task></meta>\n" +
          body + "</annotations>");
  return read_cvat(source, "annotations.xml");
}

TEST_CASE("cvat: boxes, polygons and tags of pictures") {
  const Dataset data = read(
      R"(<image id="0" name="a1.jpg" width="8" height="6">
<box label="cat" occluded="1" xtl="2.00" ytl="1.00" xbr="6.00" ybr="4.00" z_order="1"><attribute name="x">1</attribute></box>
<polygon label="dog" occluded="0" points="2.00,1.00;6.00,1.00;6.00,4.00;2.00,4.00"></polygon><tag label="dog"/>
</image><image id="1" name="b 2.jpg" width="8" height="6"></image>)");
  CHECK(data.labels == std::vector<std::string>{"cat", "dog"});
  const Picture& a = picture(data, "images/a1.jpg");
  REQUIRE(a.objects.size() == 2);
  CHECK(a.objects[0].box == PixelBox{1, 2, 4, 6});
  CHECK(a.objects[0].occluded);
  CHECK(a.objects[1].polygon[0] == Ring{2, 1, 6, 1, 6, 4, 2, 4});
  CHECK(a.objects[1].box == PixelBox{1, 2, 4, 6});
  CHECK(a.tags == std::vector<int>{2});
  CHECK(picture(data, "images/b 2.jpg").state == PictureState::negative);
  CHECK(picture(data, "images/frame_000000.png").state == PictureState::unlabelled);
}

TEST_CASE("cvat: shapes that are no boxes are reported") {
  const Dataset data = read(
      R"(<image id="0" name="a1.jpg" width="8" height="6">
<polyline label="cat" points="1,1;2,2"/>
<points label="cat" points="1,1"/><cuboid label="cat"/>
<mask label="cat" rle="1,2" left="1" top="2" width="3" height="2"/>
<box label="cat" xtl="2" ytl="2" xbr="6" ybr="4" rotation="90"/></image>)");
  CHECK(count(data, "shape_unusable") == 3);
  CHECK(
      told(data, "shape_unusable") ==
      "dropped annotations.xml:4: a <polyline> is no box or polygon");
  const auto& objects = picture(data, "images/a1.jpg").objects;
  REQUIRE(objects.size() == 2);
  CHECK(objects[0].box == PixelBox{2, 1, 4, 4});
  CHECK(says(told(data, "mask_as_box"), "note annotations.xml:6: "));
  CHECK(objects[1].box.ymin == doctest::Approx(1));
  CHECK(objects[1].box.xmax == doctest::Approx(5));
  CHECK(says(told(data, "box_rotated"), "repaired annotations.xml:7: "));
}

TEST_CASE("cvat: faults name file and line, and the other shapes stay") {
  const Dataset data = read(
      R"(<image id="0" name="a1.jpg" width="8" height="6">
<box label="cat" xtl="2,5" ytl="1.00" xbr="6.00" ybr="4.00"/>
<polygon label="cat" points="1,1;2"/>
<polygon label="cat" points="1,1;2,2"/>
<box label="bird" xtl="2" ytl="1" xbr="6" ybr="4"/>
<box label="cat" xtl="3" ytl="1" xbr="3" ybr="4"/>
<box label="cat" xtl="2" ytl="1" xbr="6" ybr="4"/></image>
<image id="1" name="gone.jpg"/>
<image id="2" name="a1.jpg"/>
<image id="3" name="b 2.jpg"><box label="cat" ytl="1" xbr="6" ybr="4"/></image>)");
  CHECK(
      told(data, "number_malformed") ==
      "error annotations.xml:4: xtl of <box> is \"2,5\", not a number (decimals are written with a "
      "point)");
  CHECK(count(data, "number_malformed") == 3);
  CHECK(
      told(data, "ring_unusable") ==
      "dropped annotations.xml:6: a polygon has fewer than 3 points");
  CHECK(
      told(data, "label_unknown") ==
      "error annotations.xml:7: the label \"bird\" is none of the classes");
  CHECK(says(told(data, "box_without_area"), "dropped annotations.xml:8: "));
  CHECK(
      told(data, "picture_missing") ==
      "dropped annotations.xml:10: the picture \"gone.jpg\" does not exist");
  CHECK(
      told(data, "picture_twice") ==
      "error annotations.xml:11: \"images/a1.jpg\" was labelled before, in annotations.xml:3");
  CHECK(picture(data, "images/a1.jpg").objects.size() == 1);
  CHECK(picture(data, "images/b 2.jpg").state == PictureState::unlabelled);
}

const std::string track =
    R"(<track id="0" label="cat">
<box frame="0" outside="0" occluded="0" keyframe="1" xtl="0" ytl="0" xbr="2" ybr="2"/>
<box frame="1" outside="0" occluded="0" keyframe="0" xtl="7" ytl="5" xbr="8" ybr="6"/>
<box frame="2" outside="0" occluded="1" keyframe="1" xtl="4" ytl="2" xbr="6" ybr="6"/>
<box frame="4" outside="1" occluded="0" keyframe="1" xtl="4" ytl="2" xbr="6" ybr="6"/></track>)";

TEST_CASE("cvat: a track is expanded to the frames that exist") {
  const Dataset data = read(track);
  CHECK(picture(data, "images/frame_000000.png").objects[0].box == PixelBox{0, 0, 2, 2});
  // Half way between its keyframes; what stands there otherwise does not count.
  CHECK(picture(data, "images/frame_000001.png").objects[0].box == PixelBox{1, 2, 4, 4});
  CHECK(picture(data, "images/frame_000002.png").objects[0].box == PixelBox{2, 4, 6, 6});
  CHECK(picture(data, "images/frame_000004.png").state == PictureState::negative);
  CHECK(picture(data, "images/a1.jpg").state == PictureState::unlabelled);
}

TEST_CASE("cvat: before, between, after and outside") {
  std::vector<Finding> list;
  Findings findings(list, false);
  CvatFile file = parse_cvat("<annotations>" + track + "</annotations>", "x.xml", findings);
  REQUIRE(file.tracks.size() == 1);
  CvatFile::Track& cat = file.tracks[0];
  CHECK(cvat_at(cat, 3)->object.x0 == 4);  // held until it goes outside
  CHECK_FALSE(cvat_at(cat, 4).has_value());
  CHECK_FALSE(cvat_at(cat, 99).has_value());
  CHECK(cat.shapes.size() == 3);  // keyframes
  cat.shapes.erase(cat.shapes.begin());
  CHECK_FALSE(cvat_at(cat, 0).has_value());
  CHECK_FALSE(cvat_at(cat, 1).has_value());
  cat.shapes.pop_back();
  cat.last_frame = 3;
  CHECK(cvat_at(cat, 3).has_value());
  CHECK_FALSE(cvat_at(cat, 4).has_value());  // after its last shape
}

TEST_CASE("cvat: pictures beyond the frames of the task are unlabelled") {
  MemorySource source;
  source.put("frame_000000.png", test::png(6, 8));
  source.put("frame_000002.png", test::png(6, 8));
  source.put(
      "annotations.xml",
      "<annotations><meta><task><size>2</size></task></meta>" + track + "</annotations>");
  const Dataset data = read_cvat(source, "annotations.xml");
  CHECK(picture(data, "frame_000000.png").state == PictureState::labelled);
  CHECK(picture(data, "frame_000002.png").state == PictureState::unlabelled);
}

TEST_CASE("cvat: points of a polygon's track move too") {
  const Dataset data = read(
      R"(<track label="cat"><polygon frame="0" outside="0" keyframe="1" points="0,0;4,0;4,4"/>
<polygon frame="2" outside="0" keyframe="1" points="2,0;6,0;6,4"/>
<polygon frame="4" outside="0" keyframe="1" points="2,0;6,0;6,4;2,4"/><polygon frame="7" points="1,1;3,1;3,3"/></track>)");
  CHECK(picture(data, "images/frame_000001.png").objects[0].polygon[0] == Ring{1, 0, 5, 0, 5, 4});
  CHECK(picture(data, "images/frame_000001.png").objects[0].box == PixelBox{0, 1, 4, 5});
  CHECK(
      told(data, "picture_missing") ==
      "dropped annotations.xml:5: frame 7 does not exist as a picture (frame_NNNNNN)");
}

TEST_CASE("cvat: without labels in the file, those that are met") {
  CHECK(
      read(
          R"(<image name="a1.jpg"><box label="z" xtl="2" ytl="1" xbr="6" ybr="4"/><box label="y" xtl="2" ytl="1" xbr="6" ybr="4"/></image>)",
          "")
          .labels == std::vector<std::string>{"z", "y"});
}

TEST_CASE("cvat: files that are none") {
  std::vector<Finding> list;
  Findings findings(list, false);
  const auto message = [&](const char* text) {
    return test::message_of<DataError>([&] { parse_cvat(text, "x.xml", findings); });
  };
  CHECK(
      message("<annotation/>") ==
      "x.xml:1: the root element is <annotation>, not <annotations>; this is no CVAT file");
  CHECK(says(message("<annotations>\n<image></annotations>"), "x.xml:2: not well-formed XML"));
}

}  // namespace
}  // namespace ocelli::data
