// SsdLoss: what an SSD's outputs are compared with, the loss of a batch, and its gradient.
//
//   match    anchors to ground truth (box/matcher.hpp); a matched anchor's targets are its label
//   and
//            its box code (box/coder.hpp), another's is the background, column 0
//   class    sigmoid cross-entropy or focal loss of every column, summed over the C + 1 columns
//   box      smooth L1 of the code's differences, summed over the 4, matched anchors only
//   mine     per picture, which anchors count (loss/hard_example_miner.hpp)
//   N        max(sum of box weights over the batch before mining, 1)
//   L        localization_weight / N_loc * sum_box + classification_weight / N * sum_class
//
// N_loc is 4 N with normalize_loc_loss_by_codesize; N is 1 without normalize_loss_by_num_matches.
// No gradient flows through the choice of anchors.
// Liu et al., "SSD", arXiv:1512.02325, section 2.2, equation 1.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "ocelli/box/box.hpp"
#include "ocelli/box/coder.hpp"
#include "ocelli/box/matcher.hpp"
#include "ocelli/core/buffer.hpp"
#include "ocelli/core/error.hpp"
#include "ocelli/core/thread_pool.hpp"
#include "ocelli/loss/class_losses.hpp"
#include "ocelli/loss/hard_example_miner.hpp"
#include "ocelli/loss/smooth_l1.hpp"

namespace ocelli {

enum class ClassificationLoss : int { sigmoid, focal };

/// The defaults train SSD with MobileNet v2; v1 has miner.min_negatives_per_image = 0.
struct SsdLossOptions {
  MatchOptions match = {};
  BoxCoder<double> coder = {};
  double localization_weight = 1, classification_weight = 1;
  double smooth_l1_delta = 1;
  double negative_class_weight = 1;  ///< of an unmatched anchor's class loss
  bool normalize_loss_by_num_matches = true;
  bool normalize_loc_loss_by_codesize = false;
  ClassificationLoss classification = ClassificationLoss::sigmoid;
  double focal_alpha = 0.25, focal_gamma = 2;
  bool mine_hard_examples = true;  ///< false: every anchor counts, as focal loss wants
  MinerOptions miner = {.min_negatives_per_image = 3};

  /// Throws ConfigError naming the first option that is out of range.
  void check() const {
    match.check();
    coder.check();
    miner.check();
    const auto refuse = [](const char* option, double value, const char* advice) {
      throw ConfigError("ssd loss: the value is " + std::to_string(value), option, advice);
    };
    const auto not_negative = [&](const char* option, double value) {
      if (!(value >= 0) || !std::isfinite(value)) refuse(option, value, "give 0 or more");
    };
    not_negative("localization_weight", localization_weight);
    not_negative("classification_weight", classification_weight);
    not_negative("negative_class_weight", negative_class_weight);
    not_negative("focal_gamma", focal_gamma);
    if (!(smooth_l1_delta > 0) || !std::isfinite(smooth_l1_delta))
      refuse("smooth_l1_delta", smooth_l1_delta, "give a number above 0");
    if (!(focal_alpha >= 0) || !(focal_alpha <= 1))
      refuse("focal_alpha", focal_alpha, "give a number from 0 to 1");
  }
};

/// Ground truth of a batch, padded to `capacity` boxes a picture.
template <class T>
struct GroundTruthBatch {
  const BoxOf<T>* boxes = nullptr;       ///< [batch, capacity], normalised
  const std::int32_t* labels = nullptr;  ///< [batch, capacity], 1..C
  const int* counts = nullptr;           ///< [batch], 0..capacity
  int capacity = 100;
  const T* weights = nullptr;  ///< [batch, capacity] >= 0, or null: all 1
};

struct SsdLossResult {
  double localization = 0, classification = 0;  ///< weighted and normalised; their sum is the loss
  double matches = 0;  ///< sum of box weights over the batch, before mining
  long positives = 0;  ///< matched anchors that count
  long negatives = 0;  ///< negative anchors that count

  double total() const { return localization + classification; }
};

/// For fixed anchors. One call at a time; calls allocate nothing, and give the same bits on any
/// number of threads.
template <class T>
class SsdLoss {
 public:
  /// @param max_batch, max_boxes  most pictures of a call, most boxes of a picture
  /// Throws ConfigError for options out of range.
  SsdLoss(
      std::span<const BoxOf<T>> anchors, int num_classes, const SsdLossOptions& options,
      int max_batch, int max_boxes = 100)
      : options_(options),
        coder_{
            static_cast<T>(options.coder.y_scale), static_cast<T>(options.coder.x_scale),
            static_cast<T>(options.coder.height_scale), static_cast<T>(options.coder.width_scale)},
        anchors_(anchors.begin(), anchors.end()),
        columns_(num_classes + 1),
        max_boxes_(max_boxes),
        matcher_(anchors, options.match) {
    options.check();
    if (num_classes < 1 || max_batch < 1 || max_boxes < 0)
      throw ConfigError(
          "ssd loss: " + std::to_string(num_classes) + " classes, batch " +
              std::to_string(max_batch) + ", " + std::to_string(max_boxes) + " boxes a picture",
          "", "give at least 1, 1 and 0");
    centers_.reserve(anchors.size());
    for (const BoxOf<T>& anchor : anchors) centers_.push_back(centered(anchor));
    pictures_.reserve(static_cast<std::size_t>(max_batch));
    for (int n = 0; n < max_batch; ++n) pictures_.emplace_back(*this);
  }

  long anchors() const { return static_cast<long>(anchors_.size()); }
  const SsdLossOptions& options() const { return options_; }

  /// The loss of `batch` pictures and its gradients.
  /// @param codes     [batch, anchors, 4]         predicted
  /// @param logits    [batch, anchors, C + 1]     predicted; column 0 is the background
  /// @param d_codes   [batch, anchors, 4]         overwritten
  /// @param d_logits  [batch, anchors, C + 1]     overwritten
  /// Throws DataError for a count, label, box or weight that cannot be, ShapeError for a batch
  /// above max_batch. Where a code is not finite, or an anchor's loss (whether it counts or not),
  /// that part of the loss is NaN.
  SsdLossResult operator()(
      ThreadPool& pool, int batch, const GroundTruthBatch<T>& truth, const T* codes,
      const T* logits, T* d_codes, T* d_logits) {
    check(batch, truth);
    pool.for_each(batch, [&](long n, int) {
      measure(
          pictures_[static_cast<std::size_t>(n)], picture(truth, n), codes + n * anchors() * 4,
          logits + n * anchors() * columns_);
    });
    SsdLossResult result;
    for (int n = 0; n < batch; ++n) {
      const Picture& p = pictures_[static_cast<std::size_t>(n)];
      result.localization += p.box_sum;
      result.classification += p.class_sum;
      result.matches += p.matches;
      result.positives += p.positives;
      result.negatives += p.negatives;
    }
    const double count =
        options_.normalize_loss_by_num_matches ? std::max(result.matches, 1.0) : 1.0;
    const double box_scale = options_.localization_weight /
                             (options_.normalize_loc_loss_by_codesize ? 4 * count : count);
    const double class_scale = options_.classification_weight / count;
    result.localization *= box_scale;
    result.classification *= class_scale;
    pool.for_each(batch, [&](long n, int) {
      differentiate(
          pictures_[static_cast<std::size_t>(n)], picture(truth, n), static_cast<T>(box_scale),
          static_cast<T>(class_scale), codes + n * anchors() * 4, logits + n * anchors() * columns_,
          d_codes + n * anchors() * 4, d_logits + n * anchors() * columns_);
    });
    return result;
  }

  // What the last call found for picture n of its batch, for reports and tests.

  /// [anchors]: row of the ground truth, kNegative or kIgnored.
  std::span<const std::int32_t> match(int n) const {
    return at(n).match.span().first(anchors_.size());
  }
  /// The anchors that count; by falling loss when mined.
  std::span<const std::int32_t> kept(int n) const {
    return at(n).kept.span().first(static_cast<std::size_t>(at(n).kept_count));
  }
  /// [anchors], weighted, neither normalised nor mined.
  std::span<const T> class_losses(int n) const { return at(n).class_losses.span(); }
  std::span<const T> box_losses(int n) const { return at(n).box_losses.span(); }

 private:
  struct Truth {
    const BoxOf<T>* boxes;
    const std::int32_t* labels;
    const T* weights;
    int count;

    T weight(std::int32_t row) const { return weights == nullptr ? T(1) : weights[row]; }
  };

  /// Work space and findings of one picture.
  struct Picture {
    explicit Picture(const SsdLoss& loss)
        : match(static_cast<std::size_t>(loss.matcher_.match_size(loss.max_boxes_))),
          work(static_cast<std::size_t>(
              std::max(loss.matcher_.workspace_size(), class_loss_workspace(loss.columns_)))),
          boxes(loss.anchors_.size()),
          class_losses(loss.anchors_.size()),
          box_losses(loss.anchors_.size()),
          kept(loss.anchors_.size()),
          miner(static_cast<int>(loss.anchors_.size()), loss.options_.miner) {}

    Buffer<std::int32_t> match;
    Buffer<T> work;
    Buffer<BoxOf<T>> boxes;  // decoded predictions
    Buffer<T> class_losses, box_losses;
    Buffer<std::int32_t> kept;
    HardExampleMiner<T> miner;
    int kept_count = 0;
    long positives = 0, negatives = 0;
    double box_sum = 0, class_sum = 0, matches = 0;
  };

  const Picture& at(int n) const { return pictures_[static_cast<std::size_t>(n)]; }

  Truth picture(const GroundTruthBatch<T>& truth, long n) const {
    const long start = n * truth.capacity;
    return {
        truth.boxes + start, truth.labels + start,
        truth.weights == nullptr ? nullptr : truth.weights + start, truth.counts[n]};
  }

  void check(int batch, const GroundTruthBatch<T>& truth) const {
    if (batch < 0 || batch > static_cast<int>(pictures_.size()))
      throw ShapeError(
          "ssd loss: a batch of " + std::to_string(batch) + " pictures, the most is " +
              std::to_string(pictures_.size()),
          "", "make it for the largest batch");
    for (int n = 0; n < batch; ++n) {
      const int count = truth.counts[n];
      if (count < 0 || count > truth.capacity || count > max_boxes_)
        throw DataError(
            "ssd loss: " + std::to_string(count) + " boxes, the most is " +
                std::to_string(std::min(truth.capacity, max_boxes_)),
            "picture " + std::to_string(n) + " of the batch", "cut the list of boxes");
      const Truth t = picture(truth, n);
      for (int row = 0; row < count; ++row) {
        const BoxOf<T>& box = t.boxes[row];
        const auto refuse = [&](const std::string& what, const char* advice) {
          throw DataError(
              "ssd loss: " + what,
              "picture " + std::to_string(n) + " of the batch, box " + std::to_string(row), advice);
        };
        if (t.labels[row] < 1 || t.labels[row] >= columns_)
          refuse(
              "label " + std::to_string(t.labels[row]) + " is not in 1.." +
                  std::to_string(columns_ - 1),
              "number the classes from 1");
        if (!(box.height() >= 0) || !(box.width() >= 0) || !std::isfinite(box.height()) ||
            !std::isfinite(box.width()))
          refuse("the corners are not finite or not in order", "give [ymin, xmin, ymax, xmax]");
        if (!(t.weight(row) >= 0) || !std::isfinite(t.weight(row)))
          refuse("the weight is negative or not finite", "give 0 or more");
      }
    }
  }

  T class_weight(const Truth& truth, std::int32_t match) const {
    if (match >= 0) return truth.weight(match);
    return match == kNegative ? static_cast<T>(options_.negative_class_weight) : T(0);
  }

  template <class Body>
  void with_class_loss(Body&& body) const {
    if (options_.classification == ClassificationLoss::focal)
      body(SigmoidFocal<T>{
          static_cast<T>(options_.focal_alpha), static_cast<T>(options_.focal_gamma)});
    else
      body(SigmoidCrossEntropy<T>{});
  }

  BoxCode<T> code_error(const Truth& truth, std::int32_t row, long a, const T* codes) const {
    const BoxCode<T> target =
        coder_.encode(truth.boxes[row], anchors_[static_cast<std::size_t>(a)]);
    const T* code = codes + 4 * a;
    return {
        code[0] - target.y, code[1] - target.x, code[2] - target.height, code[3] - target.width};
  }

  /// Matches, losses of all anchors, the anchors that count and their sums.
  void measure(Picture& p, const Truth& truth, const T* codes, const T* logits) const {
    const long count = anchors();
    std::int32_t* match = p.match.data();
    matcher_.match(truth.boxes, truth.count, truth.weights, p.work.data(), match);
    with_class_loss([&](const auto& loss) {
      sum_class_losses(
          loss, logits, count, columns_,
          [&](long a) { return match[a] >= 0 ? truth.labels[match[a]] : 0; }, p.work.data(),
          p.class_losses.data());
    });
    const T delta = static_cast<T>(options_.smooth_l1_delta);
    p.matches = 0;
    double class_total = 0, code_total = 0;
    for (long a = 0; a < count; ++a) {
      const auto i = static_cast<std::size_t>(a);
      // Before the weights: 0 would hide an infinity.
      class_total += static_cast<double>(p.class_losses[i]);
      code_total += static_cast<double>(
          std::abs(codes[4 * a]) + std::abs(codes[4 * a + 1]) + std::abs(codes[4 * a + 2]) +
          std::abs(codes[4 * a + 3]));
      p.class_losses[i] *= class_weight(truth, match[a]);
      p.box_losses[i] = 0;
      if (match[a] < 0) continue;
      const T weight = truth.weight(match[a]);
      const BoxCode<T> d = code_error(truth, match[a], a, codes);
      p.box_losses[i] = weight * (smooth_l1(d.y, delta) + smooth_l1(d.x, delta) +
                                  smooth_l1(d.height, delta) + smooth_l1(d.width, delta));
      p.matches += static_cast<double>(weight);
    }
    choose(p, codes);
    p.box_sum = p.class_sum = 0;
    for (int k = 0; k < p.kept_count; ++k) {
      const auto a = static_cast<std::size_t>(p.kept[static_cast<std::size_t>(k)]);
      p.box_sum += static_cast<double>(p.box_losses[a]);
      p.class_sum += static_cast<double>(p.class_losses[a]);
    }
    // Anchors that do not count cannot hide a net that has blown up.
    if (!std::isfinite(class_total)) p.class_sum = std::numeric_limits<double>::quiet_NaN();
    if (!std::isfinite(code_total)) p.box_sum = std::numeric_limits<double>::quiet_NaN();
  }

  void choose(Picture& p, const T* codes) const {
    const std::int32_t* match = p.match.data();
    if (options_.mine_hard_examples) {
      coder_.decode_all(codes, centers_.data(), anchors(), p.boxes.data());
      const MiningCounts counts =
          p.miner(p.boxes.data(), p.class_losses.data(), p.box_losses.data(), match, p.kept.data());
      p.kept_count = counts.kept;
    } else {
      p.kept_count = static_cast<int>(anchors());
      for (std::int32_t a = 0; a < p.kept_count; ++a) p.kept[static_cast<std::size_t>(a)] = a;
    }
    p.positives = p.negatives = 0;
    for (int k = 0; k < p.kept_count; ++k) {
      const std::int32_t m = match[p.kept[static_cast<std::size_t>(k)]];
      p.positives += m >= 0;
      p.negatives += m == kNegative;
    }
  }

  void differentiate(
      const Picture& p, const Truth& truth, T box_scale, T class_scale, const T* codes,
      const T* logits, T* d_codes, T* d_logits) const {
    std::fill_n(d_codes, anchors() * 4, T(0));
    std::fill_n(d_logits, anchors() * columns_, T(0));
    const T delta = static_cast<T>(options_.smooth_l1_delta);
    with_class_loss([&](const auto& loss) {
      for (int k = 0; k < p.kept_count; ++k) {
        const std::int32_t a = p.kept[static_cast<std::size_t>(k)];
        const std::int32_t row = p.match[static_cast<std::size_t>(a)];
        if (const T weight = class_weight(truth, row); weight > 0)
          class_loss_slopes(
              loss, logits + long(a) * columns_, columns_, row >= 0 ? truth.labels[row] : 0,
              class_scale * weight, d_logits + long(a) * columns_);
        if (row < 0) continue;
        const T scale = box_scale * truth.weight(row);
        const BoxCode<T> d = code_error(truth, row, a, codes);
        T* out = d_codes + 4L * a;
        out[0] = scale * smooth_l1_slope(d.y, delta);
        out[1] = scale * smooth_l1_slope(d.x, delta);
        out[2] = scale * smooth_l1_slope(d.height, delta);
        out[3] = scale * smooth_l1_slope(d.width, delta);
      }
    });
  }

  SsdLossOptions options_;
  BoxCoder<T> coder_;
  std::vector<BoxOf<T>> anchors_;
  std::vector<CenterBoxOf<T>> centers_;
  int columns_;  // C + 1
  int max_boxes_;
  ArgmaxMatcher<T> matcher_;
  std::vector<Picture> pictures_;
};

}  // namespace ocelli
