// hard_example_miner: which anchors of each picture count. Rule:
// ocelli/loss/hard_example_miner.hpp.
//
//   1. order_by_loss       a block sorts a picture's anchors by loss
//   2. flag_duplicates     a thread looks whether any anchor of larger loss has a box so close that
//                          it could suppress its own: with an IoU limit of 0.99 few have
//   3. keep_hard_examples  a block settles those few in order, then walks the list
//
// order_by_loss        tiling   one block = 1024 threads = one picture
//                      bytes    (4 + 16 + 4 + 16 + 4) * batch * anchors
//                      FLOPs    7 * batch * anchors: corners and area; two weights with `both`
//                      bound    latency: the sort's barriers
// flag_duplicates      tiling   one block = 256 anchors of one picture against all of larger loss
//                      bytes    20 * batch * anchors + batch * anchors / 8
//                      FLOPs    batch * anchors * (anchors - 1) / 2 * 2: the ratio of the areas
//                               rules most out; up to 14 for the others
//                      bound    compute
// keep_hard_examples   tiling   one block = 512 threads = one picture
//                      bytes    (4 + 4) * batch * anchors + batch * anchors / 8, + 4 * kept
//                      FLOPs    0 without duplicates
//                      bound    latency
// needs     boxes aligned to 16 bytes
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ocelli/kernels/floor.cuh"
#include "ocelli/kernels/iou.cuh"
#include "ocelli/kernels/reduce.cuh"
#include "ocelli/kernels/sort.cuh"

namespace ocelli::kernel {

inline constexpr int kMinerThreads = 1024;
inline constexpr int kKeepThreads = 512;  ///< more would not leave enough registers
inline constexpr int kDuplicateThreads = 256;

/// What an anchor's place in the list depends on.
enum class MinedLoss : int { classification, localization, both };

struct MiningRule {
  MinedLoss loss;
  float class_weight, box_weight;  ///< with MinedLoss::both
  float iou_threshold;
  int limit;     ///< most entries of the list
  double ratio;  ///< negatives a positive; 0: the whole list stays
  int min_negatives;
};

/// What mining did to one picture; see ocelli::MiningCounts.
struct MinedPicture {
  std::int32_t listed, positives, negatives, kept;
};

/// Words of 32 anchors each.
OCELLI_HOST_DEVICE constexpr int flag_words(int anchors) { return (anchors + 31) / 32; }

constexpr Floor order_by_loss_floor(long batch, long anchors, bool both) {
  return {((both ? 8 : 4) + 16 + 4 + 16 + 4) * batch * anchors, (both ? 10 : 7) * batch * anchors};
}
constexpr Floor flag_duplicates_floor(long batch, long anchors) {
  return {
      20 * batch * anchors + 4 * batch * flag_words(static_cast<int>(anchors)),
      batch * anchors * (anchors - 1)};
}
constexpr Floor keep_hard_examples_floor(long batch, long anchors, long kept) {
  return {
      (4 + 4) * batch * anchors + 4 * batch * flag_words(static_cast<int>(anchors)) + 4 * kept, 0};
}

/// Sorts each picture's anchors. Dynamic shared memory: 8 * padded bytes, unless `spill` is given.
/// @param padded  padded_keys(count)
/// @param spill   [batch, padded], or null
/// @param order   [batch, count]: the anchors by falling loss
/// @param sorted  [batch, count]: their boxes, corners in order
/// @param areas   [batch, count]: their areas, 0 where NMS leaves them alone
OCELLI_KERNEL_BOUNDS(kMinerThreads)
order_by_loss(
    const Box* boxes, const float* class_losses, const float* box_losses, int count, int padded,
    MiningRule rule, std::uint64_t* spill, std::int32_t* order, Box* sorted, float* areas) {
  OCELLI_DYNAMIC_SHARED(std::uint64_t, near);
  const long first = static_cast<long>(blockIdx.x) * count;
  std::uint64_t* keys = spill != nullptr ? spill + static_cast<long>(blockIdx.x) * padded : near;
  for (int a = thread_id(); a < padded; a += kMinerThreads) {
    keys[a] = kLastKey;
    if (a >= count) continue;
    float score = 0;
    switch (rule.loss) {
      case MinedLoss::classification:
        score = class_losses[first + a];
        break;
      case MinedLoss::localization:
        score = box_losses[first + a];
        break;
      case MinedLoss::both:
        score = __fadd_rn(
            __fmul_rn(rule.class_weight, class_losses[first + a]),
            __fmul_rn(rule.box_weight, box_losses[first + a]));
        break;
    }
    keys[a] = sort_key(score == score ? score : __int_as_float(0x7F800000), a);
  }
  block_sort(keys, padded);
  for (int rank = thread_id(); rank < count; rank += kMinerThreads) {
    const int a = index_of_key(keys[rank]);
    const Box box = in_order(load_box(boxes + first + a));
    const float area = area_of(box);
    order[first + rank] = a;
    store_box(sorted + first + rank, box);
    areas[first + rank] = area > 0 && area <= 3.402823466e38f ? area : 0.0f;
  }
}

/// A number just below the threshold: an IoU above it has an intersection above this part of
/// either area, however the areas were rounded.
OCELLI_DEVICE float safe_part(float threshold) { return threshold * (1.0f - 1e-5f); }

/// Whether the IoU is above the threshold, most pairs without a division.
OCELLI_DEVICE bool duplicates(
    const Box& a, float area_a, const Box& b, float area_b, float threshold, float part) {
  if (area_a < part * area_b || area_b < part * area_a) return false;
  return overlap_above(a, area_a, b, area_b, threshold);
}

/// flags [batch, flag_words(count)]: bit r of a picture is set where a box of lower rank has an IoU
/// above the threshold with that of rank r. Grid (count / 256, batch).
OCELLI_KERNEL_BOUNDS(kDuplicateThreads)
flag_duplicates(
    const Box* sorted, const float* areas, int count, float threshold, std::uint32_t* flags) {
  OCELLI_SHARED(float4, tile, [kDuplicateThreads]);
  OCELLI_SHARED(float, tile_areas, [kDuplicateThreads]);
  const long first = static_cast<long>(blockIdx.y) * count;
  const int begin = static_cast<int>(blockIdx.x) * kDuplicateThreads;
  const int rank = begin + thread_id();
  const bool inside = rank < count;
  const Box box = inside ? load_box(sorted + first + rank) : Box{};
  const float area = inside ? areas[first + rank] : 0.0f;
  const float part = safe_part(threshold);
  bool found = false;
  for (int start = 0; start <= begin; start += kDuplicateThreads) {
    __syncthreads();
    if (start + thread_id() < count) {
      tile[thread_id()] = simt::load<float4>(&sorted[first + start + thread_id()].ymin);
      tile_areas[thread_id()] = areas[first + start + thread_id()];
    }
    __syncthreads();
    const int n = start < begin ? kDuplicateThreads : inside ? thread_id() : 0;
    if (!(area > 0)) continue;
    for (int k = 0; k < n && !found; ++k) {
      const float4 b = tile[k];
      found = duplicates({b.x, b.y, b.z, b.w}, tile_areas[k], box, area, threshold, part);
    }
  }
  const unsigned word = __ballot_sync(kWholeWarp, found);
  if (lane_id() == 0 && inside)
    flags[static_cast<long>(blockIdx.y) * flag_words(count) + rank / 32] = word;
}

/// Settles what is a duplicate of a box that stays, in order of rank: afterwards bit r of `gone` is
/// set where rank r falls out. Both arrays of words in shared memory, seen by all.
OCELLI_DEVICE void settle_duplicates(
    const Box* sorted, const float* areas, int count, float threshold, const std::uint32_t* flagged,
    std::uint32_t* gone) {
  const float part = safe_part(threshold);
  for (int w = 0; w < flag_words(count); ++w)
    for (std::uint32_t rest = flagged[w]; rest != 0; rest &= rest - 1) {
      const int bit = __ffs(static_cast<int>(rest)) - 1, rank = 32 * w + bit;
      const Box box = load_box(sorted + rank);
      const float area = areas[rank];
      bool hit = false;
      for (int i = thread_id(); i < rank && !hit; i += kKeepThreads)
        hit = (gone[i / 32] >> (i % 32) & 1u) == 0 &&
              duplicates(load_box(sorted + i), areas[i], box, area, threshold, part);
      if (__syncthreads_or(hit) != 0) continue;
      if (thread_id() == 0) gone[w] &= ~(1u << bit);
      __syncthreads();
    }
}

/// The list of each picture and what stays of it. Dynamic shared memory: 8 * flag_words(count).
/// @param match   [batch, count]: a row, kNegative or kIgnored
/// @param kept    [batch, count]: the anchors that stay, by falling loss
/// @param mined   [batch]
OCELLI_KERNEL_BOUNDS(kKeepThreads, 1)
keep_hard_examples(
    const std::int32_t* order, const Box* sorted, const float* areas, const std::uint32_t* flags,
    const std::int32_t* match, int count, MiningRule rule, std::int32_t* kept,
    MinedPicture* mined) {
  OCELLI_DYNAMIC_SHARED(std::uint32_t, flagged);
  std::uint32_t* gone = flagged + flag_words(count);
  const long first = static_cast<long>(blockIdx.x) * count;
  for (int w = thread_id(); w < flag_words(count); w += kKeepThreads)
    flagged[w] = gone[w] = flags[static_cast<long>(blockIdx.x) * flag_words(count) + w];
  __syncthreads();
  settle_duplicates(sorted + first, areas + first, count, rule.iou_threshold, flagged, gone);

  // The list ends after `limit` entries. Which are positive decides how many negatives may stay.
  MinedPicture result{0, 0, 0, 0};
  int total_negatives = 0;
  const auto listed_here = [&](int rank, int before, bool stays) {
    return stays && rank < count && before < rule.limit;
  };
  for (int start = 0; start < count; start += kKeepThreads) {
    const int rank = start + thread_id();
    const bool stays = rank < count && (gone[rank / 32] >> (rank % 32) & 1u) == 0;
    const Place place = block_place<kKeepThreads>(stays);
    const bool listed = listed_here(rank, result.listed + place.before, stays);
    const std::int32_t m = listed ? match[first + order[first + rank]] : kIgnored;
    result.positives += block_place<kKeepThreads>(m >= 0).total;
    total_negatives += block_place<kKeepThreads>(m == kNegative).total;
    result.listed += place.total;
  }
  if (result.listed > rule.limit) result.listed = rule.limit;

  long most = total_negatives;
  if (rule.ratio > 0) {
    most = static_cast<long>(rule.ratio * result.positives);
    if (most < rule.min_negatives) most = rule.min_negatives;
  }
  result.negatives = static_cast<std::int32_t>(most < total_negatives ? most : total_negatives);
  int before = 0, negatives = 0;
  for (int start = 0; start < count; start += kKeepThreads) {
    const int rank = start + thread_id();
    const bool stays = rank < count && (gone[rank / 32] >> (rank % 32) & 1u) == 0;
    const Place place = block_place<kKeepThreads>(stays);
    const bool listed = listed_here(rank, before + place.before, stays);
    const std::int32_t a = listed ? order[first + rank] : 0;
    const std::int32_t m = listed ? match[first + a] : kIgnored;
    const Place negative = block_place<kKeepThreads>(m == kNegative);
    const int up_to = negatives + negative.before + (m == kNegative ? 1 : 0);
    const bool keep = listed && (m >= 0 || rule.ratio <= 0 || up_to <= most);
    const Place where = block_place<kKeepThreads>(keep);
    if (keep) kept[first + result.kept + where.before] = a;
    before += place.total;
    negatives += negative.total;
    result.kept += where.total;
  }
  if (thread_id() == 0) mined[blockIdx.x] = result;
}

}  // namespace ocelli::kernel
