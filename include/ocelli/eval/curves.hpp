// Precision against recall of one class, and the score threshold of the best F1.
//
//   precision = tp / (tp + fp)    recall = tp / P    F1 = 2 tp / (2 tp + fp + fn)
//
// as the score threshold falls from the surest detection to the least sure. Matches are those of
// the COCO numbers, so the area under a curve is its AP (up to the 101 points that AP reads).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/eval/coco.hpp"

namespace ocelli::eval {

/// What a threshold gives: every detection with score >= threshold is kept.
struct OperatingPoint {
  double threshold = 0;
  double precision = 0, recall = 0, f1 = 0;
  long tp = 0, fp = 0, fn = 0;
};

struct PrecisionRecallCurve {
  int label = 0;
  double iou = 0.5;                      ///< that a match needs
  long positives = 0;                    ///< ground truths
  std::vector<OperatingPoint> points{};  ///< one for each distinct score, falling thresholds
  OperatingPoint best{};                 ///< highest F1, the higher threshold of equals
};

namespace detail {

inline unsigned threshold_index(double iou) {
  for (int t = 0; t < kIouThresholds; ++t)
    if (std::abs(iou_threshold(t) - iou) < 1e-6) return static_cast<unsigned>(t);
  throw ConfigError(
      "IoU " + std::to_string(iou) + " is not one that was matched", "precision_recall",
      "choose among 0.50, 0.55 .. 0.95");
}

/// @param ranked  falling scores
inline PrecisionRecallCurve sweep(
    const std::vector<RankedDetection>& ranked, unsigned threshold, long positives) {
  PrecisionRecallCurve curve{.iou = iou_threshold(static_cast<int>(threshold))};
  curve.positives = positives;
  curve.best = {.threshold = 1, .fn = positives};
  long tp = 0, fp = 0;
  for (std::size_t d = 0; d < ranked.size(); ++d) {
    if ((ranked[d].ignored[0] >> threshold & 1U) == 0)
      ++((ranked[d].matched[0] >> threshold & 1U) != 0 ? tp : fp);
    const bool last_of_score = d + 1 == ranked.size() || ranked[d + 1].score < ranked[d].score;
    if (!last_of_score || tp + fp == 0) continue;
    OperatingPoint point{.threshold = ranked[d].score, .tp = tp, .fp = fp, .fn = positives - tp};
    point.precision = static_cast<double>(tp) / static_cast<double>(tp + fp);
    if (positives > 0) {
      point.recall = static_cast<double>(tp) / static_cast<double>(positives);
      point.f1 = 2 * static_cast<double>(tp) / static_cast<double>(positives + tp + fp);
    }
    if (point.f1 > curve.best.f1) curve.best = point;
    curve.points.push_back(point);
  }
  return curve;
}

}  // namespace detail

/// The curve of one class. Without ground truth the recall and F1 are 0 throughout.
/// @param iou  0.50, 0.55 .. 0.95; anything else throws ConfigError
inline PrecisionRecallCurve precision_recall(
    const CocoEvaluator& evaluator, int label, double iou = 0.5) {
  PrecisionRecallCurve curve = detail::sweep(
      evaluator.ranking(label), detail::threshold_index(iou), evaluator.positives(label));
  curve.label = label;
  return curve;
}

/// One threshold for all classes: the highest F1 of their detections together.
inline OperatingPoint best_threshold(const CocoEvaluator& evaluator, double iou = 0.5) {
  std::vector<RankedDetection> all;
  long positives = 0;
  for (int label = 1; label <= evaluator.classes(); ++label) {
    const std::vector<RankedDetection> ranked = evaluator.ranking(label);
    all.insert(all.end(), ranked.begin(), ranked.end());
    positives += evaluator.positives(label);
  }
  std::stable_sort(all.begin(), all.end(), [](const RankedDetection& a, const RankedDetection& b) {
    return a.score > b.score;
  });
  return detail::sweep(all, detail::threshold_index(iou), positives).best;
}

/// At most `limit` points that look the same when drawn: the ends, and points evenly spread over
/// the way along the curve.
inline std::vector<OperatingPoint> thinned(
    const std::vector<OperatingPoint>& points, std::size_t limit) {
  if (points.size() <= limit || limit < 2) return points;
  double length = 0;
  const auto step = [&](std::size_t i) {
    return std::abs(points[i].recall - points[i - 1].recall) +
           std::abs(points[i].precision - points[i - 1].precision);
  };
  for (std::size_t i = 1; i < points.size(); ++i) length += step(i);
  std::vector<OperatingPoint> kept = {points.front()};
  double way = 0;
  for (std::size_t i = 1; i + 1 < points.size(); ++i) {
    way += step(i);
    if (kept.size() + 1 < limit &&
        way >= length * static_cast<double>(kept.size()) / static_cast<double>(limit - 1))
      kept.push_back(points[i]);
  }
  kept.push_back(points.back());
  return kept;
}

}  // namespace ocelli::eval
