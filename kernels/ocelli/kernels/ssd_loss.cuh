// ssd_loss: losses of all anchors, their sums over those that count, and gradients. Formula:
// ocelli/loss/ssd_loss.hpp; matching is matcher.cuh's, mining hard_example_miner.cuh's.
//
// Codes, logits and their gradients are of T bytes a value; all losses are float.
//
//   1. ssd_anchor_losses   each anchor's class and box loss, and its decoded box
//   2. ssd_picture_sums    a block sums a picture's anchors that count
//   3. ssd_loss_totals     one block: the batch's losses, and the factors of the gradients
//   4. ssd_loss_gradients  all gradients, 0 for what does not count
//
// ssd_anchor_losses    tiling   one block = `rows` anchors, so that rows * columns is about 4096;
//                               logits once, in order; a row's sum is 8 threads'
//                      bytes    batch * anchors * (T * (columns + 4) + 4 + 8 + 16) + 16 * anchors
//                      FLOPs    batch * anchors * (41 * columns + 68) + 28 * matched, focal 108 for
//                      41 bound    91 columns: 10 FLOP/byte, so memory and arithmetic alike
// ssd_picture_sums     tiling   one block = one picture
//                      bytes    batch * anchors + 4 * kept + 12 * kept
//                      FLOPs    2 * kept, in double          bound    latency
// ssd_loss_totals      bytes    sizeof(PictureSums) * batch   FLOPs    5 * batch   bound latency
// ssd_loss_gradients   tiling   one block = `rows` anchors
//                      bytes    batch * anchors * (T * (columns + 4) + 1)
//                               + kept * T * (columns + 4)
//                      FLOPs    kept * 26 * columns           bound    memory
// needs     codes, boxes aligned to 16 bytes, codes of bfloat16 to 8; labels in 1..columns - 1
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ocelli/kernels/coder.cuh"
#include "ocelli/kernels/flops.cuh"
#include "ocelli/kernels/hard_example_miner.cuh"
#include "ocelli/kernels/is_finite.cuh"
#include "ocelli/kernels/matcher.cuh"
#include "ocelli/kernels/reduce.cuh"
#include "ocelli/loss/sigmoid_cross_entropy.hpp"
#include "ocelli/loss/sigmoid_focal.hpp"
#include "ocelli/loss/smooth_l1.hpp"

namespace ocelli::kernel {

inline constexpr int kLossThreads = 256;

struct SsdLossRule {
  BoxCoder<float> coder;
  float delta, negative_class_weight;
  double localization_weight, classification_weight;
  bool by_matches, by_code_size;
};

/// Extents of a batch.
struct SsdExtent {
  int anchors, columns;  ///< of a picture; C + 1
  int rows;              ///< anchors of a block
};

/// Anchors of a block: a thread each at most.
constexpr int loss_rows(int columns) {
  const int rows = 4096 / columns;
  return rows < 1 ? 1 : rows > kLossThreads ? kLossThreads : rows;
}

/// What a block of ssd_anchor_losses found besides.
struct LossPart {
  double matches;                     ///< sum of the weights of matched anchors
  std::int32_t bad_class, bad_codes;  ///< not 0: not finite
};

struct PictureSums {
  double box, classes, matches;
  std::int32_t positives, negatives;
};

/// What a step's loss is; stays on the device. The first five as in ocelli::SsdLossResult.
struct SsdLossTotals {
  double localization, classification, matches;
  long long positives, negatives;
  float box_scale, class_scale;  ///< factors of the gradients
  std::int32_t not_finite;       ///< not 0: the loss is infinite or NaN
};

template <class T = float>
constexpr Floor ssd_anchor_losses_floor(
    long batch, long anchors, long columns, long matched, bool focal) {
  const long of_logit = focal ? 2 * kSoftplusFlops + kExpFlops + 4 + 1 : kSoftplusFlops + 1;
  return {
      batch * anchors * (kBytes<T> * (columns + 4) + 4 + 8 + 16) + 16 * anchors,
      batch * anchors * (of_logit * columns + 22 + 2 * kExpFlops) + 28 * matched};
}
constexpr Floor ssd_picture_sums_floor(long batch, long anchors, long kept) {
  return {batch * anchors + (4 + 12) * kept, 2 * kept};
}
constexpr Floor ssd_loss_totals_floor(long batch) {
  return {static_cast<long>(sizeof(PictureSums)) * batch, 5 * batch};
}
template <class T = float>
constexpr Floor ssd_loss_gradients_floor(long batch, long anchors, long columns, long kept) {
  return {
      batch * anchors * (kBytes<T> * (columns + 4) + 1) + kept * kBytes<T> * (columns + 4),
      kept * (kSigmoidFlops + 1) * columns};
}

/// Of a matched anchor, an unmatched one, one to be ignored.
OCELLI_DEVICE float class_weight_of(
    const GroundTruth& truth, int picture, std::int32_t match, const SsdLossRule& rule) {
  if (match >= 0) return truth.weight(picture, match);
  return match == kNegative ? rule.negative_class_weight : 0.0f;
}
OCELLI_DEVICE int target_of(const GroundTruth& truth, int picture, std::int32_t match) {
  return match >= 0 ? truth.labels[static_cast<long>(picture) * truth.capacity + match] : 0;
}
OCELLI_DEVICE BoxCode<float> code_error(
    const GroundTruth& truth, int picture, std::int32_t row, const Box& anchor,
    const BoxCode<float>& code, const BoxCoder<float>& coder) {
  const BoxCode<float> target = coder.encode(
      load_box(truth.boxes + static_cast<long>(picture) * truth.capacity + row), anchor);
  return {
      code.y - target.y, code.x - target.x, code.height - target.height, code.width - target.width};
}

/// sums[r] = sum over the columns of losses [rows, columns], in the order of ocelli's row_sum: in
/// eight lanes from 16 columns on. Both in shared memory, seen by all before and after.
OCELLI_DEVICE void sum_rows(const float* losses, int rows, int columns, float* sums) {
  __syncthreads();
  if (columns < 16) {
    if (thread_id() < rows) {
      float sum = 0;
      for (int c = 0; c < columns; ++c) sum += losses[thread_id() * columns + c];
      sums[thread_id()] = sum;
    }
  } else {
    const int lane = thread_id() % 8, whole = columns / 8 * 8;
    for (int start = 0; start < rows; start += kLossThreads / 8) {
      const int r = start + thread_id() / 8;
      float part = 0;
      if (r < rows)
        for (int c = lane; c < whole; c += 8) part += losses[r * columns + c];
      float sum = 0;
      for (int k = 0; k < 8; ++k) sum += __shfl_sync(kWholeWarp, part, k, 8);
      if (r < rows && lane == 0) {
        for (int c = whole; c < columns; ++c) sum += losses[r * columns + c];
        sums[r] = sum;
      }
    }
  }
  __syncthreads();
}

/// Grid (anchors / rows, batch). Dynamic shared memory: 4 * rows * columns bytes.
/// @param codes         [batch, anchors, 4]   @param logits  [batch, anchors, columns]
/// @param class_losses  [batch, anchors], weighted   @param box_losses  the same
/// @param boxes         [batch, anchors]: decoded, or null
/// @param parts         [batch, blocks of a picture]
template <class T, class Loss>
OCELLI_KERNEL_BOUNDS(kLossThreads)
ssd_anchor_losses(
    const Box* anchors, SsdExtent extent, GroundTruth truth, const std::int32_t* match,
    SsdLossRule rule, Loss loss, const T* codes, const T* logits, float* class_losses,
    float* box_losses, Box* boxes, LossPart* parts) {
  OCELLI_DYNAMIC_SHARED(float, losses);
  OCELLI_SHARED(float, sums, [kLossThreads]);
  OCELLI_SHARED(int, targets, [kLossThreads]);
  const int picture = static_cast<int>(blockIdx.y);
  const int start = static_cast<int>(blockIdx.x) * extent.rows;
  const int rows = extent.anchors - start < extent.rows ? extent.anchors - start : extent.rows;
  const long first = static_cast<long>(picture) * extent.anchors + start;
  const int t = thread_id();
  const std::int32_t row = t < rows ? match[first + t] : kIgnored;
  if (t < rows) targets[t] = target_of(truth, picture, row);
  __syncthreads();
  const T* z = logits + first * extent.columns;
  for (int i = t; i < rows * extent.columns; i += kLossThreads) {
    const int r = i / extent.columns;
    const auto x = static_cast<float>(z[i]);
    losses[i] = i - r * extent.columns == targets[r] ? loss.positive(x) : loss.negative(x);
  }
  sum_rows(losses, rows, extent.columns, sums);

  double matches = 0;
  bool bad_class = false, bad_codes = false;
  if (t < rows) {
    const long at = first + t;
    const Box anchor = load_box(anchors + start + t);
    const BoxCode<float> code = load_code(codes, at);
    if (boxes != nullptr) store_box(boxes + at, rule.coder.decode(code, anchor));
    // Before the weights: 0 would hide an infinity.
    bad_class = !is_finite(sums[t]);
    bad_codes = !is_finite(fabsf(code.y) + fabsf(code.x) + fabsf(code.height) + fabsf(code.width));
    class_losses[at] = sums[t] * class_weight_of(truth, picture, row, rule);
    float box_loss = 0;
    if (row >= 0) {
      const float weight = truth.weight(picture, row);
      const BoxCode<float> d = code_error(truth, picture, row, anchor, code, rule.coder);
      box_loss = weight * (smooth_l1(d.y, rule.delta) + smooth_l1(d.x, rule.delta) +
                           smooth_l1(d.height, rule.delta) + smooth_l1(d.width, rule.delta));
      matches = static_cast<double>(weight);
    }
    box_losses[at] = box_loss;
  }
  matches = block_sum<kLossThreads>(matches);
  const int any_class = __syncthreads_or(bad_class), any_codes = __syncthreads_or(bad_codes);
  if (t == 0)
    parts[static_cast<long>(picture) * gridDim.x + blockIdx.x] = {matches, any_class, any_codes};
}

/// Sums over the anchors that count. Grid (batch).
/// @param parts  [batch, part_count]
/// @param kept   [batch, anchors] and mined [batch], of keep_hard_examples; null: all count
/// @param role   [batch, anchors]: 1 for anchors that count, else 0
OCELLI_KERNEL_BOUNDS(kLossThreads)
ssd_picture_sums(
    int anchors, const LossPart* parts, int part_count, const std::int32_t* match,
    const float* class_losses, const float* box_losses, const std::int32_t* kept,
    const MinedPicture* mined, std::uint8_t* role, PictureSums* sums) {
  const int picture = static_cast<int>(blockIdx.x), t = thread_id();
  const long first = static_cast<long>(picture) * anchors;
  const int count = kept != nullptr ? mined[picture].kept : anchors;
  const std::uint8_t others = kept != nullptr ? 0 : 1;
  for (int a = t; a < anchors; a += kLossThreads) role[first + a] = others;
  __syncthreads();
  PictureSums mine{0, 0, 0, 0, 0};
  for (int k = t; k < count; k += kLossThreads) {
    const long at = first + (kept != nullptr ? kept[first + k] : k);
    if (kept != nullptr) role[at] = 1;
    mine.box += static_cast<double>(box_losses[at]);
    mine.classes += static_cast<double>(class_losses[at]);
    mine.positives += match[at] >= 0;
    mine.negatives += match[at] == kNegative;
  }
  bool bad_class = false, bad_codes = false;
  for (int i = t; i < part_count; i += kLossThreads) {
    const LossPart part = parts[static_cast<long>(picture) * part_count + i];
    mine.matches += part.matches;
    bad_class = bad_class || part.bad_class != 0;
    bad_codes = bad_codes || part.bad_codes != 0;
  }
  mine.box = block_sum<kLossThreads>(mine.box);
  mine.classes = block_sum<kLossThreads>(mine.classes);
  mine.matches = block_sum<kLossThreads>(mine.matches);
  mine.positives = block_sum<kLossThreads>(mine.positives);
  mine.negatives = block_sum<kLossThreads>(mine.negatives);
  // Anchors that do not count cannot hide a net that has blown up.
  const double nan = static_cast<double>(__int_as_float(0x7FC00000));
  if (__syncthreads_or(bad_class) != 0) mine.classes = nan;
  if (__syncthreads_or(bad_codes) != 0) mine.box = nan;
  if (t == 0) sums[picture] = mine;
}

/// One block.
OCELLI_KERNEL_BOUNDS(kLossThreads)
ssd_loss_totals(const PictureSums* sums, int batch, SsdLossRule rule, SsdLossTotals* totals) {
  double box = 0, classes = 0, matches = 0;
  long long positives = 0, negatives = 0;
  for (int n = thread_id(); n < batch; n += kLossThreads) {
    const PictureSums p = sums[n];
    box += p.box;
    classes += p.classes;
    matches += p.matches;
    positives += p.positives;
    negatives += p.negatives;
  }
  box = block_sum<kLossThreads>(box);
  classes = block_sum<kLossThreads>(classes);
  matches = block_sum<kLossThreads>(matches);
  positives = block_sum<kLossThreads>(positives);
  negatives = block_sum<kLossThreads>(negatives);
  if (thread_id() != 0) return;
  const double count = rule.by_matches ? (matches > 1 ? matches : 1.0) : 1.0;
  const double box_scale = rule.localization_weight / (rule.by_code_size ? 4 * count : count);
  const double class_scale = rule.classification_weight / count;
  const double localization = box * box_scale, classification = classes * class_scale;
  const double loss = localization + classification;
  *totals = {
      localization,
      classification,
      matches,
      positives,
      negatives,
      static_cast<float>(box_scale),
      static_cast<float>(class_scale),
      loss - loss != 0};
}

/// Grid (anchors / rows, batch).
/// @param d_codes   [batch, anchors, 4], overwritten
/// @param d_logits  [batch, anchors, columns], overwritten
template <class T, class Loss>
OCELLI_KERNEL_BOUNDS(kLossThreads)
ssd_loss_gradients(
    const Box* anchors, SsdExtent extent, GroundTruth truth, const std::int32_t* match,
    SsdLossRule rule, Loss loss, const T* codes, const T* logits, const std::uint8_t* role,
    const SsdLossTotals* totals, T* d_codes, T* d_logits) {
  OCELLI_SHARED(float, scales, [kLossThreads]);
  OCELLI_SHARED(int, targets, [kLossThreads]);
  const int picture = static_cast<int>(blockIdx.y);
  const int start = static_cast<int>(blockIdx.x) * extent.rows;
  const int rows = extent.anchors - start < extent.rows ? extent.anchors - start : extent.rows;
  const long first = static_cast<long>(picture) * extent.anchors + start;
  const int t = thread_id();
  if (t < rows) {
    const long at = first + t;
    const std::int32_t row = match[at];
    const bool counts = role[at] != 0;
    const float weight = class_weight_of(truth, picture, row, rule);
    scales[t] = counts && weight > 0 ? totals->class_scale * weight : 0.0f;
    targets[t] = target_of(truth, picture, row);
    Lanes<4> d = lanes_of<4>(0);
    if (counts && row >= 0) {
      const float scale = totals->box_scale * truth.weight(picture, row);
      const BoxCode<float> e = code_error(
          truth, picture, row, load_box(anchors + start + t), load_code(codes, at), rule.coder);
      d = {
          {scale * smooth_l1_slope(e.y, rule.delta), scale * smooth_l1_slope(e.x, rule.delta),
           scale * smooth_l1_slope(e.height, rule.delta),
           scale * smooth_l1_slope(e.width, rule.delta)}};
    }
    store(d_codes + 4 * at, d);
  }
  __syncthreads();
  const T* z = logits + first * extent.columns;
  T* d = d_logits + first * extent.columns;
  for (int i = t; i < rows * extent.columns; i += kLossThreads) {
    const int r = i / extent.columns;
    const float scale = scales[r];
    float slope = 0;
    if (scale != 0) {
      const auto x = static_cast<float>(z[i]);
      slope = scale * (i - r * extent.columns == targets[r] ? loss.positive_slope(x)
                                                            : loss.negative_slope(x));
    }
    d[i] = static_cast<T>(slope);
  }
}

}  // namespace ocelli::kernel
