// Tests of what training uses of a data set, and what it counts instead.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/targets.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "ocelli/data/image_writer.hpp"

namespace ocelli::data {
namespace {

Object object_at(PixelBox box, int label = 1, bool crowd = false) {
  Object object;
  object.box = box;
  object.label = label;
  object.crowd = crowd;
  return object;
}

struct Set {
  MemorySource source;
  Dataset dataset;
  ThreadPool pool{1};

  Set() { dataset.labels = {"cat", "dog"}; }
  Picture& add(PictureState state, std::vector<Object> objects = {}) {
    Picture picture;
    picture.key = std::to_string(dataset.pictures.size()) + ".png";
    picture.state = state;
    picture.objects = std::move(objects);
    source.put(picture.key, encode_png(make_image(10, 20)));
    dataset.pictures.push_back(picture);
    return dataset.pictures.back();
  }
  Targets collect() { return collect_targets(dataset, ImageCache(dataset, source, pool)); }
};

}  // namespace

TEST_CASE("targets: who takes part") {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  Set set;
  set.add(PictureState::unlabelled);
  set.add(
      PictureState::labelled,
      {object_at({1, 2, 5, 6}, 2), object_at({nan, 2, 5, 6}), object_at({0, 0, 10, 20}, 1, true),
       object_at({3, 30, 5, 40}), object_at({4, 4, 4, 8}), object_at({-3, -3, 5, 6})});
  set.add(PictureState::negative);
  set.add(PictureState::labelled, {object_at({0, 0, 10, 20}, 1, true)});
  set.add(PictureState::labelled).tags = {1};
  set.add(PictureState::labelled, {object_at({5, 5, 5, 5})});
  const Targets targets = set.collect();
  CHECK(targets.counts.pictures == 3);
  CHECK(targets.counts.negatives == 2);
  CHECK(targets.counts.unlabelled == 1);
  CHECK(targets.counts.without_targets == 2);
  CHECK(targets.counts.objects == 2);
  CHECK(targets.counts.crowds == 2);
  CHECK(targets.counts.dropped == 4);
  REQUIRE(targets.pictures.size() == 3);
  const TrainingPicture& first = targets.pictures[0];
  CHECK(first.picture == 1);
  CHECK(first.height == 10);
  CHECK(first.width == 20);
  REQUIRE(first.objects.size() == 2);
  CHECK(first.objects[0].label == 2);
  CHECK(first.objects[1].box == PixelBox{0, 0, 5, 6});  // cut at the edges
  CHECK(targets.pictures[1].picture == 2);
  CHECK(targets.pictures[2].objects.empty());
}

TEST_CASE("targets: faults") {
  Set set;
  set.add(PictureState::unlabelled);
  CHECK_THROWS_WITH_AS(
      set.collect(), doctest::Contains("no picture to train on among 1 (1 unlabelled"), DataError);
  set.add(PictureState::labelled, {object_at({1, 2, 5, 6}, 3)}).label_source = "labels.json";
  CHECK_THROWS_WITH_AS(
      set.collect(), "labels.json: an object has label 3 of 2; labels are numbered from 1",
      DataError);
}

}  // namespace ocelli::data
