// Tests of parts of a data set.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/split.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/message_of.hpp"
#include "support/vectors.hpp"

namespace ocelli::data {
namespace {

using test::message_of;
using test::says;

Dataset with(const std::vector<std::string>& keys) {
  Dataset data;
  data.root = "root";
  data.labels = {"cat"};
  for (const std::string& key : keys) {
    Picture picture;
    picture.key = key;
    picture.state = PictureState::labelled;
    data.pictures.push_back(picture);
  }
  return data;
}
std::string keys(const Dataset& data) {
  std::string text;
  for (const Picture& picture : data.pictures) text += (text.empty() ? "" : " ") + picture.key;
  return text;
}

TEST_CASE("split: the shuffle of the notebooks") {
  const Split split = split_shuffled(with({"a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg"}));
  CHECK(keys(split.train) == "d.jpg b.jpg c.jpg");
  CHECK(keys(split.validation) == "e.jpg a.jpg");
  CHECK(split.train.labels == std::vector<std::string>{"cat"});
  CHECK(split.unlabelled == 0);
}

TEST_CASE("split: unlabelled pictures take no part, and are counted; negatives do") {
  Dataset data = with({"x.jpg", "a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg"});
  data.pictures[0].state = PictureState::unlabelled;
  data.pictures[1].state = PictureState::negative;
  const Split split = split_shuffled(data);
  CHECK(keys(split.train) == "d.jpg b.jpg c.jpg");
  CHECK(split.unlabelled == 1);
  CHECK(split_percent(data, 20).unlabelled == 1);
}

TEST_CASE("split: one number a picture decides by percentage") {
  std::vector<std::string> names;
  const auto uniforms =
      test::vectors("split_random").at("seed99_uniforms").get<std::vector<double>>();
  std::string train, validation;
  for (std::size_t i = 0; i < uniforms.size(); ++i) {
    names.push_back("p" + std::to_string(i));
    std::string& part = uniforms[i] < 0.25 ? validation : train;
    part += (part.empty() ? "" : " ") + names.back();
  }
  const Split split = split_percent(with(names), 25);
  CHECK(keys(split.train) == train);
  CHECK(keys(split.validation) == validation);
  CHECK(keys(split_percent(with(names), 25, 7).validation) != validation);
}

TEST_CASE("split: an empty part is refused") {
  CHECK(
      message_of<DataError>([] { split_shuffled(with({"a.jpg"})); }) ==
      "root: the split leaves 0 pictures for training and 1 for validation; label more pictures, "
      "or "
      "choose another share");
  CHECK(says(
      message_of<DataError>([] {
        split_percent(with({"a.jpg", "b.jpg"}), 10);
      }),
      "2 pictures for training and 0 for validation; label more pictures, or choose another"));
  CHECK_THROWS_AS(split_shuffled(with({})), DataError);
  CHECK_THROWS_AS(split_percent(with({"a"}), 0), ConfigError);
  CHECK_THROWS_AS(split_percent(with({"a"}), 100), ConfigError);
  CHECK_THROWS_AS(split_shuffled(with({"a"}), 1.0), ConfigError);
}

TEST_CASE("split: by names") {
  const Dataset data = with({"JPEGImages/a b.jpg", "x/1.jpg", "y/1.jpg", "1.png"});
  CHECK(keys(select(data, {"x/1", "a b", "x/1.jpg"})) == "x/1.jpg JPEGImages/a b.jpg");
  CHECK(keys(select(data, {"JPEGImages/a b.jpg"})) == "JPEGImages/a b.jpg");
  CHECK(keys(select(data, {"1.png"})) == "1.png");
  CHECK(
      message_of<DataError>([&] { select(data, {"1.jpg"}); }) ==
      "root: \"1.jpg\" in the list is the name of several pictures; give the path below the root, "
      "with or without the extension");
  CHECK(says(message_of<DataError>([&] { select(data, {"c"}); }), "the name of no picture"));
}

}  // namespace
}  // namespace ocelli::data
