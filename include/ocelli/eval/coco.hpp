// CocoEvaluator: the 12 COCO numbers of a set of pictures, and the same for each class.
//
//   match      per picture and class: detections by falling score, the first 100, each takes the
//              free ground truth of highest IoU >= t; for ten t and four ranges of area
//   accumulate per class: all pictures' detections by falling score;
//              precision = tp / (tp + fp), made non-increasing, read at 101 recalls
//   AP         mean over t, recall and class; AR: mean of the last recall over t and class
//
// Where there is no ground truth a cell is -1 and left out of every mean.
// Lin et al., "Microsoft COCO", arXiv:1405.0312; semantics of the published evaluation code.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <unordered_set>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/eval/picture.hpp"

namespace ocelli::eval {

inline constexpr int kIouThresholds = 10;   ///< 0.50, 0.55 .. 0.95
inline constexpr int kRecallPoints = 101;   ///< 0, 0.01 .. 1
inline constexpr int kAreaRanges = 4;       ///< all, small, medium, large
inline constexpr int kMaxDetections = 100;  ///< per picture and class
inline constexpr std::array<const char*, 12> kCocoNames = {
    "AP",  "AP50", "AP75",  "AP_small", "AP_medium", "AP_large",
    "AR1", "AR10", "AR100", "AR_small", "AR_medium", "AR_large"};

/// The t-th IoU threshold, rounded as numpy.linspace(0.5, 0.95, 10) rounds it.
inline double iou_threshold(int t) {
  return t == kIouThresholds - 1 ? 0.95 : t * ((0.95 - 0.5) / (kIouThresholds - 1)) + 0.5;
}

/// The numbers of one class; -1 where the class has no ground truth (in that range of area).
struct ClassResult {
  int label = 0;
  double ap = -1, ap50 = -1, ap75 = -1;
  double ap_small = -1, ap_medium = -1, ap_large = -1;
  double ar1 = -1, ar10 = -1, ar100 = -1;
  double ar_small = -1, ar_medium = -1, ar_large = -1;
  long ground_truths = 0;  ///< without crowds
  long detections = 0;     ///< at most 100 a picture
};

struct CocoResult {
  std::array<double, 12> numbers{};    ///< in the order of kCocoNames; -1: nothing to measure
  std::vector<ClassResult> per_class;  ///< [C], label 1 first
  long pictures = 0, ground_truths = 0, detections = 0;

  double ap() const { return numbers[0]; }
  double ap50() const { return numbers[1]; }
  double ap75() const { return numbers[2]; }
};

/// What became of one detection: bit t speaks of the t-th IoU threshold.
struct RankedDetection {
  float score = 0;
  std::uint16_t rank = 0;  ///< among the picture's detections of the class, 0 is the surest
  std::array<std::uint16_t, kAreaRanges> matched{}, ignored{};
};

/// Collects pictures, in any order, then accumulates. The result depends on the pictures' ids and
/// not on the order of the calls.
class CocoEvaluator {
 public:
  /// @param classes           C; labels are 1..C
  /// @param ignore_difficult  treat difficult ground truths as neither to find nor to miss; COCO
  ///                          has no such mark, so the published numbers need false
  explicit CocoEvaluator(int classes, bool ignore_difficult = false)
      : ignore_difficult_(ignore_difficult) {
    if (classes < 1)
      throw DataError("no classes to evaluate", "coco", "give the data set at least one label");
    classes_.resize(static_cast<std::size_t>(classes));
  }

  int classes() const { return static_cast<int>(classes_.size()); }

  /// Matches the detections of one picture. Throws DataError when the id comes twice, a label is
  /// outside 1..C, or a box or score is not finite.
  void add_picture(
      std::int64_t image_id, const std::vector<GroundTruth>& truths,
      const std::vector<DetectedBox>& detections) {
    check_picture(image_id, classes(), truths, detections);
    if (!seen_.insert(image_id).second)
      throw DataError(
          "the picture was added twice", "picture " + std::to_string(image_id),
          "give each picture an id of its own");
    by_class_.assign(classes_.size(), {});
    for (std::size_t g = 0; g < truths.size(); ++g)
      by_class_[static_cast<std::size_t>(truths[g].label - 1)].truths.push_back(&truths[g]);
    for (const DetectedBox& detection : detections)
      by_class_[static_cast<std::size_t>(detection.label - 1)].detections.push_back(&detection);
    for (std::size_t c = 0; c < classes_.size(); ++c)
      if (!by_class_[c].truths.empty() || !by_class_[c].detections.empty())
        match(image_id, by_class_[c], classes_[c]);
  }
  void add_picture(const EvaluatedPicture& picture) {
    add_picture(picture.id, picture.truths, picture.detections);
  }

  /// The numbers of all pictures added so far.
  CocoResult accumulate() const {
    CocoResult result;
    result.pictures = static_cast<long>(seen_.size());
    std::array<Mean, 12> means;
    for (int label = 1; label <= classes(); ++label) {
      const ClassMatches& of_class = classes_[static_cast<std::size_t>(label - 1)];
      const std::vector<RankedDetection> ranked = ranking(label);
      ClassResult row{.label = label};
      std::array<Cell, kAreaRanges> cells;
      for (std::size_t a = 0; a < kAreaRanges; ++a)
        cells[a] = accumulate_cell(ranked, a, kMaxDetections, of_class.positives[a]);
      const Cell one = accumulate_cell(ranked, 0, 1, of_class.positives[0]);
      const Cell ten = accumulate_cell(ranked, 0, 10, of_class.positives[0]);
      row.ap = cells[0].ap(), row.ap50 = cells[0].precision[0], row.ap75 = cells[0].precision[5];
      row.ap_small = cells[1].ap(), row.ap_medium = cells[2].ap(), row.ap_large = cells[3].ap();
      row.ar1 = one.ar(), row.ar10 = ten.ar(), row.ar100 = cells[0].ar();
      row.ar_small = cells[1].ar(), row.ar_medium = cells[2].ar(), row.ar_large = cells[3].ar();
      row.ground_truths = of_class.ground_truths;
      row.detections = static_cast<long>(ranked.size());
      const std::array<double, 12> numbers = {
          row.ap,  row.ap50, row.ap75,  row.ap_small, row.ap_medium, row.ap_large,
          row.ar1, row.ar10, row.ar100, row.ar_small, row.ar_medium, row.ar_large};
      for (std::size_t i = 0; i < 12; ++i) means[i].add(numbers[i]);
      result.ground_truths += row.ground_truths;
      result.detections += row.detections;
      result.per_class.push_back(row);
    }
    for (std::size_t i = 0; i < 12; ++i) result.numbers[i] = means[i].value();
    return result;
  }

  /// All detections of a class, surest first; equal scores in the order of the pictures' ids.
  std::vector<RankedDetection> ranking(int label) const {
    const ClassMatches& of_class = class_matches(label);
    std::vector<Block> blocks = of_class.blocks;
    std::sort(blocks.begin(), blocks.end(), [](const Block& a, const Block& b) {
      return a.image_id < b.image_id;
    });
    std::vector<RankedDetection> ranked;
    ranked.reserve(of_class.detections.size());
    for (const Block& block : blocks)
      for (std::size_t d = block.begin; d < block.end; ++d)
        ranked.push_back(of_class.detections[d]);
    std::stable_sort(
        ranked.begin(), ranked.end(),
        [](const RankedDetection& a, const RankedDetection& b) { return a.score > b.score; });
    return ranked;
  }

  /// Ground truths of a class that count, in an area range (0 all, 1 small, 2 medium, 3 large).
  long positives(int label, int area_range = 0) const {
    return class_matches(label).positives[static_cast<std::size_t>(area_range)];
  }

 private:
  /// One class of one picture, while it is matched.
  struct Candidates {
    std::vector<const GroundTruth*> truths;
    std::vector<const DetectedBox*> detections;
  };
  /// The detections of one picture: a stretch of ClassMatches::detections.
  struct Block {
    std::int64_t image_id;
    std::size_t begin, end;
  };
  struct ClassMatches {
    std::vector<RankedDetection> detections;
    std::vector<Block> blocks;
    std::array<long, kAreaRanges> positives{};
    long ground_truths = 0;
  };
  /// A mean that leaves out -1.
  struct Mean {
    double sum = 0;
    long count = 0;
    void add(double value) {
      if (value > -1) sum += value, ++count;
    }
    double value() const { return count == 0 ? -1.0 : sum / static_cast<double>(count); }
  };
  /// One class, area range and limit: mean precision over recall, and last recall, per threshold.
  struct Cell {
    std::array<double, kIouThresholds> precision{}, recall{};
    double ap() const { return mean(precision); }
    double ar() const { return mean(recall); }
    static double mean(const std::array<double, kIouThresholds>& values) {
      Mean mean;
      for (double value : values) mean.add(value);
      return mean.value();
    }
  };

  const ClassMatches& class_matches(int label) const {
    if (label < 1 || label > classes())
      throw DataError(
          "label " + std::to_string(label) + " is outside 1.." + std::to_string(classes()), "coco");
    return classes_[static_cast<std::size_t>(label - 1)];
  }

  static bool outside(double area, std::size_t range) {
    constexpr std::array<double, kAreaRanges> low = {0, 0, 1024, 9216};
    constexpr std::array<double, kAreaRanges> high = {1e10, 1024, 9216, 1e10};
    return area < low[range] || area > high[range];
  }

  void match(std::int64_t image_id, Candidates& candidates, ClassMatches& out) {
    std::vector<const DetectedBox*>& detections = candidates.detections;
    const std::vector<const GroundTruth*>& truths = candidates.truths;
    std::stable_sort(
        detections.begin(), detections.end(),
        [](const DetectedBox* a, const DetectedBox* b) { return a->score > b->score; });
    if (detections.size() > kMaxDetections) detections.resize(kMaxDetections);
    ious_.assign(detections.size() * truths.size(), 0.0);
    for (std::size_t d = 0; d < detections.size(); ++d)
      for (std::size_t g = 0; g < truths.size(); ++g)
        ious_[d * truths.size() + g] = overlap(detections[d]->box, *truths[g]);

    const std::size_t begin = out.detections.size();
    for (std::size_t d = 0; d < detections.size(); ++d)
      out.detections.push_back(
          {.score = detections[d]->score, .rank = static_cast<std::uint16_t>(d)});
    if (!detections.empty()) out.blocks.push_back({image_id, begin, out.detections.size()});
    for (const GroundTruth* truth : truths) out.ground_truths += truth->crowd ? 0 : 1;
    for (std::size_t a = 0; a < kAreaRanges; ++a) match_range(candidates, a, begin, out);
  }

  void match_range(
      const Candidates& candidates, std::size_t range, std::size_t begin, ClassMatches& out) {
    const std::size_t count = candidates.truths.size();
    // Ground truths that count come first, else in their order.
    order_.clear();
    ignored_.assign(count, false);
    for (std::size_t g = 0; g < count; ++g) {
      const GroundTruth& truth = *candidates.truths[g];
      ignored_[g] = truth.crowd || outside(truth_area(truth), range) ||
                    (ignore_difficult_ && truth.difficult);
      if (!ignored_[g]) order_.push_back(g);
    }
    out.positives[range] += static_cast<long>(order_.size());
    for (std::size_t g = 0; g < count; ++g)
      if (ignored_[g]) order_.push_back(g);

    taken_.assign(count, 0);
    for (std::size_t d = 0; d < candidates.detections.size(); ++d) {
      RankedDetection& detection = out.detections[begin + d];
      const bool out_of_range = outside(box_area(candidates.detections[d]->box), range);
      for (int t = 0; t < kIouThresholds; ++t) {
        const auto bit = static_cast<std::uint16_t>(1U << t);
        const std::size_t match = best_truth(candidates, ious_.data() + d * count, t);
        const bool ignored = match == kNone ? out_of_range : static_cast<bool>(ignored_[match]);
        if (match != kNone) {
          taken_[match] = static_cast<std::uint16_t>(taken_[match] | bit);
          detection.matched[range] = static_cast<std::uint16_t>(detection.matched[range] | bit);
        }
        if (ignored)
          detection.ignored[range] = static_cast<std::uint16_t>(detection.ignored[range] | bit);
      }
    }
  }

  /// The ground truth that a detection takes at threshold t, or kNone. Equal IoU: the later one.
  std::size_t best_truth(const Candidates& candidates, const double* ious, int t) const {
    double best = std::min(iou_threshold(t), 1 - 1e-10);
    std::size_t match = kNone;
    for (std::size_t g : order_) {
      if ((taken_[g] >> t & 1U) != 0 && !candidates.truths[g]->crowd) continue;
      if (match != kNone && !ignored_[match] && ignored_[g]) break;
      if (ious[g] < best) continue;
      best = ious[g];
      match = g;
    }
    return match;
  }

  static Cell accumulate_cell(
      const std::vector<RankedDetection>& ranked, std::size_t range, int limit, long positives) {
    Cell cell;
    if (positives == 0) {
      cell.precision.fill(-1), cell.recall.fill(-1);
      return cell;
    }
    std::vector<double> precision;  // at each true positive: there the recall grows
    for (int t = 0; t < kIouThresholds; ++t) {
      precision.clear();
      double tp = 0, fp = 0;
      for (const RankedDetection& detection : ranked) {
        if (detection.rank >= limit || (detection.ignored[range] >> t & 1U) != 0) continue;
        if ((detection.matched[range] >> t & 1U) == 0) {
          ++fp;
          continue;
        }
        ++tp;
        precision.push_back(tp / (fp + tp + std::numeric_limits<double>::epsilon()));
      }
      for (std::size_t i = precision.size(); i-- > 1;)
        precision[i - 1] = std::max(precision[i - 1], precision[i]);
      double sum = 0;
      std::size_t at = 0;  // the first true positive whose recall reaches r
      for (int i = 0; i < kRecallPoints; ++i) {
        const double r = i == kRecallPoints - 1 ? 1.0 : i * 0.01;
        while (at < precision.size() &&
               static_cast<double>(at + 1) / static_cast<double>(positives) < r)
          ++at;
        if (at < precision.size()) sum += precision[at];
      }
      cell.precision[static_cast<std::size_t>(t)] = sum / kRecallPoints;
      cell.recall[static_cast<std::size_t>(t)] = tp / static_cast<double>(positives);
    }
    return cell;
  }

  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

  bool ignore_difficult_;
  std::vector<ClassMatches> classes_;
  std::unordered_set<std::int64_t> seen_;
  // Scratch of add_picture, kept so that a picture allocates little.
  std::vector<Candidates> by_class_;
  std::vector<double> ious_;
  std::vector<std::size_t> order_;
  std::vector<bool> ignored_;
  std::vector<std::uint16_t> taken_;
};

}  // namespace ocelli::eval
