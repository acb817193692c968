// Intersection over union of two boxes, also called the Jaccard index.
//
//   iou(a, b) = |a and b| / (|a| + |b| - |a and b|)      0 when they do not overlap
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/box/box.hpp"

namespace ocelli {

/// Area that a and b share; 0 when they do not overlap.
template <class T>
constexpr T intersection_area(const BoxOf<T>& a, const BoxOf<T>& b) {
  const T top = a.ymin > b.ymin ? a.ymin : b.ymin;
  const T left = a.xmin > b.xmin ? a.xmin : b.xmin;
  const T bottom = a.ymax < b.ymax ? a.ymax : b.ymax;
  const T right = a.xmax < b.xmax ? a.xmax : b.xmax;
  const T height = bottom - top, width = right - left;
  return (height > 0 ? height : T(0)) * (width > 0 ? width : T(0));
}

/// In [0, 1] for boxes whose corners are in order. Never divides by zero: two boxes without area
/// have IoU 0.
template <class T>
constexpr T iou(const BoxOf<T>& a, const BoxOf<T>& b) {
  const T inter = intersection_area(a, b);
  return inter / (inter > 0 ? a.area() + b.area() - inter : T(1));
}

}  // namespace ocelli
