// show_evaluation: from an evaluation to the report, for both tasks.
//
// A label of a whole picture is shown as a box around all of it, so that pictures, Flip Book and
// galleries are the same for detectors and classifiers.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "ocelli/data/cache.hpp"
#include "ocelli/data/whole_pictures.hpp"
#include "ocelli/eval/confusion.hpp"
#include "ocelli/eval/curves.hpp"
#include "ocelli/train/evaluate.hpp"
#include "ocelli/train/evaluation_numbers.hpp"
#include "ocelli/train/report_data.hpp"
#include "ocelli/train/report_picture.hpp"

namespace ocelli::train {

/// A line of the report's charts.
inline ReportEvaluation report_line(long step, const Evaluation& evaluation) {
  return {step, numbers_of(evaluation), class_chart_of(evaluation)};
}

/// A picture of a data set, with its truths as the task has them.
inline ReportPicture report_picture(
    const data::Dataset& dataset, const data::ImageCache& cache, std::size_t at,
    data::TargetKind task) {
  const data::Picture& picture = dataset.pictures[at];
  const data::Image image = cache.read(at);
  std::vector<eval::GroundTruth> truths;
  if (task == data::TargetKind::boxes)
    truths = truths_of(picture);
  else if (const int index = data::class_of(picture); index >= 0)
    truths.push_back({whole_of(image.height, image.width), index + 1});
  return report_picture(picture.key, image, std::move(truths));
}

/// What was found in some pictures; nothing in those that were not evaluated.
/// @param chosen  positions in Dataset::pictures
/// @param report  of a detector: what counts as found, and how many boxes are kept
inline std::vector<ReportFound> found_in_pictures(
    const Evaluation& evaluation, const std::vector<std::size_t>& chosen,
    const data::ImageCache& cache, const ReportData& report) {
  std::vector<ReportFound> found(chosen.size());
  const auto each = [&](const auto& pictures, const auto& use) {
    for (std::size_t i = 0; i < chosen.size(); ++i)
      for (const auto& one : pictures)
        if (one.id == static_cast<std::int64_t>(chosen[i])) use(one, chosen[i], found[i]);
  };
  if (evaluation.classified) {
    each(evaluation.classified->pictures, [&](const auto& one, std::size_t at, ReportFound& into) {
      into = found_as_whole(one, cache.height(at), cache.width(at));
    });
    return found;
  }
  each(evaluation.pictures, [&](const auto& one, std::size_t, ReportFound& into) {
    into.score = eval::score_picture(one, report.match).f1();
    for (const eval::DetectedBox& box : one.detections)
      if (static_cast<double>(box.score) >= report.least_score &&
          into.detections.size() < report.detections_per_picture)
        into.detections.push_back(box);
  });
  return found;
}

namespace detail {

inline void show_detections(
    ReportData& report, const Evaluation& evaluation, const data::Dataset& dataset,
    const data::ImageCache& cache, std::size_t gallery) {
  const int classes = static_cast<int>(dataset.labels.size());
  // A young net is right long before it is sure.
  const eval::OperatingPoint best = eval::best_threshold(evaluation.matches, report.match.iou);
  if (best.f1 > 0) report.match.score = best.threshold;
  report.classes = evaluation.coco.per_class;
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
      ReportGallery::Item item{
          report_picture(dataset, cache, static_cast<std::size_t>(one.id), data::TargetKind::boxes),
          {},
          {}};
      item.found.score = score;
      for (const eval::DetectedBox& box : one.detections)
        if (static_cast<double>(box.score) >= report.match.score)
          item.found.detections.push_back(box);
      row.items.push_back(std::move(item));
    }
    report.galleries.push_back(std::move(row));
  };
  fill("Worst pictures", true);
  fill("Best pictures", false);
}

inline void show_classes(
    ReportData& report, const ClassifiedSet& classified, const data::Dataset& dataset,
    const data::ImageCache& cache, std::size_t gallery) {
  // The highest score decides, however low it is.
  report.match.score = 0;
  report.least_score = 0;
  report.class_scores = classified.result.per_class;
  report.confusion = classified.result.confusion;
  const auto fill = [&](const char* title, const std::vector<std::size_t>& places) {
    ReportGallery row;
    row.title = title;
    for (const std::size_t place : places) {
      const eval::ClassifiedPicture& one = classified.pictures[place];
      const auto at = static_cast<std::size_t>(one.id);
      const auto told = [&](int index, float score) {
        std::array<char, 16> text{};
        std::snprintf(text.data(), text.size(), " %.3f", static_cast<double>(score));
        return dataset.labels[static_cast<std::size_t>(index)] + text.data();
      };
      ReportGallery::Item item{
          report_picture(dataset, cache, at, data::TargetKind::whole_picture),
          found_as_whole(one, cache.height(at), cache.width(at)),
          one.right() ? told(one.truth, one.truth_score)
                      : "said " + told(one.said(), one.score()) + ", is " +
                            told(one.truth, one.truth_score)};
      row.items.push_back(std::move(item));
    }
    report.galleries.push_back(std::move(row));
  };
  fill("Worst pictures", eval::worst_pictures(classified.pictures, gallery));
  fill("Least sure of the right ones", eval::least_sure_pictures(classified.pictures, gallery));
}

}  // namespace detail

/// What the report shows of the latest evaluation, in place of an earlier one's. Of a detector: per
/// class, curves, and, with the threshold of the best F1, confusion, the worst and the best
/// pictures. Of a classifier: per class, confusion, the worst pictures and the least sure.
inline void show_evaluation(
    ReportData& report, const Evaluation& evaluation, const data::Dataset& dataset,
    const data::ImageCache& cache, std::size_t gallery = 8) {
  report.task = task_of(evaluation);
  report.curves.clear();
  report.galleries.clear();
  if (evaluation.classified)
    detail::show_classes(report, *evaluation.classified, dataset, cache, gallery);
  else
    detail::show_detections(report, evaluation, dataset, cache, gallery);
}

}  // namespace ocelli::train
