// Tests of the 12 COCO numbers: vectors recorded from the published evaluation code, and by hand.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/eval/coco.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace {

using namespace ocelli;
using namespace ocelli::eval;

PixelBox from_xywh(const nlohmann::json& box) {
  const double x = box[0], y = box[1], w = box[2], h = box[3];
  return {
      static_cast<float>(y), static_cast<float>(x), static_cast<float>(y + h),
      static_cast<float>(x + w)};
}

nlohmann::json vectors() {
  std::ifstream file(OCELLI_TEST_VECTORS "/coco_ap.json");
  REQUIRE_MESSAGE(file.good(), "tests/vectors/coco_ap.json cannot be opened");
  return nlohmann::json::parse(file);
}

std::map<std::int64_t, EvaluatedPicture> pictures_of(const nlohmann::json& vector) {
  std::map<std::int64_t, EvaluatedPicture> pictures;
  for (int id = 1; id <= vector["num_images"].get<int>(); ++id) pictures[id].id = id;
  for (const auto& truth : vector["groundtruth"])
    pictures.at(truth["image"])
        .truths.push_back(
            {.box = from_xywh(truth["bbox"]),
             .label = truth["category"],
             .crowd = truth["iscrowd"] == 1,
             .area = truth["bbox"][2].get<double>() * truth["bbox"][3].get<double>()});
  for (const auto& detection : vector["detections"])
    pictures.at(detection["image"])
        .detections.push_back(
            {from_xywh(detection["bbox"]), detection["category"], detection["score"]});
  return pictures;
}

int classes_of(const nlohmann::json& vector) {
  int classes = 0;
  for (int category : vector["categories"]) classes = std::max(classes, category);
  return classes;
}

TEST_CASE("coco: as published") {
  const nlohmann::json file = vectors();
  REQUIRE(file["cases"].size() == 12);
  for (const auto& vector : file["cases"]) {
    CAPTURE(vector["name"].get<std::string>());
    CocoEvaluator evaluator(classes_of(vector));
    for (const auto& [id, picture] : pictures_of(vector)) evaluator.add_picture(picture);
    const CocoResult result = evaluator.accumulate();
    // The means are sums of at most 10 * 101 * 3 doubles in [0, 1].
    const double tolerance = 3030 * std::numeric_limits<double>::epsilon();
    for (std::size_t i = 0; i < 12; ++i) {
      CAPTURE(kCocoNames[i]);
      CHECK(
          std::abs(result.numbers[i] - vector["expected"][kCocoNames[i]].get<double>()) <=
          tolerance);
    }
    for (const auto& item : vector["ap_per_category"].items()) {
      const std::string category = item.key();
      CAPTURE(category);
      const ClassResult& row = result.per_class.at(std::stoul(category) - 1);
      CHECK(row.label == std::stoi(category));
      CHECK(std::abs(row.ap - item.value().get<double>()) <= tolerance);
    }
  }
}

TEST_CASE("coco: the order of the calls does not matter") {
  const nlohmann::json file = vectors();
  for (const auto& vector : file["cases"]) {
    const auto pictures = pictures_of(vector);
    CocoEvaluator forward(classes_of(vector)), backward(classes_of(vector));
    for (auto at = pictures.begin(); at != pictures.end(); ++at) forward.add_picture(at->second);
    for (auto at = pictures.rbegin(); at != pictures.rend(); ++at) backward.add_picture(at->second);
    CHECK(forward.accumulate().numbers == backward.accumulate().numbers);
  }
}

TEST_CASE("coco: by hand") {
  CocoEvaluator evaluator(2);
  // Two truths of class 1. The detections in falling score: right, wrong, right.
  // Precision at recall 0.5 is 1, at recall 1 it is 2/3: AP50 = (51 + 50 * 2/3) / 101.
  evaluator.add_picture(
      7, {{.box = {0, 0, 10, 10}, .label = 1}, {.box = {50, 50, 60, 60}, .label = 1}},
      {{{0, 0, 10, 10}, 1, 0.9F}, {{80, 80, 90, 90}, 1, 0.8F}, {{50, 50, 60, 60}, 1, 0.7F}});
  const CocoResult result = evaluator.accumulate();
  CHECK(result.ap50() == doctest::Approx((51 + 50 * 2.0 / 3) / 101));
  CHECK(result.ap() == doctest::Approx(result.ap50()));
  CHECK(result.per_class[0].ap75 == doctest::Approx(result.ap50()));
  CHECK(result.per_class[0].ar1 == 0.5);
  CHECK(result.per_class[0].ar100 == 1.0);
  CHECK(result.per_class[0].ground_truths == 2);
  CHECK(result.per_class[0].detections == 3);
  CHECK(result.per_class[1].ap == -1);  // no ground truth: not measured, left out of the mean
  CHECK(result.pictures == 1);
}

TEST_CASE("coco: difficult objects are counted, or ignored on request") {
  const std::vector<GroundTruth> truths = {
      {.box = {0, 0, 10, 10}, .label = 1},
      {.box = {50, 50, 60, 60}, .label = 1, .difficult = true}};
  const std::vector<DetectedBox> detections = {
      {{50, 50, 60, 60}, 1, 0.9F}, {{0, 0, 10, 10}, 1, 0.8F}};
  CocoEvaluator counted(1), ignored(1, true);
  counted.add_picture(1, truths, {detections[1]});
  ignored.add_picture(1, truths, detections);
  CHECK(counted.accumulate().numbers[8] == 0.5);
  CHECK(ignored.accumulate().numbers[8] == 1.0);
  CHECK(ignored.accumulate().ap() == doctest::Approx(1.0));  // the first is no false positive
  CHECK(ignored.positives(1) == 1);
}

TEST_CASE("coco: nothing added, and no detections") {
  CocoEvaluator empty(3);
  for (double number : empty.accumulate().numbers) CHECK(number == -1);
  CocoEvaluator silent(1);
  silent.add_picture(1, {{.box = {0, 0, 10, 10}, .label = 1}}, {});
  CHECK(silent.accumulate().ap() == 0);
}

TEST_CASE("coco: bad input is named") {
  CocoEvaluator evaluator(2);
  CHECK_THROWS_WITH_AS(
      evaluator.add_picture(5, {{.box = {0, 0, 1, 1}, .label = 3}}, {}),
      "picture 5, ground truth 1: label 3 is outside 1..2; evaluate with the list of labels that "
      "the boxes were written with",
      DataError);
  CHECK_THROWS_AS(evaluator.add_picture(5, {}, {{{0, 0, 1, 1}, 0, 0.5F}}), DataError);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_AS(evaluator.add_picture(5, {}, {{{0, 0, 1, 1}, 1, nan}}), DataError);
  CHECK_THROWS_AS(evaluator.add_picture(5, {}, {{{0, nan, 1, 1}, 1, 0.5F}}), DataError);
  CHECK_THROWS_AS(evaluator.add_picture(5, {}, {{{0, 2, 1, 1}, 1, 0.5F}}), DataError);
  evaluator.add_picture(5, {}, {});
  CHECK_THROWS_AS(evaluator.add_picture(5, {}, {}), DataError);
  CHECK_THROWS_AS(CocoEvaluator(0), DataError);
}

}  // namespace
