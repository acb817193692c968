// From an evaluation to the report: numbers, classes, curves, confusion, a page of the Flip Book.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

#include "ocelli/eval/coco.hpp"
#include "ocelli/eval/confusion.hpp"
#include "ocelli/eval/curves.hpp"
#include "ocelli/eval/picture.hpp"
#include "ocelli/train/report_data.hpp"

namespace ocelli::train {

/// Adds an evaluation to the curves over time, and replaces what shows the latest one only:
/// classes, precision against recall, confusion (with `report.match`).
/// @param evaluator  that `pictures` were added to
inline eval::CocoResult add_evaluation(
    ReportData& report, long step, const eval::CocoEvaluator& evaluator,
    const std::vector<eval::EvaluatedPicture>& pictures) {
  const eval::CocoResult result = evaluator.accumulate();
  ReportEvaluation evaluation{.step = step, .numbers = result.numbers};
  report.curves.clear();
  for (const eval::ClassResult& row : result.per_class) {
    evaluation.class_ap50.push_back(row.ap50);
    report.curves.push_back(eval::precision_recall(evaluator, row.label));
  }
  report.evaluations.push_back(evaluation);
  report.classes = result.per_class;
  report.confusion = eval::confusion_matrix(pictures, evaluator.classes(), report.match).counts();
  return result;
}

/// What the Flip Book shows of a picture.
inline ReportFound report_found(
    const eval::EvaluatedPicture& picture, const eval::MatchOptions& match) {
  return {picture.detections, eval::score_picture(picture, match).f1()};
}

/// Indices of the pictures, the lowest F1 first; of equals the one with more objects and mistakes.
inline std::vector<std::size_t> worst_first(
    const std::vector<eval::EvaluatedPicture>& pictures, const eval::MatchOptions& match) {
  std::vector<eval::PictureScore> scores;
  for (const eval::EvaluatedPicture& picture : pictures)
    scores.push_back(eval::score_picture(picture, match));
  std::vector<std::size_t> order(pictures.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const double x = scores[a].f1(), y = scores[b].f1();
    if (x < y || y < x) return x < y;
    return scores[a].fp + scores[a].fn > scores[b].fp + scores[b].fn;
  });
  return order;
}

}  // namespace ocelli::train
