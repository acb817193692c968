// HardExampleMiner: the anchors of a picture whose losses count: the positives, and a few times as
// many of the negatives with the largest loss.
//
//   1. NMS over the decoded predictions, scored by loss (ties: the lower index), at a high IoU
//   2. of that list, K = max(min_negatives, floor(ratio * positives in the list))
//   3. an entry stays if it is positive, or if at most K negatives stand up to and including it
//
// A positive can fall out in 1. Liu et al., "SSD", arXiv:1512.02325, section 2.2, "Hard negative
// mining"; Shrivastava et al., "OHEM", arXiv:1604.03540, for the NMS.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "ocelli/box/box.hpp"
#include "ocelli/box/duplicate_index.hpp"
#include "ocelli/box/matcher.hpp"
#include "ocelli/box/nms.hpp"
#include "ocelli/core/error.hpp"

namespace ocelli {

enum class MiningLoss : int { classification, localization, both };

struct MinerOptions {
  int num_hard_examples = 3000;  ///< most outputs of the NMS; 0: no limit
  double iou_threshold = 0.99;   ///< of the NMS
  MiningLoss loss_type = MiningLoss::classification;
  double max_negatives_per_positive = 3;  ///< 0: the whole list stays
  int min_negatives_per_image = 0;        ///< 0 for SSD with MobileNet v1, 3 with v2
  double classification_weight = 1, localization_weight = 1;  ///< with MiningLoss::both

  /// Throws ConfigError.
  void check() const {
    const auto refuse = [](const char* option, double value, const char* advice) {
      throw ConfigError(
          "hard example miner: the value is " + std::to_string(value), option, advice);
    };
    if (num_hard_examples < 0)
      refuse("num_hard_examples", num_hard_examples, "give a positive number, or 0 for all");
    if (!(iou_threshold >= 0) || !(iou_threshold <= 1))
      refuse("iou_threshold", iou_threshold, "give an IoU from 0 to 1");
    if (!(max_negatives_per_positive >= 0) || !(max_negatives_per_positive <= 1e6))
      refuse(
          "max_negatives_per_positive", max_negatives_per_positive,
          "give a ratio up to a million, or 0 for all");
    if (min_negatives_per_image < 0)
      refuse("min_negatives_per_image", min_negatives_per_image, "give 0 or a positive number");
  }
};

/// What mining did to one picture.
struct MiningCounts {
  int listed = 0;     ///< entries of the NMS's list
  int positives = 0;  ///< matched anchors in the list
  int negatives = 0;  ///< negatives that stay
  int kept = 0;       ///< entries that stay, ignored anchors among them
};

/// For one picture at a time; calls allocate nothing.
template <class T>
class HardExampleMiner {
 public:
  /// @param anchors  of a picture. Throws ConfigError for options out of range.
  explicit HardExampleMiner(int anchors, const MinerOptions& options = {})
      : options_(options),
        candidates_(static_cast<std::size_t>(anchors)),
        index_(
            exact_index(options) ? anchors : 0, exact_index(options) ? options.iou_threshold : 1),
        workspace_(exact_index(options) ? 0 : anchors, exact_index(options) ? 0 : anchors) {
    options.check();
  }

  const MinerOptions& options() const { return options_; }

  /// @param boxes         [anchors] decoded predictions
  /// @param class_losses  [anchors]; NaN counts as the largest loss
  /// @param box_losses    [anchors]
  /// @param match         [anchors]: a row, kNegative or kIgnored
  /// @param kept          [anchors]: the anchors that stay, by falling loss
  MiningCounts operator()(
      const BoxOf<T>* boxes, const T* class_losses, const T* box_losses, const std::int32_t* match,
      std::int32_t* kept) {
    const int count = static_cast<int>(candidates_.size());
    for (std::int32_t a = 0; a < count; ++a) {
      const T score = score_of(class_losses[a], box_losses[a]);
      candidates_[static_cast<std::size_t>(a)] = {
          score == score ? score : std::numeric_limits<T>::infinity(), a};
    }
    const int limit =
        options_.num_hard_examples > 0 ? std::min(options_.num_hard_examples, count) : count;
    MiningCounts counts;
    counts.listed = list(boxes, count, limit, kept);
    for (int i = 0; i < counts.listed; ++i) counts.positives += match[kept[i]] >= 0;
    if (options_.max_negatives_per_positive > 0) {
      const long most = std::max<long>(
          options_.min_negatives_per_image,
          static_cast<long>(options_.max_negatives_per_positive * counts.positives));
      long negatives = 0;
      for (int i = 0; i < counts.listed; ++i) {
        const std::int32_t a = kept[i];
        negatives += match[a] == kNegative;
        if (match[a] >= 0 || negatives <= most) kept[counts.kept++] = a;
      }
      counts.negatives = static_cast<int>(std::min(negatives, most));
    } else {
      counts.kept = counts.listed;
      for (int i = 0; i < counts.listed; ++i) counts.negatives += match[kept[i]] == kNegative;
    }
    return counts;
  }

 private:
  /// Below 0.5 the index's argument weakens; plain NMS takes over.
  static bool exact_index(const MinerOptions& options) { return options.iou_threshold >= 0.5; }

  T score_of(T class_loss, T box_loss) const {
    switch (options_.loss_type) {
      case MiningLoss::classification:
        return class_loss;
      case MiningLoss::localization:
        return box_loss;
      case MiningLoss::both:
        break;
    }
    return static_cast<T>(options_.classification_weight) * class_loss +
           static_cast<T>(options_.localization_weight) * box_loss;
  }

  int list(const BoxOf<T>* boxes, int count, int limit, std::int32_t* out) {
    if (!exact_index(options_)) {
      for (int i = 0; i < count; ++i)
        workspace_.candidates()[i] = candidates_[static_cast<std::size_t>(i)];
      return detail::nms_candidates<T>(
          count, [&](std::int32_t a) { return boxes[a]; },
          {options_.iou_threshold, -std::numeric_limits<double>::infinity(), limit}, workspace_,
          out);
    }
    std::sort(candidates_.begin(), candidates_.end());
    index_.clear();
    int listed = 0;
    for (int i = 0; i < count && listed < limit; ++i) {
      const std::int32_t a = candidates_[static_cast<std::size_t>(i)].index;
      if (index_.keep(ordered(boxes[a]))) out[listed++] = a;
    }
    return listed;
  }

  MinerOptions options_;
  std::vector<Candidate<T>> candidates_;
  DuplicateIndex<T> index_;
  NmsWorkspace<T> workspace_;
};

}  // namespace ocelli
