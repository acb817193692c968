// ArgmaxMatcher: which ground truth, if any, each anchor is to predict.
//
// Each anchor takes the ground truth of highest IoU v (ties: the lowest row):
//   v >= matched                 matched to that row
//   unmatched <= v < matched     ignored
//   v < unmatched                negative                    (the last two can be swapped)
// Then, with force_match_for_each_row, each valid row takes its anchor of highest IoU (ties: the
// lowest anchor) whatever that IoU; of several rows that want one anchor the lowest gets it.
//
// Liu et al., "SSD", arXiv:1512.02325, section 2.2, "Matching strategy".
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ocelli/box/box.hpp"
#include "ocelli/core/error.hpp"

namespace ocelli {

struct MatchOptions {
  double matched_threshold = 0.5;    ///< IoU from here on matches
  double unmatched_threshold = 0.5;  ///< IoU below this is a negative; at most matched_threshold
  bool negatives_lower_than_unmatched = true;  ///< false: swaps negative and ignored
  bool force_match_for_each_row = true;        ///< no ground truth goes without an anchor

  /// Throws ConfigError.
  void check() const {
    if (!(matched_threshold >= 0) || !(matched_threshold <= 1))
      throw ConfigError(
          "matcher: the threshold is " + std::to_string(matched_threshold), "matched_threshold",
          "give an IoU from 0 to 1");
    if (!(unmatched_threshold >= 0) || !(unmatched_threshold <= matched_threshold))
      throw ConfigError(
          "matcher: the threshold is " + std::to_string(unmatched_threshold) +
              ", matched_threshold is " + std::to_string(matched_threshold),
          "unmatched_threshold", "give an IoU from 0 to matched_threshold");
  }
};

namespace detail {
inline constexpr long kMatchBlock = 16;  // anchors handled together: one or two vectors
}

/// The matching rule over any similarity. `similarity(row, out)` writes the row's `columns` values;
/// `valid(row)` tells whether the row may force. `values` and `best` are work space of `columns`;
/// `match` holds columns + rows values, of which the first `columns` are the result.
template <class T, class Similarity, class Valid>
void match_rows(
    int rows, long columns, const MatchOptions& options, Similarity&& similarity, Valid&& valid,
    T* values, T* best, std::int32_t* match) {
  for (long a = 0; a < columns; ++a) best[a] = -1, match[a] = kNegative;
  if (rows == 0) return;
  std::int32_t* forced = match + columns;  // the anchor that each row forces, or -1
  for (int row = 0; row < rows; ++row) forced[row] = -1;
  for (int row = 0; row < rows; ++row) {
    similarity(row, values);
    for (long a = 0; a < columns; ++a) {
      const bool better = values[a] > best[a];
      best[a] = better ? values[a] : best[a];
      match[a] = better ? row : match[a];
    }
    if (!options.force_match_for_each_row || !valid(row)) continue;
    // The maximum in lanes, which vectorises where a single running maximum would not.
    T lanes[detail::kMatchBlock];
    for (T& lane : lanes) lane = -1;
    long a = 0;
    for (; a + detail::kMatchBlock <= columns; a += detail::kMatchBlock)
      for (long k = 0; k < detail::kMatchBlock; ++k)
        lanes[k] = values[a + k] > lanes[k] ? values[a + k] : lanes[k];
    T top = -1;
    for (; a < columns; ++a) top = values[a] > top ? values[a] : top;
    for (T lane : lanes) top = lane > top ? lane : top;
    long first = 0;
    while (first < columns && values[first] != top) ++first;
    if (first < columns) forced[row] = static_cast<std::int32_t>(first);
  }
  const T matched = static_cast<T>(options.matched_threshold);
  const T unmatched = static_cast<T>(options.unmatched_threshold);
  const std::int32_t low = options.negatives_lower_than_unmatched ? kNegative : kIgnored;
  const std::int32_t middle = options.negatives_lower_than_unmatched ? kIgnored : kNegative;
  for (long a = 0; a < columns; ++a) {
    const std::int32_t below = best[a] >= unmatched ? middle : low;
    match[a] = best[a] >= matched ? match[a] : below;
  }
  for (int row = rows - 1; row >= 0; --row)  // downwards: the lowest row writes last
    if (forced[row] >= 0) match[forced[row]] = row;
}

/// Matches ground truth to a fixed set of anchors. One object serves any number of threads: what a
/// call needs to write to is passed in.
template <class T>
class ArgmaxMatcher {
 public:
  /// Throws ConfigError for thresholds out of range.
  explicit ArgmaxMatcher(std::span<const BoxOf<T>> anchors, const MatchOptions& options = {})
      : options_(options), count_(static_cast<long>(anchors.size())) {
    options.check();
    columns_.resize(anchors.size() * 5);
    for (std::size_t i = 0; i < anchors.size(); ++i) {
      const BoxOf<T>& anchor = anchors[i];
      const T values[5] = {anchor.ymin, anchor.xmin, anchor.ymax, anchor.xmax, anchor.area()};
      for (std::size_t k = 0; k < 5; ++k) columns_[k * anchors.size() + i] = values[k];
    }
  }

  long anchors() const { return count_; }
  const MatchOptions& options() const { return options_; }
  /// Length of the work space for match().
  long workspace_size() const { return 2 * count_; }
  /// Length of `match` for at most `rows` boxes: a value an anchor, then room for the work.
  long match_size(int rows) const { return count_ + rows; }

  /// @param boxes      [rows] ground truth
  /// @param weights    [rows], or null: all 1. A row of weight 0 does not force, but can be
  /// matched.
  /// @param workspace  [workspace_size()]
  /// @param match      [match_size(rows)]; the first anchors() values are the result: a row,
  ///                   kNegative or kIgnored
  void match(
      const BoxOf<T>* boxes, int rows, const T* weights, T* workspace, std::int32_t* match) const {
    match_rows<T>(
        rows, count_, options_, [&](int row, T* out) { ious(boxes[row], out); },
        [&](int row) { return weights == nullptr || weights[row] > 0; }, workspace,
        workspace + count_, match);
  }

  /// IoU of `box` with each anchor, into out [anchors()].
  void ious(const BoxOf<T>& box, T* out) const {
    const T* ymin = columns_.data();
    const T* xmin = ymin + count_;
    const T* ymax = xmin + count_;
    const T* xmax = ymax + count_;
    const T* area = xmax + count_;
    const T top = box.ymin, left = box.xmin, bottom = box.ymax, right = box.xmax;
    const T box_area = box.area();
    for (long a = 0; a < count_; ++a) {
      const T height = (bottom < ymax[a] ? bottom : ymax[a]) - (top > ymin[a] ? top : ymin[a]);
      const T width = (right < xmax[a] ? right : xmax[a]) - (left > xmin[a] ? left : xmin[a]);
      const T inter = (height > 0 ? height : T(0)) * (width > 0 ? width : T(0));
      out[a] = inter / (inter > 0 ? box_area + area[a] - inter : T(1));
    }
  }

 private:
  MatchOptions options_;
  long count_;
  std::vector<T> columns_;  // ymin, xmin, ymax, xmax, area: [5, anchors]
};

}  // namespace ocelli
