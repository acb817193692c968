// geometry: the boxes follow their pictures: onto the canvas, mirrored, cropped, cut, normalised,
// in order and padded with zeros. Rules: ocelli/data/sample.hpp and loader.hpp.
//
// move_boxes   tiling   one block = one warp = one place of the batch, 32 objects at a time
//              bytes    (sizeof(AugmentPlan) + 40) * batch + 20 * objects + 20 * batch * capacity
//              FLOPs    24 * objects
//              bound    latency
// needs     boxes aligned to 16 bytes
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ocelli/kernels/augment_plan.cuh"
#include "ocelli/kernels/floor.cuh"
#include "ocelli/kernels/iou.cuh"
#include "ocelli/kernels/reduce.cuh"

namespace ocelli::kernel {

constexpr Floor move_boxes_floor(long batch, long capacity, long objects) {
  return {
      static_cast<long>(sizeof(AugmentPlan) + sizeof(StoredPicture)) * batch + 20 * objects +
          20 * batch * capacity + 4 * batch,
      24 * objects};
}

/// The box in the crop; `inside` tells whether it stays.
OCELLI_DEVICE PixelBox in_crop(const PixelBox& box, const AugmentPlan& plan, bool& inside) {
  const PixelBox whole = on_canvas(box, plan);
  const float dy = static_cast<float>(plan.top), dx = static_cast<float>(plan.left);
  const PixelBox moved{
      __fsub_rn(whole.ymin, dy), __fsub_rn(whole.xmin, dx), __fsub_rn(whole.ymax, dy),
      __fsub_rn(whole.xmax, dx)};
  inside = true;
  if (plan.cropped == 0) return moved;
  const float h = static_cast<float>(plan.height), w = static_cast<float>(plan.width);
  const PixelBox cut{
      moved.ymin < 0 ? 0.0f : moved.ymin, moved.xmin < 0 ? 0.0f : moved.xmin,
      moved.ymax > h ? h : moved.ymax, moved.xmax > w ? w : moved.xmax};
  const auto area = [](const PixelBox& b) {
    return __fmul_rn(__fsub_rn(b.ymax, b.ymin), __fsub_rn(b.xmax, b.xmin));
  };
  inside = cut.ymin < cut.ymax && cut.xmin < cut.xmax &&
           __fdiv_rn(area(cut), area(moved)) >= plan.min_overlap;
  return cut;
}

/// Grid (batch), blocks of one warp.
/// @param boxes   [batch, capacity], normalised   @param labels  [batch, capacity], 0 is padding
/// @param counts  [batch]
OCELLI_KERNEL_BOUNDS(32)
move_boxes(
    PictureStore store, const AugmentPlan* plans, int capacity, Box* boxes, std::int32_t* labels,
    std::int32_t* counts) {
  const AugmentPlan plan = plans[blockIdx.x];
  const StoredPicture from = store.pictures[plan.picture];
  const long first = static_cast<long>(blockIdx.x) * capacity;
  const float h = static_cast<float>(plan.height), w = static_cast<float>(plan.width);
  int count = 0;
  for (int start = 0; start < from.objects && count < capacity; start += 32) {
    const int k = start + lane_id();
    bool stays = false;
    PixelBox box;
    if (k < from.objects) box = in_crop(store.boxes[from.first_object + k], plan, stays);
    const unsigned votes = __ballot_sync(kWholeWarp, stays);
    const int at = count + __popc(votes & ((1u << lane_id()) - 1u));
    if (stays && at < capacity) {
      store_box(
          boxes + first + at, {__fdiv_rn(box.ymin, h), __fdiv_rn(box.xmin, w),
                               __fdiv_rn(box.ymax, h), __fdiv_rn(box.xmax, w)});
      labels[first + at] = store.labels[from.first_object + k];
    }
    count += __popc(votes);
  }
  if (count > capacity) count = capacity;
  for (int k = count + lane_id(); k < capacity; k += 32) {
    store_box(boxes + first + k, Box{});
    labels[first + k] = 0;
  }
  if (lane_id() == 0) counts[blockIdx.x] = count;
}

}  // namespace ocelli::kernel
