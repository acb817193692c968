// iou: intersection over union of two boxes, each operation rounded by itself, so that a GPU
// decides ties and thresholds as the CPU does. Formula: ocelli/box/iou.hpp.
//
// FLOPs     14: 4 minima and maxima, 4 differences, 2 products, 2 sums, a quotient, a comparison
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/box/box.hpp"
#include "ocelli/simt/device.hpp"

namespace ocelli::kernel {

inline constexpr int kIouFlops = 14;

/// A box from memory that is aligned to 16 bytes, in one access.
OCELLI_DEVICE Box load_box(const Box* p) {
  const float4 b = simt::load<float4>(p);
  return {b.x, b.y, b.z, b.w};
}
OCELLI_DEVICE void store_box(Box* p, const Box& box) {
  simt::store(&p->ymin, make_float4(box.ymin, box.xmin, box.ymax, box.xmax));
}

OCELLI_DEVICE float area_of(const Box& box) {
  return __fmul_rn(__fsub_rn(box.ymax, box.ymin), __fsub_rn(box.xmax, box.xmin));
}

OCELLI_DEVICE float intersection_of(const Box& a, const Box& b) {
  const float top = a.ymin > b.ymin ? a.ymin : b.ymin;
  const float left = a.xmin > b.xmin ? a.xmin : b.xmin;
  const float bottom = a.ymax < b.ymax ? a.ymax : b.ymax;
  const float right = a.xmax < b.xmax ? a.xmax : b.xmax;
  const float height = __fsub_rn(bottom, top), width = __fsub_rn(right, left);
  return __fmul_rn(height > 0 ? height : 0.0f, width > 0 ? width : 0.0f);
}

/// As ocelli::iou: 0 where they do not overlap.
OCELLI_DEVICE float iou_of(const Box& a, float area_a, const Box& b, float area_b) {
  const float inter = intersection_of(a, b);
  return __fdiv_rn(inter, inter > 0 ? __fsub_rn(__fadd_rn(area_a, area_b), inter) : 1.0f);
}

/// Whether NMS lets one of two boxes suppress the other: iou > threshold. Boxes that have no area
/// suppress nothing.
OCELLI_DEVICE bool overlap_above(
    const Box& a, float area_a, const Box& b, float area_b, float threshold) {
  const float inter = intersection_of(a, b);
  return area_a > 0 && area_b > 0 &&
         __fdiv_rn(inter, __fsub_rn(__fadd_rn(area_a, area_b), inter)) > threshold;
}

/// Corners in order, as NMS compares boxes.
OCELLI_DEVICE Box in_order(const Box& box) {
  const bool flip_y = box.ymax < box.ymin, flip_x = box.xmax < box.xmin;
  return {
      flip_y ? box.ymax : box.ymin, flip_x ? box.xmax : box.xmin, flip_y ? box.ymin : box.ymax,
      flip_x ? box.xmin : box.xmax};
}

}  // namespace ocelli::kernel
