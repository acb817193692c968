// DuplicateIndex: finds the kept boxes whose IoU with a box can exceed a high threshold t, without
// looking at the others. It makes NMS at t = 0.99 over thousands of boxes linear, and exact.
//
// If iou(a, b) > t, the intersection's height exceeds t * max(h_a, h_b), since the intersection's
// area exceeds t times either area and its width is at most either width; likewise the width. So
//
//   |ymin_a - ymin_b| < (1 - t) max(h_a, h_b)    and    t < h_a / h_b < 1 / t,    the same along x.
//
// Kept boxes lie in a hash table keyed by the binary exponents of their height and width and by the
// cell of (ymin, xmin) in a grid whose pitch fits those exponents; a query looks at the one to four
// cells that can hold a duplicate. Each box found is compared by the exact formula, so collisions
// and slack only cost time. Rounding: a computed IoU is off by a few units in the last place, which
// the slack of 32 covers; boxes so tiny, huge or far out that this argument fails are compared with
// all.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "ocelli/box/box.hpp"

namespace ocelli {

template <class T>
class DuplicateIndex {
 public:
  /// @param capacity   most boxes kept   @param threshold  IoU, in [0.5, 1]
  DuplicateIndex(int capacity, double threshold)
      : threshold_(static_cast<T>(threshold)),
        reach_(1 - static_cast<double>(threshold_) + 32.0 * std::numeric_limits<T>::epsilon()),
        heads_(std::bit_ceil(static_cast<std::size_t>(2 * capacity + 1)), -1),
        nodes_(static_cast<std::size_t>(capacity)) {}

  void clear() {
    for (std::int32_t& head : heads_) head = -1;
    count_ = 0;
    awkward_ = -1;
  }

  /// Whether a kept box has an IoU above the threshold with `box`, whose corners are in order;
  /// keeps `box` when not. A box without area, or of infinite area, has IoU 0 with all.
  bool keep(const BoxOf<T>& box) {
    const T area = box.area();
    if (!(area > 0) || !(area <= std::numeric_limits<T>::max())) return true;
    const Place place = place_of(box);
    if (place.awkward ? near_any(box, area) : near_in_cells(box, area)) return false;
    const std::int32_t node = count_++;
    std::int32_t& head = place.awkward ? awkward_
                                       : head_of(
                                             place.height_exponent, place.width_exponent,
                                             cell(box.ymin, place.height_exponent),
                                             cell(box.xmin, place.width_exponent));
    nodes_[static_cast<std::size_t>(node)] = {box, area, head};
    head = node;
    return true;
  }

 private:
  struct Node {
    BoxOf<T> box;
    T area = 0;
    std::int32_t next = -1;
  };
  struct Place {
    int height_exponent = 0, width_exponent = 0;
    bool awkward = false;
  };

  static int exponent(double x) {  // of a normal positive number
    return static_cast<int>(std::bit_cast<std::uint64_t>(x) >> 52) - 1023;
  }
  /// The grid's place of a coordinate, for boxes whose size has this exponent: the pitch is twice
  /// the reach of the largest such box. Monotone in `x`, however it rounds.
  double cell(double x, int exponent_of_size) const {
    const double shrink =
        std::bit_cast<double>(static_cast<std::uint64_t>(1023 - 1 - exponent_of_size) << 52);
    return std::floor(x * shrink * (0.5 / reach_));
  }
  Place place_of(const BoxOf<T>& box) const {
    constexpr double kSmallest = 1e-15, kLargest = 1e15, kFarthest = 0x1p50;
    const double height = box.height(), width = box.width();
    if (!(height > kSmallest) || !(height < kLargest) || !(width > kSmallest) ||
        !(width < kLargest))
      return {0, 0, true};
    const Place place{exponent(height), exponent(width), false};
    if (!(std::abs(cell(box.ymin, place.height_exponent)) < kFarthest) ||
        !(std::abs(cell(box.xmin, place.width_exponent)) < kFarthest))
      return {0, 0, true};
    return place;
  }
  std::int32_t& head_of(int height_exponent, int width_exponent, double cy, double cx) {
    std::uint64_t key = static_cast<std::uint64_t>(static_cast<std::int64_t>(cy));
    key = key * 0x9E3779B97F4A7C15u + static_cast<std::uint64_t>(static_cast<std::int64_t>(cx));
    key = key * 0x9E3779B97F4A7C15u +
          static_cast<std::uint64_t>(height_exponent * 4096 + width_exponent);
    key ^= key >> 32;
    key *= 0xD6E8FEB86659FD93u;
    key ^= key >> 32;
    return heads_[static_cast<std::size_t>(key) & (heads_.size() - 1)];
  }

  bool above(const Node& node, const BoxOf<T>& box, T area) const {
    const T top = box.ymin > node.box.ymin ? box.ymin : node.box.ymin;
    const T left = box.xmin > node.box.xmin ? box.xmin : node.box.xmin;
    const T bottom = box.ymax < node.box.ymax ? box.ymax : node.box.ymax;
    const T right = box.xmax < node.box.xmax ? box.xmax : node.box.xmax;
    const T height = bottom - top, width = right - left;
    const T inter = (height > 0 ? height : T(0)) * (width > 0 ? width : T(0));
    return inter / (area + node.area - inter) > threshold_;
  }
  bool near_in_list(std::int32_t node, const BoxOf<T>& box, T area) const {
    for (; node >= 0; node = nodes_[static_cast<std::size_t>(node)].next)
      if (above(nodes_[static_cast<std::size_t>(node)], box, area)) return true;
    return false;
  }
  bool near_any(const BoxOf<T>& box, T area) const {
    for (std::int32_t node = 0; node < count_; ++node)
      if (above(nodes_[static_cast<std::size_t>(node)], box, area)) return true;
    return false;
  }
  bool near_in_cells(const BoxOf<T>& box, T area) {
    if (awkward_ >= 0 && near_in_list(awkward_, box, area)) return true;
    const double height = box.height(), width = box.width();
    const double ymin = box.ymin, xmin = box.xmin;
    const double most = 1 / (1 - reach_);  // the other box's size is at most this times ours
    const double ry = reach_ * height * most, rx = reach_ * width * most;
    const int low_h = exponent(height * (1 - reach_)), high_h = exponent(height * most);
    const int low_w = exponent(width * (1 - reach_)), high_w = exponent(width * most);
    for (int eh = low_h; eh <= high_h; ++eh)
      for (int ew = low_w; ew <= high_w; ++ew) {
        const double bottom = cell(ymin + ry, eh), right = cell(xmin + rx, ew);
        for (double cy = cell(ymin - ry, eh); cy <= bottom; ++cy)
          for (double cx = cell(xmin - rx, ew); cx <= right; ++cx)
            if (near_in_list(head_of(eh, ew, cy, cx), box, area)) return true;
      }
    return false;
  }

  T threshold_;
  double reach_;
  std::vector<std::int32_t> heads_;
  std::vector<Node> nodes_;
  std::int32_t count_ = 0;
  std::int32_t awkward_ = -1;  // list of the boxes that every query must look at
};

}  // namespace ocelli
