// multiclass_nms: NMS of each class of each picture by itself, then one list of detections. Rules:
// ocelli/box/nms.hpp and multiclass_nms.hpp. Of a few long lists grid_nms.cuh does the first part.
//
//   1. class_nms         a block gathers one class's candidates, sorts them, and goes through them
//                        32 at a time: which are suppressed by boxes kept before, which by each
//                        other, which stay
//   2. join_detections   a block joins a picture's classes and keeps the best
//
// class_nms         tiling   one block = 256 threads = one class of one picture
//                   bytes    4 * batch * classes * rows: the scores; 16 * candidates: the boxes;
//                            8 * kept
//                   FLOPs    (7 + 14 * (kept before + 16)) a candidate that is looked at; at least
//                            7 * kept + 14 * kept * (kept - 1) / 2 a class
//                   bound    without candidates memory, with many the sort's barriers
// join_detections   tiling   one block = 256 threads = one picture
//                   bytes    8 * entries + 24 * detections, entries being all classes' kept boxes
//                   FLOPs    3 * entries
//                   bound    latency
// needs     boxes aligned to 16 bytes
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ocelli/kernels/floor.cuh"
#include "ocelli/kernels/iou.cuh"
#include "ocelli/kernels/reduce.cuh"
#include "ocelli/kernels/sort.cuh"

namespace ocelli::kernel {

inline constexpr int kNmsThreads = 256;
inline constexpr int kNmsWarps = kNmsThreads / 32;
inline constexpr int kSharedKept = 512;  ///< most kept boxes of a class in shared memory

struct NmsRule {
  float score_threshold, iou_threshold;
  int per_class;  ///< most outputs of a class
  int total;      ///< most detections of a picture
  bool window_frame;
};

/// Extents of a batch, and where its boxes lie.
struct NmsExtent {
  int rows, classes;
  bool class_boxes;  ///< boxes [batch, rows, classes] instead of [batch, rows]

  OCELLI_HOST_DEVICE constexpr long box_of(long picture, int row, int c) const {
    const long at = picture * rows + row;
    return class_boxes ? at * classes + c : at;
  }
};

/// Work space of a block in global memory, for what shared memory does not hold; else null.
struct NmsSpill {
  std::uint64_t* keys;  ///< [batch, classes, padded_keys(rows)]
  Box* kept;            ///< [batch, classes, per_class]
  float* areas;         ///< the same
};

/// One kept box of a class.
struct KeptBox {
  float score;
  std::int32_t row;
};

/// @param kept  boxes that stay, of all classes together   @param pairs  of them, in one class
constexpr Floor class_nms_floor(
    long batch, long classes, long rows, long candidates, long kept, long pairs) {
  return {4 * batch * classes * rows + 16 * candidates + 8 * kept, 7 * kept + kIouFlops * pairs};
}
constexpr Floor join_detections_floor(long entries, long detections) {
  return {8 * entries + 24 * detections, 3 * entries};
}

/// Gathers the keys of the rows that score above the threshold; returns how many. All threads of a
/// block call it. They are in the order of rows, which sorting makes irrelevant.
OCELLI_DEVICE int gather_candidates(
    const float* scores, int rows, float threshold, std::uint64_t* keys) {
  int count = 0;
  for (int start = 0; start < rows; start += kNmsThreads) {
    const int row = start + thread_id();
    const float score = row < rows ? scores[row] : 0.0f;
    const bool above = row < rows && score > threshold;
    if (__syncthreads_or(above) == 0) continue;
    const Place place = block_place<kNmsThreads>(above);
    if (above) keys[count + place.before] = sort_key(score, row);
    count += place.total;
  }
  return count;
}

/// Grid (classes, batch). Dynamic shared memory: 8 bytes a key, then 20 bytes a kept box, where the
/// spill is null.
/// @param padded  padded_keys(rows)
/// @param scores  [batch, classes, rows]
/// @param kept    [batch, classes, rule.per_class]: by falling score
/// @param counts  [batch, classes]
OCELLI_KERNEL_BOUNDS(kNmsThreads, 1)
class_nms(
    const Box* boxes, const float* scores, NmsExtent extent, int padded, NmsRule rule,
    NmsSpill spill, KeptBox* kept, std::int32_t* counts) {
  OCELLI_DYNAMIC_SHARED(unsigned char, near);
  OCELLI_SHARED(float4, tile, [32]);
  OCELLI_SHARED(float, tile_areas, [32]);
  OCELLI_SHARED(unsigned, by_kept, [kNmsWarps]);  // of the tile: suppressed by boxes kept before
  OCELLI_SHARED(unsigned, by_mate, [32]);         // whom a box of the tile suppresses
  const int c = static_cast<int>(blockIdx.x);
  const long picture = static_cast<long>(blockIdx.y);
  const long block = picture * extent.classes + c;
  std::uint64_t* keys =
      spill.keys != nullptr ? spill.keys + block * padded : reinterpret_cast<std::uint64_t*>(near);
  float* kept_boxes = spill.kept != nullptr
                          ? &spill.kept[block * rule.per_class].ymin
                          : reinterpret_cast<float*>(
                                near + (spill.keys != nullptr ? 0 : (8L * padded + 15) / 16 * 16));
  float* kept_areas = spill.kept != nullptr ? spill.areas + block * rule.per_class
                                            : kept_boxes + 4 * rule.per_class;

  const int candidates =
      gather_candidates(scores + block * extent.rows, extent.rows, rule.score_threshold, keys);
  int outputs = 0, stored = 0;  // of which `stored` have an area
  if (candidates > 0) {
    const int size = padded_keys(candidates);
    for (int i = candidates + thread_id(); i < size; i += kNmsThreads) keys[i] = kLastKey;
    block_sort(keys, size);
  }
  for (int start = 0; start < candidates && outputs < rule.per_class; start += 32) {
    // Each warp looks at the same 32 candidates, a lane each.
    const int n = candidates - start < 32 ? candidates - start : 32;
    const std::uint64_t key = lane_id() < n ? keys[start + lane_id()] : kLastKey;
    Box box;
    if (lane_id() < n)
      box = in_order(load_box(boxes + extent.box_of(picture, index_of_key(key), c)));
    const float area = area_of(box);
    bool gone = false;
    for (int k = warp_id(); k < stored && !gone; k += kNmsWarps) {
      const float4 b = simt::load<float4>(kept_boxes + 4 * k);
      gone = overlap_above({b.x, b.y, b.z, b.w}, kept_areas[k], box, area, rule.iou_threshold);
    }
    const unsigned suppressed = __ballot_sync(kWholeWarp, gone);
    if (lane_id() == 0) by_kept[warp_id()] = suppressed;
    if (warp_id() == 0) {
      tile[lane_id()] = make_float4(box.ymin, box.xmin, box.ymax, box.xmax);
      tile_areas[lane_id()] = area;
    }
    __syncthreads();
    for (int i = warp_id(); i < n; i += kNmsWarps) {
      const float4 b = tile[i];
      const unsigned mates = __ballot_sync(
          kWholeWarp,
          lane_id() > i &&
              overlap_above({b.x, b.y, b.z, b.w}, tile_areas[i], box, area, rule.iou_threshold));
      if (lane_id() == 0) by_mate[i] = mates;
    }
    __syncthreads();
    // Every thread settles the tile for itself.
    unsigned stay = n == 32 ? kWholeWarp : (1u << n) - 1u;
    for (int w = 0; w < kNmsWarps; ++w) stay &= ~by_kept[w];
    for (int i = 0; i < n; ++i)
      if ((stay >> i & 1u) != 0) stay &= ~by_mate[i];
    const unsigned solid = stay & __ballot_sync(kWholeWarp, area > 0);
    if (warp_id() == 0 && (stay >> lane_id() & 1u) != 0) {
      const unsigned lower = (1u << lane_id()) - 1u;
      const int output = outputs + __popc(stay & lower);
      if (output < rule.per_class) {
        kept[block * rule.per_class + output] = {score_of_key(key), index_of_key(key)};
        if (area > 0) {
          const int at = stored + __popc(solid & lower);
          simt::store(kept_boxes + 4 * at, make_float4(box.ymin, box.xmin, box.ymax, box.xmax));
          kept_areas[at] = area;
        }
      }
    }
    outputs += __popc(stay);
    stored += __popc(solid);
    __syncthreads();
  }
  if (thread_id() == 0) counts[block] = outputs < rule.per_class ? outputs : rule.per_class;
}

/// As std::clamp: NaN stays NaN.
OCELLI_DEVICE float clamped(float v, float low, float high) {
  return v < low ? low : high < v ? high : v;
}
OCELLI_DEVICE Box clipped(const Box& box, const Box& window) {
  return {
      clamped(box.ymin, window.ymin, window.ymax), clamped(box.xmin, window.xmin, window.xmax),
      clamped(box.ymax, window.ymin, window.ymax), clamped(box.xmax, window.xmin, window.xmax)};
}
OCELLI_DEVICE Box in_frame(const Box& box, const Box& window) {
  return {
      (box.ymin - window.ymin) / window.height(), (box.xmin - window.xmin) / window.width(),
      (box.ymax - window.ymin) / window.height(), (box.xmax - window.xmin) / window.width()};
}

/// Joins each picture's classes. Grid (batch). The best so far lie before the entries of further
/// classes in one array of `room` keys, which is sorted whenever it is full.
/// @param room     a power of two above 2 * rule.total; dynamic shared memory: 8 * room bytes,
///                 unless `spill` [batch, room] is given
/// @param kept     [batch, classes, rule.per_class]   @param counts  [batch, classes]
/// @param windows  [batch], or null: what all boxes are clipped to is `window`
/// @param found    [batch, rule.total]: by falling score; labels from 1
/// @param sources  [batch, rule.total]: rows of the boxes; may be null
/// @param totals   [batch]: how many are found
OCELLI_KERNEL_BOUNDS(kNmsThreads, 1)
join_detections(
    const Box* boxes, NmsExtent extent, NmsRule rule, const KeptBox* kept,
    const std::int32_t* counts, int room, std::uint64_t* spill, Box window, const Box* windows,
    Detection* found, std::int32_t* sources, std::int32_t* totals) {
  OCELLI_DYNAMIC_SHARED(std::uint64_t, near);
  const long picture = static_cast<long>(blockIdx.x);
  std::uint64_t* keys = spill != nullptr ? spill + picture * room : near;
  if (windows != nullptr) window = windows[picture];
  const long first = picture * extent.classes;
  int filled = 0;
  const auto keep_best = [&] {
    if (extent.classes == 1) {
      __syncthreads();  // one class comes in order
    } else {
      const int size = padded_keys(filled);
      for (int i = filled + thread_id(); i < size; i += kNmsThreads) keys[i] = kLastKey;
      block_sort(keys, size);
    }
    if (filled > rule.total) filled = rule.total;
  };
  for (int c = 0; c < extent.classes; ++c) {
    const int count = counts[first + c];
    for (int start = 0; start < count; start += kNmsThreads) {
      const int k = start + thread_id();
      bool whole = false;
      KeptBox entry{0, 0};
      if (k < count) {
        entry = kept[(first + c) * rule.per_class + k];
        const Box box = clipped(load_box(boxes + extent.box_of(picture, entry.row, c)), window);
        whole = area_of(box) > 0;
      }
      const Place place = block_place<kNmsThreads>(whole);
      if (filled + place.total > room) keep_best();
      if (whole) keys[filled + place.before] = sort_key(entry.score, c * rule.per_class + k);
      filled += place.total;
    }
  }
  keep_best();
  for (int i = thread_id(); i < filled; i += kNmsThreads) {
    const int at = index_of_key(keys[i]), c = at / rule.per_class;
    const KeptBox entry = kept[first * rule.per_class + at];
    const Box box = clipped(load_box(boxes + extent.box_of(picture, entry.row, c)), window);
    found[picture * rule.total + i] = {
        rule.window_frame ? in_frame(box, window) : box, c + 1, entry.score};
    if (sources != nullptr) sources[picture * rule.total + i] = entry.row;
  }
  if (thread_id() == 0) totals[picture] = filled;
}

}  // namespace ocelli::kernel
