// Confusion of classes, one picture's score, and the errors worth looking at.
//
// Detections at or above a score are matched one to one with the ground truth: first within the
// class, then what is left across classes; each time surest detection first, to the free ground
// truth of highest IoU.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/eval/picture.hpp"

namespace ocelli::eval {

struct MatchOptions {
  double iou = 0.5;               ///< that a match needs, in (0, 1]
  double score = 0.5;             ///< detections below it do not count
  bool ignore_difficult = false;  ///< difficult ground truths are neither to find nor to miss
};

/// Why a detection is wrong.
enum class Fault : std::uint8_t {
  background,  ///< nothing is there: IoU with any ground truth below 0.1
  location,    ///< something is there, but the box fits less than a match needs
  duplicate,   ///< the object was found already, by a surer or better detection
  wrong_class  ///< the box fits an object of another class
};
inline const char* to_string(Fault fault) {
  constexpr const char* names[] = {"background", "location", "duplicate", "wrong class"};
  return names[static_cast<int>(fault)];
}

/// How one picture's detections and ground truths found each other.
struct PictureMatch {
  static constexpr int kNone = -1;     ///< free: a false positive, or a missed object
  static constexpr int kIgnored = -2;  ///< below the score; absorbed by a crowd; difficult
  std::vector<int> truth_of;           ///< [detections]: index of its ground truth
  std::vector<int> detection_of;       ///< [truths]: index of its detection
};

inline PictureMatch match_picture(const EvaluatedPicture& picture, const MatchOptions& options) {
  const std::size_t D = picture.detections.size(), G = picture.truths.size();
  PictureMatch match{
      std::vector<int>(D, PictureMatch::kNone), std::vector<int>(G, PictureMatch::kNone)};
  const auto ignorable = [&](const GroundTruth& truth) {
    return truth.crowd || (options.ignore_difficult && truth.difficult);
  };
  std::vector<std::size_t> order;
  for (std::size_t d = 0; d < D; ++d) {
    if (static_cast<double>(picture.detections[d].score) >= options.score)
      order.push_back(d);
    else
      match.truth_of[d] = PictureMatch::kIgnored;
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return picture.detections[a].score > picture.detections[b].score;
  });
  const auto take = [&](bool same_class) {
    for (std::size_t d : order) {
      if (match.truth_of[d] != PictureMatch::kNone) continue;
      double best = options.iou;
      int found = PictureMatch::kNone;
      for (std::size_t g = 0; g < G; ++g) {
        const GroundTruth& truth = picture.truths[g];
        if (match.detection_of[g] != PictureMatch::kNone || truth.crowd) continue;
        if ((truth.label == picture.detections[d].label) != same_class) continue;
        const double iou = overlap(picture.detections[d].box, truth);
        if (iou < best || (found != PictureMatch::kNone && iou <= best)) continue;
        best = iou;
        found = static_cast<int>(g);
      }
      if (found == PictureMatch::kNone) continue;
      match.truth_of[d] = found;
      match.detection_of[static_cast<std::size_t>(found)] = static_cast<int>(d);
    }
  };
  take(true);
  for (std::size_t d : order) {
    for (std::size_t g = 0; g < G && match.truth_of[d] == PictureMatch::kNone; ++g) {
      const GroundTruth& truth = picture.truths[g];
      if (truth.crowd && truth.label == picture.detections[d].label &&
          overlap(picture.detections[d].box, truth) >= options.iou)
        match.truth_of[d] = PictureMatch::kIgnored;
    }
  }
  take(false);
  for (std::size_t g = 0; g < G; ++g) {
    if (!ignorable(picture.truths[g])) continue;
    if (match.detection_of[g] >= 0)
      match.truth_of[static_cast<std::size_t>(match.detection_of[g])] = PictureMatch::kIgnored;
    match.detection_of[g] = PictureMatch::kIgnored;
  }
  return match;
}

/// One picture's true and false positives and misses; a detection of the wrong class is both a
/// false positive and a miss.
struct PictureScore {
  long tp = 0, fp = 0, fn = 0;
  /// 2 tp / (2 tp + fp + fn), in [0, 1]; 1 for an empty picture in which nothing was found.
  double f1() const {
    return tp + fp + fn == 0 ? 1.0
                             : 2 * static_cast<double>(tp) / static_cast<double>(2 * tp + fp + fn);
  }
};

inline PictureScore score_picture(const EvaluatedPicture& picture, const PictureMatch& match) {
  PictureScore score;
  for (std::size_t d = 0; d < picture.detections.size(); ++d) {
    const int g = match.truth_of[d];
    if (g == PictureMatch::kIgnored) continue;
    const bool right =
        g >= 0 && picture.truths[static_cast<std::size_t>(g)].label == picture.detections[d].label;
    ++(right ? score.tp : score.fp);
    if (g >= 0 && !right) ++score.fn;
  }
  for (int d : match.detection_of) score.fn += d == PictureMatch::kNone ? 1 : 0;
  return score;
}
inline PictureScore score_picture(const EvaluatedPicture& picture, const MatchOptions& options) {
  return score_picture(picture, match_picture(picture, options));
}

/// Counts of (true class, predicted class); class 0 is background.
class ConfusionMatrix {
 public:
  explicit ConfusionMatrix(int classes)
      : classes_(classes),
        counts_(static_cast<std::size_t>(classes + 1) * static_cast<std::size_t>(classes + 1)) {}

  int classes() const { return classes_; }
  /// @param truth      0..C; 0: nothing was there (a false positive)
  /// @param predicted  0..C; 0: nothing was found (a miss)
  long at(int truth, int predicted) const { return counts_[index(truth, predicted)]; }
  /// [(C + 1) * (C + 1)], row = truth, column = predicted.
  const std::vector<long>& counts() const { return counts_; }

  /// Adds one picture. Throws DataError when a label is outside 1..C.
  void add(const EvaluatedPicture& picture, const PictureMatch& match) {
    check_picture(picture.id, classes_, picture.truths, picture.detections);
    for (std::size_t d = 0; d < picture.detections.size(); ++d) {
      const int g = match.truth_of[d];
      if (g == PictureMatch::kIgnored) continue;
      const int truth = g < 0 ? 0 : picture.truths[static_cast<std::size_t>(g)].label;
      ++counts_[index(truth, picture.detections[d].label)];
    }
    for (std::size_t g = 0; g < picture.truths.size(); ++g)
      if (match.detection_of[g] == PictureMatch::kNone)
        ++counts_[index(picture.truths[g].label, 0)];
  }

 private:
  std::size_t index(int truth, int predicted) const {
    if (truth < 0 || truth > classes_ || predicted < 0 || predicted > classes_)
      throw DataError("a class is outside 0.." + std::to_string(classes_), "confusion matrix");
    return static_cast<std::size_t>(truth) * static_cast<std::size_t>(classes_ + 1) +
           static_cast<std::size_t>(predicted);
  }

  int classes_;
  std::vector<long> counts_;
};

inline ConfusionMatrix confusion_matrix(
    const std::vector<EvaluatedPicture>& pictures, int classes, const MatchOptions& options) {
  ConfusionMatrix matrix(classes);
  for (const EvaluatedPicture& picture : pictures)
    matrix.add(picture, match_picture(picture, options));
  return matrix;
}

struct FalsePositive {
  std::int64_t picture = 0;
  DetectedBox detection;
  Fault fault = Fault::background;
  double iou = 0;  ///< highest with any ground truth of the picture
};
struct Missed {
  std::int64_t picture = 0;
  GroundTruth truth;
  double iou = 0;  ///< highest with any detection of its class, whatever the score
};
struct Errors {
  std::vector<FalsePositive> false_positives;  ///< surest first
  std::vector<Missed> missed;                  ///< largest first
};

/// The `limit` surest false positives and the `limit` largest objects that were not found.
inline Errors top_errors(
    const std::vector<EvaluatedPicture>& pictures, const MatchOptions& options, std::size_t limit) {
  Errors errors;
  for (const EvaluatedPicture& picture : pictures) {
    const PictureMatch match = match_picture(picture, options);
    for (std::size_t d = 0; d < picture.detections.size(); ++d) {
      const DetectedBox& detection = picture.detections[d];
      const int own = match.truth_of[d];
      if (own == PictureMatch::kIgnored) continue;
      if (own >= 0 && picture.truths[static_cast<std::size_t>(own)].label == detection.label)
        continue;
      FalsePositive wrong{.picture = picture.id, .detection = detection};
      bool fits_own_class = false;
      for (const GroundTruth& truth : picture.truths) {
        const double iou = overlap(detection.box, truth);
        wrong.iou = std::max(wrong.iou, iou);
        fits_own_class |= iou >= options.iou && truth.label == detection.label;
      }
      if (fits_own_class)
        wrong.fault = Fault::duplicate;
      else if (wrong.iou >= options.iou)
        wrong.fault = Fault::wrong_class;
      else if (wrong.iou >= 0.1)
        wrong.fault = Fault::location;
      errors.false_positives.push_back(wrong);
    }
    for (std::size_t g = 0; g < picture.truths.size(); ++g) {
      if (match.detection_of[g] != PictureMatch::kNone) continue;
      Missed missed{.picture = picture.id, .truth = picture.truths[g]};
      for (const DetectedBox& detection : picture.detections)
        if (detection.label == missed.truth.label)
          missed.iou = std::max(missed.iou, overlap(detection.box, missed.truth));
      errors.missed.push_back(missed);
    }
  }
  std::stable_sort(
      errors.false_positives.begin(), errors.false_positives.end(),
      [](const FalsePositive& a, const FalsePositive& b) {
        return a.detection.score > b.detection.score;
      });
  std::stable_sort(
      errors.missed.begin(), errors.missed.end(),
      [](const Missed& a, const Missed& b) { return truth_area(a.truth) > truth_area(b.truth); });
  if (errors.false_positives.size() > limit) errors.false_positives.resize(limit);
  if (errors.missed.size() > limit) errors.missed.resize(limit);
  return errors;
}

}  // namespace ocelli::eval
