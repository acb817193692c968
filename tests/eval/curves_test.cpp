// Tests of the precision-recall curves.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/eval/curves.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace {

using namespace ocelli;
using namespace ocelli::eval;

CocoEvaluator example() {
  CocoEvaluator evaluator(2);
  // Class 1, falling score: right, wrong, right (at IoU 0.6), wrong; one object is never found.
  evaluator.add_picture(
      1,
      {{.box = {0, 0, 10, 10}, .label = 1},
       {.box = {20, 0, 30, 10}, .label = 1},
       {.box = {40, 0, 50, 10}, .label = 1},
       {.box = {0, 50, 10, 60}, .label = 2}},
      {{{0, 0, 10, 10}, 1, 0.9F},
       {{80, 0, 90, 10}, 1, 0.8F},
       {{20, 0, 30, 6}, 1, 0.7F},
       {{90, 0, 99, 10}, 1, 0.2F},
       {{0, 50, 10, 60}, 2, 0.75F}});
  return evaluator;
}

TEST_CASE("curves: by hand") {
  const PrecisionRecallCurve curve = precision_recall(example(), 1);
  REQUIRE(curve.points.size() == 4);
  CHECK(curve.label == 1);
  CHECK(curve.positives == 3);
  CHECK(curve.points[0].precision == 1.0);
  CHECK(curve.points[1].precision == 0.5);
  CHECK(curve.points[2].precision == doctest::Approx(2.0 / 3));
  CHECK(curve.points[2].recall == doctest::Approx(2.0 / 3));
  CHECK(curve.points[3].tp == 2);
  CHECK(curve.points[3].fp == 2);
  CHECK(curve.points[3].fn == 1);
  CHECK(curve.best.threshold == doctest::Approx(0.7));
  CHECK(curve.best.f1 == doctest::Approx(2.0 / 3));
}

TEST_CASE("curves: a stricter IoU") {
  const PrecisionRecallCurve curve = precision_recall(example(), 1, 0.75);
  CHECK(curve.points[2].tp == 1);
  CHECK(curve.best.threshold == doctest::Approx(0.9));
  CHECK_THROWS_AS(precision_recall(example(), 1, 0.33), ConfigError);
  CHECK_THROWS_AS(precision_recall(example(), 3), DataError);
}

TEST_CASE("curves: equal scores are one point") {
  CocoEvaluator evaluator(1);
  evaluator.add_picture(
      1, {{.box = {0, 0, 10, 10}, .label = 1}},
      {{{50, 50, 60, 60}, 1, 0.5F}, {{0, 0, 10, 10}, 1, 0.5F}});
  const PrecisionRecallCurve curve = precision_recall(evaluator, 1);
  REQUIRE(curve.points.size() == 1);
  CHECK(curve.points[0].precision == 0.5);
  CHECK(curve.points[0].recall == 1.0);
}

TEST_CASE("curves: one threshold for all classes") {
  // Thresholds 0.9, 0.8, 0.75, 0.7, 0.2 keep (tp, fp) = (1,0) (1,1) (2,1) (3,1) (3,2) of 4.
  const OperatingPoint best = best_threshold(example());
  CHECK(best.threshold == doctest::Approx(0.7));
  CHECK(best.f1 == doctest::Approx(6.0 / 8));
}

TEST_CASE("curves: nothing to find, nothing found") {
  CocoEvaluator evaluator(2);
  evaluator.add_picture(1, {{.box = {0, 0, 10, 10}, .label = 2}}, {{{0, 0, 10, 10}, 1, 0.5F}});
  CHECK(precision_recall(evaluator, 1).best.f1 == 0);
  CHECK(precision_recall(evaluator, 2).points.empty());
  CHECK(precision_recall(evaluator, 2).best.fn == 1);
}

TEST_CASE("curves: thinned keeps the ends") {
  std::vector<OperatingPoint> points;
  for (int i = 0; i <= 1000; ++i)
    points.push_back(
        {.threshold = 1 - i * 0.001, .precision = 1 - i * 0.0005, .recall = i * 0.001});
  const std::vector<OperatingPoint> few = thinned(points, 50);
  CHECK(few.size() <= 50);
  CHECK(few.size() > 40);
  CHECK(few.front().recall == 0);
  CHECK(few.back().recall == doctest::Approx(1));
  for (std::size_t i = 1; i < few.size(); ++i) CHECK(few[i].recall - few[i - 1].recall < 0.03);
  CHECK(thinned(points, 2000).size() == points.size());
}

}  // namespace
