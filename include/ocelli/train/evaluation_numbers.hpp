// What logs, tables, charts and the trainer take from an evaluation: lists of named numbers,
// whichever the task is.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ocelli/data/dataset.hpp"
#include "ocelli/eval/classification.hpp"
#include "ocelli/eval/coco.hpp"
#include "ocelli/train/evaluation.hpp"

namespace ocelli::train {

/// A number, and what files call it.
struct NamedNumber {
  std::string name;
  double value = -1;  ///< -1: nothing to measure
};

inline data::TargetKind task_of(const Evaluation& evaluation) {
  return evaluation.classified ? data::TargetKind::whole_picture : data::TargetKind::boxes;
}

/// The number that says which weights are the best, the higher the better.
inline NamedNumber headline(const Evaluation& evaluation) {
  if (evaluation.classified) return {"accuracy", evaluation.classified->result.accuracy};
  return {"ap", evaluation.coco.ap()};
}

/// What a task measures: the 12 COCO names, or those of a classifier.
inline std::span<const char* const> number_names(data::TargetKind task) {
  if (task == data::TargetKind::whole_picture) return eval::kClassificationNames;
  return eval::kCocoNames;
}
/// In the order of number_names.
inline std::vector<double> numbers_of(const Evaluation& evaluation) {
  if (!evaluation.classified)
    return {evaluation.coco.numbers.begin(), evaluation.coco.numbers.end()};
  const auto numbers = evaluation.classified->result.numbers();
  return {numbers.begin(), numbers.end()};
}

/// What a task measures of each class, for tables.
inline std::array<const char*, 2> class_number_names(data::TargetKind task) {
  if (task == data::TargetKind::whole_picture) return {"recall", "precision"};
  return {"AP", "AP50"};
}
/// [C] in the order of class_number_names.
inline std::vector<std::array<double, 2>> class_numbers_of(const Evaluation& evaluation) {
  std::vector<std::array<double, 2>> rows;
  if (evaluation.classified) {
    for (const eval::ClassScores& one : evaluation.classified->result.per_class)
      rows.push_back({one.recall, one.precision});
  } else {
    for (const eval::ClassResult& one : evaluation.coco.per_class)
      rows.push_back({one.ap, one.ap50});
  }
  return rows;
}

/// [C] the one number of a class that charts show over time: AP50, or recall.
inline std::vector<double> class_chart_of(const Evaluation& evaluation) {
  std::vector<double> shown;
  for (const std::array<double, 2>& row : class_numbers_of(evaluation))
    shown.push_back(evaluation.classified ? row[0] : row[1]);
  return shown;
}
/// Its name in logs and in tags.
inline const char* class_chart_name(data::TargetKind task) {
  return task == data::TargetKind::whole_picture ? "recall" : "ap50";
}

/// The columns of results.csv, without the step.
inline std::vector<std::string> result_columns(
    data::TargetKind task, const std::vector<std::string>& labels) {
  const auto names = number_names(task);
  std::vector<std::string> columns(names.begin(), names.end());
  for (const std::string& label : labels)
    for (const char* name : class_number_names(task))
      columns.push_back(std::string(name) + "/" + label);
  return columns;
}
/// A row under result_columns.
inline std::vector<double> result_row(const Evaluation& evaluation) {
  std::vector<double> row = numbers_of(evaluation);
  for (const std::array<double, 2>& of_class : class_numbers_of(evaluation))
    row.insert(row.end(), of_class.begin(), of_class.end());
  return row;
}

/// What charts over time get, by tags like "coco/AP50" and "recall/cat".
inline std::vector<NamedNumber> tagged_numbers(
    const Evaluation& evaluation, const std::vector<std::string>& labels) {
  const data::TargetKind task = task_of(evaluation);
  const auto names = number_names(task);
  const std::vector<double> numbers = numbers_of(evaluation), classes = class_chart_of(evaluation);
  std::vector<NamedNumber> tagged;
  const std::string group = task == data::TargetKind::boxes ? "coco/" : "classification/";
  for (std::size_t i = 0; i < numbers.size(); ++i) tagged.push_back({group + names[i], numbers[i]});
  for (std::size_t c = 0; c < classes.size(); ++c)
    tagged.push_back({std::string(class_chart_name(task)) + "/" + labels[c], classes[c]});
  return tagged;
}

/// "AP 0.412  AP50 0.700  AP75 0.390", or "accuracy 0.950  mean of classes 0.941  log loss 0.171".
inline std::string in_words(const Evaluation& evaluation) {
  std::array<char, 128> text{};
  if (evaluation.classified) {
    const eval::ClassificationResult& result = evaluation.classified->result;
    std::snprintf(
        text.data(), text.size(), "accuracy %.3f  mean of classes %.3f  log loss %.3f",
        result.accuracy, result.mean_class_accuracy, result.log_loss);
  } else {
    const eval::CocoResult& coco = evaluation.coco;
    std::snprintf(
        text.data(), text.size(), "AP %.3f  AP50 %.3f  AP75 %.3f", coco.ap(), coco.ap50(),
        coco.ap75());
  }
  return text.data();
}

}  // namespace ocelli::train
