// plain_nms: NMS word by word, and boxes that try it: what the fast versions are compared with.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "ocelli/box/nms.hpp"
#include "ocelli/core/random.hpp"

namespace ocelli::test {

template <class T>
bool overlap_above(const BoxOf<T>& a, const BoxOf<T>& b, T threshold) {
  const T area_a = (a.ymax - a.ymin) * (a.xmax - a.xmin);
  const T area_b = (b.ymax - b.ymin) * (b.xmax - b.xmin);
  if (!(area_a > 0) || !(area_b > 0)) return false;
  const T height = std::min(a.ymax, b.ymax) - std::max(a.ymin, b.ymin);
  const T width = std::min(a.xmax, b.xmax) - std::max(a.xmin, b.xmin);
  const T inter = std::max(height, T(0)) * std::max(width, T(0));
  if (!(inter > 0)) return false;
  return inter / (area_a + area_b - inter) > threshold;
}

template <class T>
std::vector<std::int32_t> plain_nms(
    const std::vector<BoxOf<T>>& boxes, const std::vector<T>& scores, const NmsOptions& options) {
  std::vector<std::int32_t> order, kept;
  for (std::size_t i = 0; i < boxes.size(); ++i)
    if (scores[i] > static_cast<T>(options.score_threshold))
      order.push_back(static_cast<std::int32_t>(i));
  const auto score = [&](std::int32_t i) { return scores[static_cast<std::size_t>(i)]; };
  const auto box = [&](std::int32_t i) { return ordered(boxes[static_cast<std::size_t>(i)]); };
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return score(a) > score(b); });
  for (std::int32_t i : order) {
    if (static_cast<int>(kept.size()) == options.max_output) break;
    const bool suppressed = std::any_of(kept.begin(), kept.end(), [&](std::int32_t k) {
      return overlap_above(box(i), box(k), static_cast<T>(options.iou_threshold));
    });
    if (!suppressed) kept.push_back(i);
  }
  return kept;
}

/// Clusters of near duplicates of many sizes, and now and then a box that is flipped, has no area,
/// is tiny, huge, far away, infinite or not a number.
template <class T>
std::vector<BoxOf<T>> odd_boxes(Random& random, std::size_t count) {
  constexpr T kInfinity = std::numeric_limits<T>::infinity();
  constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
  std::vector<BoxOf<T>> boxes;
  const auto u = [&](float low, float high) { return static_cast<T>(random.uniform(low, high)); };
  while (boxes.size() < count) {
    // Sizes around powers of two, where the exponent changes.
    const T height = std::ldexp(u(0.97f, 1.03f), -static_cast<int>(random.below(5)));
    const T width = std::ldexp(u(0.97f, 1.03f), -static_cast<int>(random.below(5)));
    const T y = u(-0.5f, 1), x = u(-0.5f, 1);
    const auto copies = 1 + random.below(8);
    const float spread = random.chance(0.5f) ? 0.006f : 0.05f;
    for (std::uint32_t k = 0; k < copies && boxes.size() < count; ++k) {
      const T dy = height * u(-spread, spread), dx = width * u(-spread, spread);
      const T h = height * (1 + u(-spread, spread)), w = width * (1 + u(-spread, spread));
      BoxOf<T> box{y + dy, x + dx, y + dy + h, x + dx + w};
      if (random.chance(0.2f) && !boxes.empty())
        box = boxes[random.below(static_cast<std::uint32_t>(boxes.size()))];
      switch (random.below(60)) {
        case 0:
          box.ymax = box.ymin;
          break;
        case 1:
          std::swap(box.xmin, box.xmax);
          break;
        case 2:
          box.ymax = kNan;
          break;
        case 3:
          box.xmax = kInfinity;
          break;
        case 4:
          box = {0, 0, T(1e-16), T(1e-16)};
          break;
        case 5:
          box = {0, 0, T(1e-16), T(1e-16) * u(0.98f, 1)};
          break;
        case 6:
          box = {0, 0, T(1e16), T(1) * u(0.98f, 1)};
          break;
        case 7:
          box = {T(1e7), T(1e7), T(1e7) + 8, T(1e7) + 8};
          break;
        case 8:
          box = {-kInfinity, -kInfinity, kInfinity, kInfinity};
          break;
        default:
          break;
      }
      boxes.push_back(box);
    }
  }
  return boxes;
}

}  // namespace ocelli::test
