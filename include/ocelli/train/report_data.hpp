// ReportData: what a report shows. Everything is optional; an empty part is left out of the page.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "ocelli/data/dataset.hpp"
#include "ocelli/eval/classification.hpp"
#include "ocelli/eval/coco.hpp"
#include "ocelli/eval/confusion.hpp"
#include "ocelli/eval/curves.hpp"
#include "ocelli/eval/picture.hpp"

namespace ocelli::train {

/// One line of the training log. A number that is not known is NaN, and is left out of the charts.
struct ReportLog {
  long step = 0;
  double epoch = 0;
  double loss = 0;  ///< total: the sum of the three parts
  double classification = 0, localization = 0, regularization = 0;
  double learning_rate = 0;
  double images_per_second = 0;
  double data_wait = 0;  ///< share of the time spent waiting for data, [0, 1]
  double accuracy = -1;  ///< of a classifier on the pictures it learned from; -1: not measured
};

/// One evaluation; -1: nothing to measure.
struct ReportEvaluation {
  long step = 0;
  std::vector<double> numbers{};  ///< in the order of number_names() of the task
  std::vector<double> classes{};  ///< [C] AP50, or a classifier's recall
};

/// A picture to show. Boxes are in pixels of the original, whatever the size of the JPEG. What a
/// picture shows as a whole is a box around all of it.
struct ReportPicture {
  std::string key;                ///< the data set's name of it
  int height = 0, width = 0;      ///< of the original
  std::vector<std::byte> jpeg{};  ///< about 480 pixels wide: see report_picture.hpp
  std::vector<eval::GroundTruth> truths{};
  bool training = false;  ///< trained on; else held out
};

/// What a snapshot found in one picture.
struct ReportFound {
  std::vector<eval::DetectedBox> detections{};
  /// Of the picture, [0, 1], higher is better: its F1; a classifier's probability of the truth.
  double score = 0;
};

/// The Flip Book's page of one snapshot.
struct ReportPage {
  long step = 0;
  std::vector<ReportFound> found{};  ///< [pictures of the book]
};

/// A row of pictures with truth and prediction: the worst, the best, the surest mistakes ...
struct ReportGallery {
  struct Item {
    ReportPicture picture;
    ReportFound found{};
    std::string caption{};
  };
  std::string title;
  std::string note{};
  std::vector<Item> items{};
};

struct ReportData {
  data::TargetKind task = data::TargetKind::boxes;
  std::string title = "ocelli";
  std::string subtitle{};
  bool finished = false;              ///< false: the page offers to follow the training
  long total_steps = 0;               ///< planned
  double seconds = 0;                 ///< trained so far
  std::vector<std::string> labels{};  ///< [C], label 1 first
  std::vector<std::pair<std::string, std::string>> config{};
  std::vector<ReportLog> log{};
  std::vector<ReportEvaluation> evaluations{};
  std::vector<ReportPicture> pictures{};          ///< of the Flip Book
  std::vector<ReportPage> pages{};                ///< rising steps
  std::vector<eval::ClassResult> classes{};       ///< of a detector
  std::vector<eval::ClassScores> class_scores{};  ///< of a classifier
  std::vector<eval::PrecisionRecallCurve> curves{};
  /// [(C+1) * (C+1)]: eval::ConfusionMatrix::counts(); of a classifier [C * C].
  std::vector<long> confusion{};
  eval::MatchOptions match{};  ///< the score and IoU of the confusion and of scores
  std::vector<ReportGallery> galleries{};
  std::size_t detections_per_picture = 50;  ///< the surest are kept in a page
  double least_score = 0.05;                ///< detections below it are left out of the pages
};

}  // namespace ocelli::train
