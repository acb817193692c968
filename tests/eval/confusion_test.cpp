// Tests of the confusion matrix, the pictures' scores and the list of errors.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/eval/confusion.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace {

using namespace ocelli;
using namespace ocelli::eval;

EvaluatedPicture example() {
  return {
      .id = 4,
      .truths =
          {{.box = {0, 0, 10, 10}, .label = 1},
           {.box = {20, 0, 30, 10}, .label = 2},
           {.box = {40, 0, 60, 20}, .label = 2}},
      .detections = {
          {{0, 0, 10, 10}, 1, 0.9F},     // right
          {{0, 0, 10, 9}, 1, 0.8F},      // the same object again
          {{20, 0, 30, 10}, 1, 0.7F},    // class 2 taken for 1
          {{90, 90, 99, 99}, 2, 0.6F},   // nothing there
          {{40, 0, 60, 8}, 2, 0.55F},    // IoU 0.4: misplaced
          {{40, 0, 60, 20}, 2, 0.1F}}};  // below the score
}

TEST_CASE("confusion: by hand") {
  const ConfusionMatrix matrix = confusion_matrix({example()}, 2, {});
  CHECK(matrix.at(1, 1) == 1);
  CHECK(matrix.at(0, 1) == 1);  // the duplicate
  CHECK(matrix.at(2, 1) == 1);
  CHECK(matrix.at(0, 2) == 2);
  CHECK(matrix.at(2, 0) == 1);
  CHECK(matrix.at(1, 0) == 0);
  CHECK(matrix.at(2, 2) == 0);
  CHECK(matrix.counts().size() == 9);
  CHECK_THROWS_AS(matrix.at(3, 0), DataError);
  CHECK_THROWS_AS(confusion_matrix({example()}, 1, {}), DataError);
}

TEST_CASE("confusion: a picture's score") {
  const PictureScore score = score_picture(example(), MatchOptions{});
  CHECK(score.tp == 1);
  CHECK(score.fp == 4);
  CHECK(score.fn == 2);
  CHECK(score.f1() == doctest::Approx(2.0 / 8));
  CHECK(score_picture(EvaluatedPicture{}, MatchOptions{}).f1() == 1.0);
  CHECK(score_picture(example(), MatchOptions{.score = 0.05}).tp == 2);
}

TEST_CASE("confusion: the class comes before the overlap") {
  // Two objects of different classes in nearly one place: each detection finds its own.
  const EvaluatedPicture picture = {
      .truths = {{.box = {0, 0, 10, 10}, .label = 1}, {.box = {0, 0, 10, 9}, .label = 2}},
      .detections = {{{0, 0, 10, 10}, 2, 0.9F}, {{0, 0, 10, 9}, 1, 0.8F}}};
  const ConfusionMatrix matrix = confusion_matrix({picture}, 2, {});
  CHECK(matrix.at(1, 1) == 1);
  CHECK(matrix.at(2, 2) == 1);
}

TEST_CASE("confusion: crowds absorb, difficult objects on request") {
  const EvaluatedPicture picture = {
      .truths =
          {{.box = {0, 0, 50, 50}, .label = 1, .crowd = true},
           {.box = {60, 60, 70, 70}, .label = 1, .difficult = true}},
      .detections = {
          {{0, 0, 10, 10}, 1, 0.9F}, {{10, 10, 20, 20}, 1, 0.9F}, {{60, 60, 70, 70}, 1, 0.8F}}};
  const PictureScore counted = score_picture(picture, MatchOptions{});
  CHECK(counted.tp == 1);
  CHECK(counted.fp == 0);
  CHECK(counted.fn == 0);
  const PictureScore ignored = score_picture(picture, MatchOptions{.ignore_difficult = true});
  CHECK(ignored.tp == 0);
  CHECK(ignored.fp == 0);
  CHECK(ignored.fn == 0);
}

TEST_CASE("confusion: the errors worth looking at") {
  const Errors errors = top_errors({example()}, {}, 10);
  REQUIRE(errors.false_positives.size() == 4);
  CHECK(errors.false_positives[0].fault == Fault::duplicate);
  CHECK(errors.false_positives[1].fault == Fault::wrong_class);
  CHECK(errors.false_positives[2].fault == Fault::background);
  CHECK(errors.false_positives[3].fault == Fault::location);
  CHECK(errors.false_positives[3].iou == doctest::Approx(0.4));
  CHECK(errors.false_positives[0].picture == 4);
  REQUIRE(errors.missed.size() == 1);
  CHECK(errors.missed[0].truth.box.ymin == 40);
  CHECK(errors.missed[0].iou == 1.0);  // it was seen, but below the score
  CHECK(top_errors({example()}, {}, 2).false_positives.size() == 2);
}

}  // namespace
