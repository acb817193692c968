// Non-maximum suppression (NMS): of boxes that overlap much, the best scored stays.
//
// Candidates have score > score_threshold. By falling score (ties: the lower index first), one is
// kept if its IoU with no kept one is > iou_threshold, until max_output are kept. IoU here puts the
// corners in order first and is 0 where either area is <= 0 or not a number.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "ocelli/box/box.hpp"
#include "ocelli/core/error.hpp"

namespace ocelli {

struct NmsOptions {
  double iou_threshold = 0.6;  ///< in [0, 1]; a greater IoU suppresses
  double score_threshold = -std::numeric_limits<double>::infinity();  ///< candidates are above it
  int max_output = 100;

  /// Throws ConfigError.
  void check() const {
    if (!(iou_threshold >= 0) || !(iou_threshold <= 1))
      throw ConfigError(
          "nms: the threshold is " + std::to_string(iou_threshold), "iou_threshold",
          "give an IoU from 0 to 1");
    if (score_threshold != score_threshold)
      throw ConfigError("nms: the threshold is not a number", "score_threshold", "give a score");
    if (max_output < 0)
      throw ConfigError(
          "nms: the number is " + std::to_string(max_output), "max_detections",
          "give 0 or a positive number");
  }
};

/// A score and whose it is; the order of NMS.
template <class T>
struct Candidate {
  T score = 0;
  std::int32_t index = 0;

  friend constexpr bool operator<(const Candidate& a, const Candidate& b) {  // a goes before b
    return a.score > b.score || (a.score == b.score && a.index < b.index);
  }
};

/// Corners in order: ymin <= ymax, xmin <= xmax.
template <class T>
constexpr BoxOf<T> ordered(const BoxOf<T>& box) {
  const bool flip_y = box.ymax < box.ymin, flip_x = box.xmax < box.xmin;
  return {
      flip_y ? box.ymax : box.ymin, flip_x ? box.xmax : box.xmin, flip_y ? box.ymin : box.ymax,
      flip_x ? box.xmin : box.xmax};
}

/// Work space of nms(), sized once.
template <class T>
class NmsWorkspace {
 public:
  static constexpr int kBlock = 16;  // kept boxes compared together

  /// @param candidates  most boxes of a call   @param max_output  most outputs of a call
  NmsWorkspace(int candidates, int max_output)
      : candidates_(static_cast<std::size_t>(candidates)),
        capacity_((std::min(candidates, max_output) + kBlock - 1) / kBlock * kBlock),
        kept_(static_cast<std::size_t>(capacity_) * 5) {}

  Candidate<T>* candidates() { return candidates_.data(); }
  int candidate_capacity() const { return static_cast<int>(candidates_.size()); }
  int output_capacity() const { return capacity_; }

  void clear() { count_ = 0; }

  /// Whether a kept box has an IoU above `threshold` with `box`, corners in order, area > 0.
  bool suppresses(const BoxOf<T>& box, T area, T threshold) const {
    for (int start = 0; start < count_; start += kBlock) {
      const T* ymin = kept_.data() + start;
      const T* xmin = ymin + capacity_;
      const T* ymax = xmin + capacity_;
      const T* xmax = ymax + capacity_;
      const T* areas = xmax + capacity_;
      int hit = 0;
      for (int k = 0; k < kBlock; ++k) {
        const T top = box.ymin > ymin[k] ? box.ymin : ymin[k];
        const T left = box.xmin > xmin[k] ? box.xmin : xmin[k];
        const T bottom = box.ymax < ymax[k] ? box.ymax : ymax[k];
        const T right = box.xmax < xmax[k] ? box.xmax : xmax[k];
        const T height = bottom - top, width = right - left;
        const T inter = (height > 0 ? height : T(0)) * (width > 0 ? width : T(0));
        hit |= inter / (area + areas[k] - inter) > threshold;
      }
      if (hit) return true;
    }
    return false;
  }
  /// Keeps a box, corners in order, area > 0. The places after the last are zero boxes, which
  /// overlap nothing.
  void keep(const BoxOf<T>& box, T area) {
    const auto at = [&](int column) -> T& {
      return kept_[static_cast<std::size_t>(column * capacity_ + count_)];
    };
    if (count_ % kBlock == 0)
      for (int column = 0; column < 5; ++column) std::fill_n(&at(column), kBlock, T(0));
    at(0) = box.ymin, at(1) = box.xmin, at(2) = box.ymax, at(3) = box.xmax, at(4) = area;
    ++count_;
  }

 private:
  std::vector<Candidate<T>> candidates_;
  int capacity_;         // a multiple of kBlock
  std::vector<T> kept_;  // ymin, xmin, ymax, xmax, area: [5, capacity]
  int count_ = 0;
};

namespace detail {

/// NMS of the first `count` candidates of the work space; box_of(index) gives a box.
template <class T, class BoxOfIndex>
int nms_candidates(
    int count, BoxOfIndex&& box_of, const NmsOptions& options, NmsWorkspace<T>& workspace,
    std::int32_t* selected) {
  // A heap, as most candidates are never looked at once max_output are kept.
  const auto after = [](const Candidate<T>& a, const Candidate<T>& b) { return b < a; };
  Candidate<T>* heap = workspace.candidates();
  std::make_heap(heap, heap + count, after);
  workspace.clear();
  const T threshold = static_cast<T>(options.iou_threshold);
  int outputs = 0;
  while (count > 0 && outputs < options.max_output) {
    const std::int32_t index = heap[0].index;
    std::pop_heap(heap, heap + count--, after);
    const BoxOf<T> box = ordered<T>(box_of(index));
    const T area = box.area();
    if (area > 0) {  // a box without area neither suppresses nor is suppressed
      if (workspace.suppresses(box, area, threshold)) continue;
      workspace.keep(box, area);
    }
    selected[outputs++] = index;
  }
  return outputs;
}

}  // namespace detail

/// NMS of one class. NaN scores are no candidates. Allocates nothing.
/// @param boxes, scores  [count]; count at most workspace.candidate_capacity()
/// @param selected       [min(count, max_output)]: indices by falling score
/// @return the number selected
template <class T>
int nms(
    const BoxOf<T>* boxes, const T* scores, int count, const NmsOptions& options,
    NmsWorkspace<T>& workspace, std::int32_t* selected) {
  if (count > workspace.candidate_capacity() ||
      std::min(count, options.max_output) > workspace.output_capacity())
    throw ShapeError(
        "nms: " + std::to_string(count) + " boxes, up to " + std::to_string(options.max_output) +
            " outputs, do not fit the work space",
        "", "make it for the largest call");
  const T threshold = static_cast<T>(options.score_threshold);
  int candidates = 0;
  for (int i = 0; i < count; ++i)
    if (scores[i] > threshold) workspace.candidates()[candidates++] = {scores[i], i};
  return detail::nms_candidates<T>(
      candidates, [&](std::int32_t i) { return boxes[i]; }, options, workspace, selected);
}

}  // namespace ocelli
