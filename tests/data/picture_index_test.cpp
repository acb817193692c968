// Tests of finding a picture by the name that a label file gives it.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/picture_index.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace ocelli::data {
namespace {

const std::vector<std::string> keys = {"a/1.jpg", "a/1.txt", "b/1.jpg",       "b/2 c.PNG",
                                       "c/3.jpg", "c/3.png", "images/d/4.jpg"};

TEST_CASE("picture_index: pictures only") {
  const PictureIndex index(keys);
  CHECK(index.keys().size() == 6);
  CHECK(index.contains("a/1.jpg"));
  CHECK_FALSE(index.contains("1.jpg"));
}

TEST_CASE("picture_index: the whole path decides between equal names") {
  const PictureIndex index(keys);
  CHECK(index.by_name("b/1.jpg", {""}).key == "b/1.jpg");
  CHECK(index.by_name("1.jpg", {"b/"}).key == "b/1.jpg");
  const auto match = index.by_name("1.jpg", {"images/"});
  CHECK(match.key.empty());
  CHECK(match.several == std::vector<std::string>{"a/1.jpg", "b/1.jpg"});
  CHECK(index.by_name("1.jpg", {}, "b/").key == "b/1.jpg");
  CHECK(index.by_name("d/4.jpg", {""}).key == "images/d/4.jpg");
  CHECK(index.by_name("e/4.jpg", {""}).key.empty());  // another folder is another picture
}

TEST_CASE("picture_index: paths of other machines") {
  const PictureIndex index(keys);
  CHECK(index.by_name("/home/x/b/2 c.PNG", {""}).key == "b/2 c.PNG");
  CHECK(index.by_name("C:\\data\\b\\1.jpg", {""}).key == "b/1.jpg");
  CHECK(index.by_name("../images/d/4.jpg", {""}).key == "images/d/4.jpg");
  CHECK(index.by_name("./a/1.jpg", {""}).key == "a/1.jpg");
  CHECK(index.by_name("/x/1.jpg", {""}).several.size() == 2);
  for (const char* name : {"", "/", "..", "../", "C:/"})
    CHECK(index.by_name(name, {""}).key.empty());
}

TEST_CASE("picture_index: without the extension") {
  const PictureIndex index(keys);
  CHECK(index.by_stem("b/2 c", {""}).key == "b/2 c.PNG");
  CHECK(index.by_stem("c/3", {""}).several == std::vector<std::string>{"c/3.jpg", "c/3.png"});
}

}  // namespace
}  // namespace ocelli::data
