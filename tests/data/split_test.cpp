// Tests of parts of a data set.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/split.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <set>
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

TEST_CASE("split: each class of whole pictures with two is in both parts") {
  const std::vector<double> uniforms =
      test::vectors("split_random").at("seed99_uniforms").get<std::vector<double>>();
  // Numbers: 0.404 0.200 0.179 0.248 0.760 ...
  Dataset data = with({"a", "b", "c", "d", "e"});
  data.labels = {"cat", "dog", "owl"};
  for (std::size_t i = 0; i < 5; ++i) CHECK(data.pictures[i].tags.empty());
  data.pictures[0].tags = {1};
  data.pictures[4].tags = {1, 2};  // the first counts
  data.pictures[1].tags = {2};
  data.pictures[2].tags = {2};
  data.pictures[3].tags = {3};
  REQUIRE(uniforms[0] < uniforms[4]);
  // Below 0.3 lie b, c, d. Cats would all train: the lower number moves. Dogs would all validate:
  // the higher moves. The only owl stays where it was.
  const Split split = split_percent(data, 30);
  CHECK(keys(split.train) == "b e");
  CHECK(keys(split.validation) == "a c d");
  CHECK(keys(split_percent(data, 30).train) == keys(split.train));
  // Boxes decide by themselves.
  for (Picture& picture : data.pictures) picture.objects.resize(1);
  CHECK(keys(split_percent(data, 30).validation) == "b c d");

  // Many classes: never one in one part alone, and pictures are neither lost nor doubled.
  std::vector<std::string> names;
  for (int k = 0; k < 60; ++k) names.push_back(std::to_string(k));
  Dataset many = with(names);
  for (std::size_t k = 0; k < 60; ++k) many.pictures[k].tags = {static_cast<int>(1 + k % 20)};
  for (const double percent : {2.0, 20.0, 97.0}) {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      const Split part = split_percent(many, percent, seed);
      CHECK(part.train.pictures.size() + part.validation.pictures.size() == 60);
      for (const Dataset& one : {part.train, part.validation}) {
        std::set<int> classes;
        for (const Picture& picture : one.pictures) classes.insert(picture.tags.front());
        CHECK(classes.size() == 20);
      }
    }
  }
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
