// matcher: which ground truth each anchor of each picture is to predict. Rule:
// ocelli/box/matcher.hpp.
//
//   1. force_matches    a warp finds the anchor that one row forces: highest IoU, lowest index
//   2. assign_matches   a thread finds its anchor's best row, then whether a row forces it
//
// IoUs are computed twice and never stored.
//
// force_matches    tiling   one block = 8 warps = 8 rows of one picture; boxes: 16 bytes each
//                  bytes    20 * batch * capacity + 16 * anchors
//                  FLOPs    (14 + 3) * anchors * boxes
// assign_matches   tiling   one block = 256 anchors of one picture; its rows in shared memory
//                  bytes    16 * anchors + (4 * anchors + 20 * capacity) * batch
//                  FLOPs    (14 + 3) * anchors * boxes
// with `boxes` the ground truth of the whole batch; 3: an area.
// bound     1917 anchors, batch 24, 7 boxes a picture: 5 MFLOP and 0.3 MB, so latency
// needs     labels and counts in range: 0 <= count <= capacity; boxes aligned to 16 bytes
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ocelli/kernels/floor.cuh"
#include "ocelli/kernels/iou.cuh"
#include "ocelli/kernels/reduce.cuh"

namespace ocelli::kernel {

inline constexpr int kMatchThreads = 256;
inline constexpr int kMatchRows = 64;  ///< rows in shared memory at a time

/// Ground truth of a batch, padded to `capacity` boxes a picture; device memory.
struct GroundTruth {
  const Box* boxes;            ///< [batch, capacity], normalised
  const std::int32_t* labels;  ///< [batch, capacity], 1..C
  const std::int32_t* counts;  ///< [batch], 0..capacity
  const float* weights;        ///< [batch, capacity] >= 0, or null: all 1
  int capacity;

  OCELLI_DEVICE float weight(int picture, int row) const {
    return weights == nullptr ? 1.0f : weights[static_cast<long>(picture) * capacity + row];
  }
};

struct MatchRule {
  float matched, unmatched;    ///< thresholds
  std::int32_t below, middle;  ///< what an IoU below unmatched gives, and one below matched
  bool force;
};

constexpr Floor force_matches_floor(long batch, long capacity, long anchors, long boxes) {
  return {20 * batch * capacity + 16 * anchors, (kIouFlops + 3) * anchors * boxes};
}
constexpr Floor assign_matches_floor(long batch, long capacity, long anchors, long boxes) {
  return {16 * anchors + (4 * anchors + 20 * capacity) * batch, (kIouFlops + 3) * anchors * boxes};
}

/// forced [batch, capacity]: the anchor that a row forces, or -1. Grid (rows / 8, batch).
OCELLI_KERNEL_BOUNDS(kMatchThreads)
force_matches(const Box* anchors, int count, GroundTruth truth, std::int32_t* forced) {
  const int picture = static_cast<int>(blockIdx.y);
  const int row = static_cast<int>(blockIdx.x) * (kMatchThreads / 32) + warp_id();
  if (row >= truth.counts[picture]) return;  // whole warps
  const long at = static_cast<long>(picture) * truth.capacity + row;
  if (!(truth.weight(picture, row) > 0)) {
    if (lane_id() == 0) forced[at] = -1;
    return;
  }
  const Box box = load_box(truth.boxes + at);
  const float area = area_of(box);
  float top = -1;
  int first = count;
  for (int a = lane_id(); a < count; a += 32) {
    const Box anchor = load_box(anchors + a);
    const float v = iou_of(box, area, anchor, area_of(anchor));
    if (v > top) {
      top = v;
      first = a;
    }
  }
  for (int step = 16; step > 0; step /= 2) {
    const float v = __shfl_xor_sync(kWholeWarp, top, step);
    const int a = __shfl_xor_sync(kWholeWarp, first, step);
    if (v > top || (v == top && a < first)) {
      top = v;
      first = a;
    }
  }
  if (lane_id() == 0) forced[at] = first < count ? first : -1;
}

/// match [batch, count]: a row, kNegative or kIgnored. `forced` is read where rule.force. Grid
/// (count / 256, batch).
OCELLI_KERNEL_BOUNDS(kMatchThreads)
assign_matches(
    const Box* anchors, int count, GroundTruth truth, MatchRule rule, const std::int32_t* forced,
    std::int32_t* match) {
  OCELLI_SHARED(float4, shared_boxes, [kMatchRows]);
  OCELLI_SHARED(float, areas, [kMatchRows]);
  OCELLI_SHARED(std::int32_t, forces, [kMatchRows]);
  const int picture = static_cast<int>(blockIdx.y), rows = truth.counts[picture];
  const int a = static_cast<int>(blockIdx.x) * kMatchThreads + thread_id();
  Box anchor;
  if (a < count) anchor = load_box(anchors + a);
  const float area = area_of(anchor);
  float best = -1;
  std::int32_t best_row = kNegative, forced_row = -1;
  for (int start = 0; start < rows; start += kMatchRows) {
    const int n = rows - start < kMatchRows ? rows - start : kMatchRows;
    __syncthreads();
    if (thread_id() < n) {
      const long at = static_cast<long>(picture) * truth.capacity + start + thread_id();
      const Box box = load_box(truth.boxes + at);
      shared_boxes[thread_id()] = make_float4(box.ymin, box.xmin, box.ymax, box.xmax);
      areas[thread_id()] = area_of(box);
      forces[thread_id()] = rule.force ? forced[at] : -1;
    }
    __syncthreads();
    for (int k = 0; k < n; ++k) {
      const float4 b = shared_boxes[k];
      const float v = iou_of({b.x, b.y, b.z, b.w}, areas[k], anchor, area);
      if (v > best) {
        best = v;
        best_row = start + k;
      }
      if (forces[k] == a && forced_row < 0) forced_row = start + k;
    }
  }
  if (a >= count) return;
  std::int32_t result = kNegative;  // without rows, whatever the thresholds
  if (rows > 0) {
    result = best >= rule.matched ? best_row : best >= rule.unmatched ? rule.middle : rule.below;
    if (forced_row >= 0) result = forced_row;
  }
  match[static_cast<long>(picture) * count + a] = result;
}

}  // namespace ocelli::kernel
