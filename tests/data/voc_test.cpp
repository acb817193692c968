// Tests of reading Pascal VOC folders.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/voc.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/label_fixtures.hpp"
#include "support/message_of.hpp"

namespace ocelli::data {
namespace {

using test::count;
using test::says;
using test::told;

std::string object(
    const std::string& label, const std::string& xmin, const std::string& ymin,
    const std::string& xmax, const std::string& ymax, const std::string& more = "") {
  return "<object><name>" + label + "</name>" + more + "\n<bndbox><xmin>" + xmin + "</xmin><ymin>" +
         ymin + "</ymin><xmax>" + xmax + "</xmax><ymax>" + ymax + "</ymax></bndbox></object>\n";
}
std::string xml(
    const std::string& filename, const std::string& objects, int width = 8, int height = 6) {
  return "<annotation>\n<filename>" + filename + "</filename>\n<size><width>" +
         std::to_string(width) + "</width><height>" + std::to_string(height) +
         "</height></size>\n" + objects + "</annotation>\n";
}
const std::string example = object("cat", "3", "2", "6", "4");

Dataset read_one(const std::string& text, const ReadOptions& options = {}) {
  MemorySource source;
  source.put("JPEGImages/a1.jpg", test::png(6, 8));
  source.put("Annotations/a1.xml", text);
  return read_voc(source, options);
}

TEST_CASE("voc: the devkit counts pixels from 1, both ends inside") {
  const Dataset data = read_one(xml("a1.jpg", example));
  REQUIRE(data.pictures.size() == 1);
  CHECK(data.pictures[0].key == "JPEGImages/a1.jpg");
  CHECK(data.pictures[0].label_source == "Annotations/a1.xml");
  CHECK(data.pictures[0].objects[0].box == PixelBox{1, 2, 4, 6});
  CHECK(data.labels == std::vector<std::string>{"cat"});
  CHECK(data.findings.empty());
}

TEST_CASE("voc: the other dialect has pixel edges, and is suspected when it is read wrongly") {
  const std::string edges = xml("a1.jpg", object("cat", "2.0", "0.0", "6.0", "4.0"));
  CHECK(
      read_one(edges, {.voc = VocBoxes::edges}).pictures[0].objects[0].box == PixelBox{0, 2, 4, 6});
  const Dataset data = read_one(edges);
  CHECK(says(
      told(data, "voc_looks_like_edges"), "note Annotations/a1.xml:1: 1 of 1 boxes begin at 0"));
  CHECK(says(told(data, "voc_looks_like_edges"), "voc = edges"));
  CHECK(
      count(
          read_one(xml("a1.jpg", object("cat", "2.5", "1.2", "6", "4"))), "voc_looks_like_edges") ==
      1);
  CHECK(count(read_one(edges, {.voc = VocBoxes::edges}), "voc_looks_like_edges") == 0);
}

TEST_CASE("voc: parts are no objects, order is free, flags are read") {
  const Dataset data = read_one(
      "<annotation><object><bndbox><ymax>4</ymax><xmax>6</xmax><xmin>3</xmin><ymin>2</ymin></"
      "bndbox>"
      "<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax>"
      "</bndbox></part><difficult>1</difficult><truncated>1</truncated><occluded>1</occluded>"
      "<name>cat</name></object><size><height>6</height><width>8</width></size></annotation>");
  REQUIRE(data.pictures[0].objects.size() == 1);
  const Object& cat = data.pictures[0].objects[0];
  CHECK(cat.box == PixelBox{1, 2, 4, 6});
  CHECK(cat.difficult);
  CHECK(cat.truncated);
  CHECK(cat.occluded);
  CHECK(data.labels == std::vector<std::string>{"cat"});
}

TEST_CASE("voc: faults name file and line, and the other objects stay") {
  const Dataset data = read_one(
      xml("a1.jpg", object("cat", "3,5", "2", "6", "4") + object("dog", "5", "3", "5", "3") +
                        example + "<object><name>cow</name></object>" +
                        object(" ", "1", "1", "2", "2") + object("cat", "6", "4", "3", "2")));
  CHECK(
      told(data, "number_malformed") ==
      "error Annotations/a1.xml:5: xmin of \"cat\" is \"3,5\", not a number (decimals are written "
      "with a point)");
  CHECK(
      told(data, "box_without_area") ==
      "dropped Annotations/a1.xml:7: the box of \"dog\" has no area: x 5 to 5, y 3 to 3");
  CHECK(
      told(data, "box_missing") ==
      "dropped Annotations/a1.xml:10: the object \"cow\" has no bndbox");
  CHECK(told(data, "label_missing") == "dropped Annotations/a1.xml:10: an object has no name");
  CHECK(says(told(data, "box_reversed"), "repaired Annotations/a1.xml:13: "));
  REQUIRE(data.pictures[0].objects.size() == 2);
  CHECK(data.pictures[0].objects[1].box == PixelBox{1, 2, 4, 6});  // swapped, then counted from 1
}

TEST_CASE("voc: XML that is none, or another's") {
  Dataset data = read_one("<annotation>\n<object>\n</annotation>");
  CHECK(says(told(data, "file_unreadable"), "Annotations/a1.xml:3: not well-formed XML"));
  CHECK(data.pictures.empty());
  data = read_one("<html></html>");
  CHECK(says(
      told(data, "file_unreadable"),
      "Annotations/a1.xml:1: the root element is <html>, not <annotation>"));
}

TEST_CASE("voc: without objects negative, without a file unlabelled") {
  MemorySource source;
  for (const char* key :
       {"JPEGImages/a.jpg", "JPEGImages/b.jpg", "JPEGImages/c.jpg", "SegmentationClass/a.png"}) {
    source.put(key, test::png(6, 8));
  }
  source.put("Annotations/a.xml", xml("a.jpg", example));
  source.put("Annotations/b.xml", xml("b.jpg", ""));
  const Dataset data = read_voc(source);
  REQUIRE(data.pictures.size() == 3);
  CHECK(data.pictures[0].state == PictureState::labelled);
  CHECK(data.pictures[1].state == PictureState::negative);
  CHECK(data.pictures[2].state == PictureState::unlabelled);
  CHECK(says(told(data, "unlabelled"), "1 of 3"));
  CHECK(says(told(data, "negative"), "1 of 3"));
}

TEST_CASE("voc: names with blanks and other alphabets, in lists too") {
  MemorySource source;
  const std::string name = "\xE7\x8C\xAB und Hund 1";
  source.put("JPEGImages/" + name + ".jpg", test::png(6, 8));
  source.put("JPEGImages/other.jpg", test::png(6, 8));
  source.put("Annotations/" + name + ".xml", xml(name + ".jpg", example));
  source.put("Annotations/other.xml", xml("other.jpg", object("dog", "1", "1", "4", "4")));
  source.put("ImageSets/Main/train.txt", name + "  1\r\n\n");
  const Dataset data = read_voc(source, {.split = "train"});
  REQUIRE(data.pictures.size() == 1);
  CHECK(data.pictures[0].key == "JPEGImages/" + name + ".jpg");
  // Classes are those of all files, so that every subset numbers them alike.
  CHECK(data.labels == std::vector<std::string>{"cat", "dog"});
}

TEST_CASE("voc: subsets") {
  MemorySource source;
  for (const char* name : {"a", "b", "c"}) {
    source.put(std::string("VOC/JPEGImages/") + name + ".jpg", test::png(6, 8));
    if (name[0] != 'c') {
      source.put(
          std::string("VOC/Annotations/") + name + ".xml",
          xml(std::string(name) + ".jpg", example));
    }
  }
  source.put("VOC/ImageSets/Main/val.txt", "b\nc\ngone\nb\n");
  const Dataset data = read_voc(source, {.split = "val"});
  REQUIRE(data.pictures.size() == 2);
  CHECK(data.pictures[0].key == "VOC/JPEGImages/b.jpg");
  CHECK(data.pictures[1].state == PictureState::unlabelled);
  CHECK(
      told(data, "picture_missing") ==
      "dropped VOC/ImageSets/Main/val.txt:3: the picture \"gone\" does not exist");
  CHECK(says(told(data, "listed_twice"), "note VOC/ImageSets/Main/val.txt: \"b\""));
  CHECK(
      test::message_of<DataError>([&] { read_voc(source, {.split = "test"}); }) ==
      "memory: there is no ImageSets/Main/test.txt; name an existing subset, or none for all "
      "pictures");
}

TEST_CASE("voc: which picture a file means") {
  MemorySource source;
  for (const char* key :
       {"JPEGImages/a.jpg", "JPEGImages/b.jpg", "JPEGImages/b.png", "JPEGImages/d.png"}) {
    source.put(key, test::png(6, 8));
  }
  source.put("Annotations/a.xml", xml("renamed.jpg", example));
  source.put("Annotations/b.xml", xml("", example));
  source.put("Annotations/c.xml", xml("c.jpg", example));
  source.put("Annotations/d.xml", xml("d", example));
  const Dataset data = read_voc(source);
  CHECK(
      told(data, "filename_differs") ==
      "note Annotations/a.xml:1: <filename> is \"renamed.jpg\", which does not exist; "
      "\"JPEGImages/a.jpg\" was taken");
  CHECK(
      told(data, "picture_ambiguous") ==
      "error Annotations/b.xml:1: \"b\" may be \"JPEGImages/b.jpg\" or \"JPEGImages/b.png\"");
  CHECK(
      told(data, "picture_missing") ==
      "dropped Annotations/c.xml:1: the picture \"c.jpg\" does not exist");
  CHECK(count(data, "filename_differs") == 1);
  CHECK(test::picture(data, "JPEGImages/d.png").objects.size() == 1);
}

TEST_CASE("voc: two files of one picture, and equal names in two folders") {
  MemorySource source;
  for (const char* year : {"2007", "2012"}) {
    source.put(std::string(year) + "/JPEGImages/1.jpg", test::png(6, 8));
    source.put(std::string(year) + "/Annotations/1.xml", xml("1.jpg", example));
  }
  CHECK(read_voc(source).pictures.size() == 2);
  source.put("2007/Annotations/2.xml", xml("1.jpg", example));
  CHECK(
      told(read_voc(source), "picture_twice") ==
      "error 2007/Annotations/2.xml:1: \"2007/JPEGImages/1.jpg\" was labelled before, in "
      "2007/Annotations/1.xml:1");
}

TEST_CASE("voc: sizes: of a scaled copy, of another picture, missing") {
  CHECK(says(
      told(read_one(xml("a1.jpg", object("cat", "5", "3", "12", "8"), 16, 12)), "size_scaled"),
      "repaired Annotations/a1.xml:1: "));
  CHECK(says(
      told(read_one(xml("a1.jpg", example, 9, 30)), "size_differs"),
      "error Annotations/a1.xml:1: "));
  CHECK(count(read_one(xml("a1.jpg", example, 0, 0)), "size_missing") == 1);
}

TEST_CASE("voc: classes of a labelmap.txt come first and in its order") {
  MemorySource source;
  source.put("JPEGImages/a1.jpg", test::png(6, 8));
  source.put("Annotations/a1.xml", xml("a1.jpg", example + object("ant", "1", "1", "4", "4")));
  source.put(
      "labelmap.txt", "# label:color_rgb:parts:actions\nbackground:0,0,0::\ndog:::\ncat:1,2,3::\n");
  const Dataset data = read_voc(source);
  CHECK(data.labels == std::vector<std::string>{"dog", "cat", "ant"});
  CHECK(data.pictures[0].objects[0].label == 2);
}

TEST_CASE("voc: given labels fix the order and leave the others out") {
  const std::string text = xml("a1.jpg", example + object("dog", "1", "1", "4", "4"));
  const Dataset data = read_one(text, {.labels = {"dog", "bird"}});
  CHECK(data.labels == std::vector<std::string>{"dog", "bird"});
  REQUIRE(data.pictures[0].objects.size() == 1);
  CHECK(data.pictures[0].objects[0].label == 1);
  CHECK(says(told(data, "label_not_wanted"), "dropped Annotations/a1.xml:5: the label \"cat\""));
}

TEST_CASE("voc: strict throws at the first fault") {
  CHECK(
      test::message_of<DataError>(
          [] { read_one(xml("a1.jpg", object("cat", "5", "3", "5", "3")), {.strict = true}); }) ==
      "Annotations/a1.xml:5: the box of \"cat\" has no area: x 5 to 5, y 3 to 3; correct it, or "
      "read "
      "without strict");
}

}  // namespace
}  // namespace ocelli::data
