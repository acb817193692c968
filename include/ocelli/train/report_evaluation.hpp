// show_evaluation: from an evaluation to the report.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "ocelli/data/cache.hpp"
#include "ocelli/eval/confusion.hpp"
#include "ocelli/eval/curves.hpp"
#include "ocelli/train/evaluate.hpp"
#include "ocelli/train/report_data.hpp"
#include "ocelli/train/report_picture.hpp"

namespace ocelli::train {

/// What the report shows of the latest evaluation, in place of an earlier one's: per class, curves,
/// and, with the threshold of the best F1, confusion, the worst and the best pictures.
inline void show_evaluation(
    ReportData& report, const Evaluation& evaluation, const data::Dataset& dataset,
    const data::ImageCache& cache, std::size_t gallery = 8) {
  const int classes = static_cast<int>(dataset.labels.size());
  // A young net is right long before it is sure.
  const eval::OperatingPoint best = eval::best_threshold(evaluation.matches, report.match.iou);
  if (best.f1 > 0) report.match.score = best.threshold;
  report.classes = evaluation.coco.per_class;
  report.curves.clear();
  report.galleries.clear();
  for (int label = 1; label <= classes; ++label)
    report.curves.push_back(eval::precision_recall(evaluation.matches, label, report.match.iou));
  report.confusion = eval::confusion_matrix(evaluation.pictures, classes, report.match).counts();
  std::vector<std::pair<double, std::size_t>> ranked;
  for (std::size_t i = 0; i < evaluation.pictures.size(); ++i)
    if (!evaluation.pictures[i].truths.empty())
      ranked.push_back({eval::score_picture(evaluation.pictures[i], report.match).f1(), i});
  std::stable_sort(ranked.begin(), ranked.end());
  const auto fill = [&](const char* title, bool worst) {
    ReportGallery row;
    row.title = title;
    for (std::size_t k = 0; k < std::min(gallery, ranked.size() / 2); ++k) {
      const auto& [score, at] = worst ? ranked[k] : ranked[ranked.size() - 1 - k];
      const eval::EvaluatedPicture& one = evaluation.pictures[at];
      const auto picture = static_cast<std::size_t>(one.id);
      ReportGallery::Item item{
          report_picture(
              dataset.pictures[picture].key, cache.read(picture),
              truths_of(dataset.pictures[picture])),
          {},
          {}};
      item.found.score = score;
      for (const eval::DetectedBox& box : one.detections)
        if (box.score >= report.match.score) item.found.detections.push_back(box);
      row.items.push_back(std::move(item));
    }
    report.galleries.push_back(std::move(row));
  };
  fill("Worst pictures", true);
  fill("Best pictures", false);
}

}  // namespace ocelli::train
