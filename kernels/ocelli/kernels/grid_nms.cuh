// grid_nms: NMS of one long list of boxes over all blocks of a device; what class_nms of
// multiclass_nms.cuh does in one block, with the same result. Rules: ocelli/box/nms.hpp.
//
//   1. gather_list   the candidates of a list, in no order
//   2. rank_list     how many go before each: its place by falling score, ties by the lower row
//   3. place_list    keys, boxes and areas at their places
//   4. mask_list     for each candidate, 64 in a word, which later ones it would suppress
//   5. scan_list     goes through them in order: what no kept one suppresses is kept
//
// A list is one class of one picture; the third extent of a grid counts the lists of a launch.
// n candidates of `rows`.
//
// gather_list   tiling   one thread = one row
//               bytes    8 * rows + 8 * n      the scores, the ranks at zero; the keys
//               FLOPs    0
// rank_list     tiling   one thread = one candidate against kRankKeys others
//               bytes    16 * n                each key once, each rank read and written
//               FLOPs    0                     n * n comparisons of integers
// place_list    tiling   one thread = one candidate
//               bytes    56 * n                key, rank and box in; key, box and area out
//               FLOPs    3 * n
// mask_list     tiling   one block = 64 threads = 64 candidates x 64 later ones
//               bytes    20 * n + 8 * words    boxes and areas in; of each, words of its tile and
//               behind FLOPs    7 * n (n - 1) / 2, and 4 more for each pair that overlaps: two
//               sums,
//                        a quotient, a comparison
//               bound    arithmetic
// scan_list     tiling   one block = 256 threads = one list
//               bytes    8 * n + 8 * read + 16 * kept: the words on the diagonal, those behind it
//               of
//                        kept candidates; their keys in, what is kept out
//               FLOPs    0
//               bound    latency
// needs     boxes aligned to 16 bytes
//
// Ranks are sums of integers, so the order in which blocks add to them does not matter; that of the
// gathered keys does not either.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ocelli/kernels/floor.cuh"
#include "ocelli/kernels/iou.cuh"
#include "ocelli/kernels/multiclass_nms.cuh"
#include "ocelli/kernels/reduce.cuh"
#include "ocelli/kernels/sort.cuh"

namespace ocelli::kernel {

inline constexpr int kNmsTile = 64;       ///< candidates of a word of the mask
inline constexpr int kRankKeys = 2048;    ///< keys that a block compares its own with
inline constexpr int kListThreads = 256;  ///< of all but mask_list

OCELLI_HOST_DEVICE constexpr int nms_tiles(int candidates) {
  return (candidates + kNmsTile - 1) / kNmsTile;
}
/// Words of the mask that mask_list writes: the tiles on the diagonal and behind it.
constexpr long nms_mask_words(long candidates) {
  long words = 0;
  const long tiles = (candidates + kNmsTile - 1) / kNmsTile;
  for (long i = 0; i < candidates; ++i) words += tiles - i / kNmsTile;
  return words;
}

constexpr Floor gather_list_floor(long rows, long candidates) {
  return {8 * rows + 8 * candidates, 0};
}
constexpr Floor rank_list_floor(long candidates) { return {16 * candidates, 0}; }
constexpr Floor place_list_floor(long candidates) { return {56 * candidates, 3 * candidates}; }
/// @param overlapping  pairs whose boxes overlap
constexpr Floor mask_list_floor(long candidates, long overlapping) {
  return {
      20 * candidates + 8 * nms_mask_words(candidates),
      7 * candidates * (candidates - 1) / 2 + 4 * overlapping};
}
/// @param read  words behind the diagonal, of kept candidates
constexpr Floor scan_list_floor(long candidates, long kept, long read) {
  return {8 * candidates + 8 * read + 16 * kept, 0};
}

/// What the lists of a launch are worked on in, `rows` places each.
struct ListArrays {
  std::uint64_t* keys;   ///< in no order
  std::int32_t* ranks;   ///< of the keys
  std::uint64_t* order;  ///< the keys, sorted
  Box* boxes;            ///< the same order, corners in order
  float* areas;
  std::uint64_t* mask;  ///< nms_tiles(rows) words a place; those before the diagonal stay unwritten
  std::int32_t* counts;  ///< candidates of a list; zero before the first kernel
};

/// Grid (blocks of rows, 1, lists).
/// @param first   the first list of the launch, counted over the batch
/// @param scores  [batch, classes, rows]
OCELLI_KERNEL_BOUNDS(kListThreads)
gather_list(const float* scores, int first, int rows, float threshold, ListArrays lists) {
  OCELLI_SHARED(int, base, [1]);
  const long list = static_cast<long>(blockIdx.z);
  const int row = static_cast<int>(blockIdx.x) * kListThreads + thread_id();
  const float score = row < rows ? scores[(first + list) * rows + row] : 0.0f;
  const bool above = row < rows && score > threshold;
  if (row < rows) lists.ranks[list * rows + row] = 0;
  const Place place = block_place<kListThreads>(above);
  if (place.total == 0) return;
  if (thread_id() == 0) base[0] = atomicAdd(lists.counts + list, place.total);
  __syncthreads();
  if (above) lists.keys[list * rows + base[0] + place.before] = sort_key(score, row);
}

/// Grid (blocks of candidates, runs of kRankKeys keys, lists), for as many as there may be.
OCELLI_KERNEL_BOUNDS(kListThreads)
rank_list(int rows, ListArrays lists) {
  OCELLI_SHARED(std::uint64_t, others, [kListThreads]);
  const long list = static_cast<long>(blockIdx.z);
  const int n = lists.counts[list];
  const int i = static_cast<int>(blockIdx.x) * kListThreads + thread_id();
  const int run = static_cast<int>(blockIdx.y) * kRankKeys;
  if (static_cast<int>(blockIdx.x) * kListThreads >= n || run >= n) return;  // the whole block
  const std::uint64_t* keys = lists.keys + list * rows;
  const std::uint64_t mine = i < n ? keys[i] : 0;  // nothing goes before 0
  const int last = run + kRankKeys < n ? run + kRankKeys : n;
  int before = 0;
  for (int start = run; start < last; start += kListThreads) {
    const int j = start + thread_id();
    others[thread_id()] = j < last ? keys[j] : kLastKey;
    __syncthreads();
    const int count = last - start < kListThreads ? last - start : kListThreads;
    for (int k = 0; k < count; ++k) before += others[k] < mine ? 1 : 0;
    __syncthreads();
  }
  if (i < n && before > 0) atomicAdd(lists.ranks + list * rows + i, before);
}

/// Grid (blocks of candidates, 1, lists).
OCELLI_KERNEL_BOUNDS(kListThreads)
place_list(const Box* boxes, int first, NmsExtent extent, ListArrays lists) {
  const long list = static_cast<long>(blockIdx.z);
  const int i = static_cast<int>(blockIdx.x) * kListThreads + thread_id();
  if (i >= lists.counts[list]) return;
  const long from = list * extent.rows;
  const std::uint64_t key = lists.keys[from + i];
  const long at = from + lists.ranks[from + i];
  const int c = static_cast<int>((first + list) % extent.classes);
  const long picture = (first + list) / extent.classes;
  const Box box = in_order(load_box(boxes + extent.box_of(picture, index_of_key(key), c)));
  lists.order[at] = key;
  store_box(lists.boxes + at, box);
  lists.areas[at] = area_of(box);
}

/// overlap_above without a division where boxes do not overlap, whose IoU of 0 is above no
/// threshold.
OCELLI_DEVICE bool overlap_above_where_any(
    const Box& a, float area_a, const Box& b, float area_b, float threshold) {
  const float inter = intersection_of(a, b);
  return inter > 0 && area_a > 0 && area_b > 0 &&
         __fdiv_rn(inter, __fsub_rn(__fadd_rn(area_a, area_b), inter)) > threshold;
}

/// Grid (tiles of later candidates, tiles of candidates, lists), for as many as there may be.
/// @param threshold  at least 0
OCELLI_KERNEL_BOUNDS(kNmsTile)
mask_list(int rows, float threshold, ListArrays lists) {
  OCELLI_SHARED(float4, later, [kNmsTile]);
  OCELLI_SHARED(float, later_areas, [kNmsTile]);
  const long list = static_cast<long>(blockIdx.z);
  const int n = lists.counts[list];
  const int tile = static_cast<int>(blockIdx.x), mine = static_cast<int>(blockIdx.y);
  if (tile < mine || tile * kNmsTile >= n) return;  // the whole block
  const long from = list * rows;
  const int first = tile * kNmsTile, count = n - first < kNmsTile ? n - first : kNmsTile;
  if (thread_id() < count) {
    const Box box = load_box(lists.boxes + from + first + thread_id());
    later[thread_id()] = make_float4(box.ymin, box.xmin, box.ymax, box.xmax);
    later_areas[thread_id()] = lists.areas[from + first + thread_id()];
  }
  __syncthreads();
  const int i = mine * kNmsTile + thread_id();
  if (i >= n) return;
  const Box box = load_box(lists.boxes + from + i);
  const float area = lists.areas[from + i];
  std::uint64_t word = 0;
  for (int k = tile == mine ? thread_id() + 1 : 0; k < count; ++k) {
    const float4 b = later[k];
    if (overlap_above_where_any(box, area, {b.x, b.y, b.z, b.w}, later_areas[k], threshold))
      word |= std::uint64_t{1} << k;
  }
  lists.mask[(from + i) * nms_tiles(rows) + tile] = word;
}

/// Grid (lists). Dynamic shared memory: 8 bytes for each of nms_tiles(rows).
/// @param kept    [batch, classes, per_class]: by falling score
/// @param counts  [batch, classes]
OCELLI_KERNEL_BOUNDS(kListThreads)
scan_list(
    int first, int rows, int per_class, ListArrays lists, KeptBox* kept, std::int32_t* counts) {
  OCELLI_DYNAMIC_SHARED(std::uint64_t, gone);  // whom the kept ones suppress, of each tile
  OCELLI_SHARED(std::uint64_t, diagonal, [kNmsTile]);
  const long list = static_cast<long>(blockIdx.x);
  const int n = lists.counts[list], tiles = nms_tiles(n);
  const long words = nms_tiles(rows), from = list * rows;
  KeptBox* const out = kept + (first + list) * per_class;
  for (int t = thread_id(); t < tiles; t += kListThreads) gone[t] = 0;
  int outputs = 0;
  for (int tile = 0; tile < tiles && outputs < per_class; ++tile) {
    const int start = tile * kNmsTile, count = n - start < kNmsTile ? n - start : kNmsTile;
    if (thread_id() < count)
      diagonal[thread_id()] = lists.mask[(from + start + thread_id()) * words + tile];
    __syncthreads();
    // Every thread settles the tile for itself.
    std::uint64_t suppressed = gone[tile], stay = 0;
    for (int k = 0; k < count; ++k)
      if ((suppressed >> k & 1) == 0) {
        stay |= std::uint64_t{1} << k;
        suppressed |= diagonal[k];
      }
    if (thread_id() < count && (stay >> thread_id() & 1) != 0) {
      const std::uint64_t lower = (std::uint64_t{1} << thread_id()) - 1;
      const int output = outputs + __popcll(stay & lower);
      if (output < per_class) {
        const std::uint64_t key = lists.order[from + start + thread_id()];
        out[output] = {score_of_key(key), index_of_key(key)};
      }
    }
    outputs += __popcll(stay);
    if (outputs >= per_class) break;
    for (int t = tile + 1 + thread_id(); t < tiles; t += kListThreads) {
      std::uint64_t all = gone[t];
      for (int k = 0; k < count; ++k)
        if ((stay >> k & 1) != 0) all |= lists.mask[(from + start + k) * words + t];
      gone[t] = all;
    }
    __syncthreads();
  }
  if (thread_id() == 0) counts[first + list] = outputs < per_class ? outputs : per_class;
}

}  // namespace ocelli::kernel
