// Tests of the way from an evaluation to the report.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/train/report_evaluation.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace {

using namespace ocelli;
using namespace ocelli::train;

const std::vector<eval::EvaluatedPicture> kPictures = {
    {.id = 1,
     .truths = {{.box = {0, 0, 10, 10}, .label = 1}},
     .detections = {{{0, 0, 10, 10}, 1, 0.9F}}},
    {.id = 2, .truths = {{.box = {0, 0, 10, 10}, .label = 2}}},
    {.id = 3,
     .truths = {{.box = {0, 0, 10, 10}, .label = 2}},
     .detections = {{{50, 50, 60, 60}, 2, 0.8F}}}};

TEST_CASE("report_evaluation: what the latest evaluation shows, and what grows") {
  eval::CocoEvaluator evaluator(2);
  for (const eval::EvaluatedPicture& picture : kPictures) evaluator.add_picture(picture);
  ReportData report;
  report.labels = {"cat", "dog"};
  const eval::CocoResult result = add_evaluation(report, 100, evaluator, kPictures);
  add_evaluation(report, 200, evaluator, kPictures);
  CHECK(result.ap50() == doctest::Approx(0.5));
  REQUIRE(report.evaluations.size() == 2);
  CHECK(report.evaluations[1].step == 200);
  CHECK(report.evaluations[0].numbers == result.numbers);
  CHECK(report.evaluations[0].class_ap50[1] == 0);
  CHECK(report.curves.size() == 2);
  CHECK(report.classes.size() == 2);
  CHECK(report.confusion == std::vector<long>{0, 0, 1, 0, 1, 0, 2, 0, 0});
}

TEST_CASE("report_evaluation: pictures in order of their score") {
  // 2 and 3 both score 0; 3 has a false positive besides the miss.
  CHECK(worst_first(kPictures, {}) == std::vector<std::size_t>{2, 1, 0});
  const ReportFound found = report_found(kPictures[0], {});
  CHECK(found.score == 1.0);
  CHECK(found.detections.size() == 1);
}

}  // namespace
