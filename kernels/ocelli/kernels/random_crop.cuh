// random_crop: draws the plans of a batch on the device, word for word as the loader draws them:
// the picture from the epoch's permutation, then from (seed, augment, step, place) whether each
// step happens and how. Rules: ocelli/data/loader.hpp, augment.hpp, random_crop.hpp,
// photometric.hpp.
//
// draw_plans   tiling   one block = one warp = one place of the batch; the lanes share the objects
//              bytes    (sizeof(AugmentPlan) + sizeof(StoredPicture)) * batch + 16 * objects
//              FLOPs    none that count: up to 100 tries of a crop, each a comparison with all
//              objects bound    latency
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ocelli/core/random.hpp"
#include "ocelli/kernels/augment_plan.cuh"
#include "ocelli/kernels/floor.cuh"
#include "ocelli/kernels/reduce.cuh"

namespace ocelli::kernel {

/// A step that may happen: it is in the list, and then with probability p.
struct Chance {
  std::int32_t listed;
  float p;
};

/// What a batch's draws depend on beside the step; each member as in the transform of that name.
struct AugmentRule {
  Chance expand;
  float max_ratio, fill;  ///< fill below 0: the picture's mean colour
  Chance flip_x, flip_y;
  Chance crop;
  float keep, min_area, max_area, min_aspect, max_aspect;
  Chance resize;  ///< always done; listed where its draw is
  Chance brightness;
  float max_shift;
  Chance contrast;
  float min_contrast, max_contrast;
  Chance hue;
  float max_turn;
  Chance saturation;
  float min_saturation, max_saturation;
};

/// Which batch: in device memory, so that a captured step can go on counting.
struct AugmentStep {
  std::uint64_t seed;
  std::int64_t step;
};

constexpr Floor draw_plans_floor(long batch, long objects) {
  return {static_cast<long>(sizeof(AugmentPlan) + sizeof(StoredPicture)) * batch + 16 * objects, 0};
}

OCELLI_DEVICE bool happens(Random& random, const Chance& chance) {
  return chance.listed != 0 && random.uniform() < chance.p;
}
/// As Random::uniform(low, high), never fused.
OCELLI_DEVICE float uniform_between(Random& random, float low, float high) {
  return __fadd_rn(low, __fmul_rn(__fsub_rn(high, low), random.uniform()));
}

/// A rectangle of whole pixels; empty where an attempt failed.
struct Rectangle {
  int top, left, height, width;
};

OCELLI_DEVICE Rectangle
draw_rectangle(int height, int width, const AugmentRule& rule, Random& random) {
  const float aspect = __fadd_rn(
      rule.min_aspect, __fmul_rn(random.uniform(), __fsub_rn(rule.max_aspect, rule.min_aspect)));
  const float whole = __fmul_rn(static_cast<float>(height), static_cast<float>(width));
  const float min_area = __fmul_rn(rule.min_area, whole);
  const float max_area = __fmul_rn(rule.max_area, whole);
  const auto width_of = [&](int h) {
    return __float2int_rn(__fmul_rn(static_cast<float>(h), aspect));
  };
  int h = __float2int_rn(__fsqrt_rn(__fdiv_rn(min_area, aspect)));
  int max_h = __float2int_rn(__fsqrt_rn(__fdiv_rn(max_area, aspect)));
  if (width_of(max_h) > width) {
    constexpr float kBelowHalf = 0.5f - 1e-7f;
    max_h = static_cast<int>(__fdiv_rn(__fadd_rn(static_cast<float>(width), kBelowHalf), aspect));
  }
  if (max_h > height) max_h = height;
  if (h > max_h) h = max_h;
  if (h < max_h) h += static_cast<int>(random.below(static_cast<std::uint32_t>(max_h - h + 1)));
  int w = width_of(h);
  const auto area = [&] { return __fmul_rn(static_cast<float>(w), static_cast<float>(h)); };
  if (area() < min_area) w = width_of(++h);
  if (area() > max_area) w = width_of(--h);
  if (area() < min_area || area() > max_area || w > width || h > height || w <= 0 || h <= 0)
    return {0, 0, 0, 0};
  Rectangle crop{0, 0, h, w};
  if (h < height) crop.top = static_cast<int>(random.below(static_cast<std::uint32_t>(height - h)));
  if (w < width) crop.left = static_cast<int>(random.below(static_cast<std::uint32_t>(width - w)));
  return crop;
}

OCELLI_DEVICE int clamped_int(int v, int high) { return v < 0 ? 0 : v > high ? high : v; }

/// Whether the wanted share of a box, cut to whole pixels, is inside the crop.
OCELLI_DEVICE bool covers(
    const Rectangle& crop, const PixelBox& box, int height, int width, float share) {
  const int top = clamped_int(static_cast<int>(box.ymin), height);
  const int left = clamped_int(static_cast<int>(box.xmin), width);
  const int bottom = clamped_int(static_cast<int>(box.ymax), height);
  const int right = clamped_int(static_cast<int>(box.xmax), width);
  if (bottom <= top || right <= left) return false;
  const float area = __fmul_rn(static_cast<float>(bottom - top), static_cast<float>(right - left));
  const int y = min(bottom, crop.top + crop.height) - max(top, crop.top);
  const int x = min(right, crop.left + crop.width) - max(left, crop.left);
  const float common =
      y > 0 && x > 0 ? __fmul_rn(static_cast<float>(y), static_cast<float>(x)) : 0.0f;
  return __fdiv_rn(common, area) >= share;
}

/// Puts a random crop into the plan; all lanes of a warp call it with the same numbers. The whole
/// canvas when every attempt fails.
OCELLI_DEVICE void draw_crop(
    const PictureStore& store, const StoredPicture& from, const AugmentRule& rule, Random& random,
    AugmentPlan& plan) {
  constexpr float kOverlaps[7] = {0.0f, 0.1f, 0.3f, 0.5f, 0.7f, 0.9f, 1.0f};
  constexpr int kAttempts = 100;
  const float overlap = kOverlaps[random.below(7)];
  if (random.uniform() < rule.keep) return;
  plan.cropped = 1;
  plan.min_overlap = overlap;
  const int height = plan.canvas_height, width = plan.canvas_width;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const Rectangle crop = draw_rectangle(height, width, rule, random);
    if (crop.height == 0) continue;
    bool enough = false;
    for (int k = lane_id(); k < from.objects && !enough; k += 32)
      enough =
          covers(crop, on_canvas(store.boxes[from.first_object + k], plan), height, width, overlap);
    if (from.objects == 0)  // the picture itself is one
      enough = covers(
          crop, {0, 0, static_cast<float>(height), static_cast<float>(width)}, height, width,
          overlap);
    if (__any_sync(kWholeWarp, enough) == 0) continue;
    plan.top = crop.top;
    plan.left = crop.left;
    plan.height = crop.height;
    plan.width = crop.width;
    return;
  }
}

/// plans [batch]. Grid (batch), blocks of one warp.
OCELLI_KERNEL_BOUNDS(32)
draw_plans(PictureStore store, AugmentRule rule, const AugmentStep* which, AugmentPlan* plans) {
  const int i = static_cast<int>(blockIdx.x);
  const auto n = static_cast<std::uint64_t>(store.count);
  const std::uint64_t g =
      static_cast<std::uint64_t>(which->step) * gridDim.x + static_cast<std::uint64_t>(i);
  const Permutation order(
      which->seed, static_cast<std::uint32_t>(g / n), static_cast<std::uint32_t>(n));
  const int picture = static_cast<int>(order(static_cast<std::uint32_t>(g % n)));
  const StoredPicture from = store.pictures[picture];
  AugmentPlan plan = plain_plan(picture, from);
  Random random(
      which->seed, Stream::augment, static_cast<std::uint32_t>(which->step),
      static_cast<std::uint32_t>(i));
  if (happens(random, rule.expand)) {
    const float ratio = uniform_between(random, 1.0f, rule.max_ratio);
    plan.canvas_height = static_cast<int>(__fmul_rn(static_cast<float>(from.height), ratio));
    plan.canvas_width = static_cast<int>(__fmul_rn(static_cast<float>(from.width), ratio));
    plan.canvas_top = static_cast<int>(
        random.below(static_cast<std::uint32_t>(plan.canvas_height - from.height + 1)));
    plan.canvas_left = static_cast<int>(
        random.below(static_cast<std::uint32_t>(plan.canvas_width - from.width + 1)));
    for (int c = 0; c < 3; ++c) plan.fill[c] = rule.fill < 0 ? from.mean[c] : rule.fill;
    plan.height = plan.canvas_height;
    plan.width = plan.canvas_width;
  }
  plan.flip_x = happens(random, rule.flip_x);
  plan.flip_y = happens(random, rule.flip_y);
  if (happens(random, rule.crop)) draw_crop(store, from, rule, random, plan);
  happens(random, rule.resize);
  if (happens(random, rule.brightness)) {
    plan.colours |= kBrightness;
    plan.shift = __fmul_rn(255.0f, uniform_between(random, -rule.max_shift, rule.max_shift));
  }
  if (happens(random, rule.contrast)) {
    plan.colours |= kContrast;
    plan.contrast = uniform_between(random, rule.min_contrast, rule.max_contrast);
  }
  if (happens(random, rule.hue)) {
    plan.colours |= kHue;
    plan.turn = __fmul_rn(6.0f, uniform_between(random, -rule.max_turn, rule.max_turn));
  }
  if (happens(random, rule.saturation)) {
    plan.colours |= kSaturation;
    plan.saturation = uniform_between(random, rule.min_saturation, rule.max_saturation);
  }
  if (lane_id() == 0) plans[i] = plan;
}

}  // namespace ocelli::kernel
