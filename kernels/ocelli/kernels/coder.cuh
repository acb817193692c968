// coder: box codes of matched anchors, and boxes from codes. Formula: ocelli/box/coder.hpp.
//
// encode_targets   tiling   one thread = one anchor of one picture
//                  bytes    (4 + 16) * batch * anchors + 16 * (anchors + boxes); a picture's boxes
//                  and
//                           the anchors come from the cache after the first time
//                  FLOPs    28 * matched; a logarithm counts as one
// decode_boxes     tiling   one thread = one anchor of one picture
//                  bytes    32 * batch * anchors + 16 * anchors
//                  FLOPs    68 * batch * anchors: the centre 6, codes 2 * 3 + 2 * (3 + 23), corners
//                  4
// bound     memory
// needs     pointers aligned to 16 bytes
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/box/coder.hpp"
#include "ocelli/kernels/floor.cuh"
#include "ocelli/kernels/flops.cuh"
#include "ocelli/kernels/lanes.cuh"
#include "ocelli/kernels/matcher.cuh"

namespace ocelli::kernel {

inline constexpr int kCoderThreads = 256;

constexpr Floor encode_targets_floor(long batch, long anchors, long boxes, long matched) {
  return {20 * batch * anchors + 16 * (anchors + boxes), 28 * matched};
}
constexpr Floor decode_boxes_floor(long batch, long anchors) {
  return {32 * batch * anchors + 16 * anchors, (22 + 2 * kExpFlops) * batch * anchors};
}

template <class T>
OCELLI_DEVICE BoxCode<float> load_code(const T* codes, long anchor) {
  const Lanes<4> c = load<4>(codes + 4 * anchor);
  return {c.v[0], c.v[1], c.v[2], c.v[3]};
}

/// codes [batch, count, 4]: of the ground truth that each anchor is matched to; else 0.
OCELLI_KERNEL_BOUNDS(kCoderThreads)
encode_targets(
    const Box* anchors, int count, GroundTruth truth, const std::int32_t* match,
    BoxCoder<float> coder, float* codes) {
  const int a = static_cast<int>(blockIdx.x) * kCoderThreads + thread_id();
  const int picture = static_cast<int>(blockIdx.y);
  if (a >= count) return;
  const long at = static_cast<long>(picture) * count + a;
  BoxCode<float> code;
  if (const std::int32_t row = match[at]; row >= 0)
    code = coder.encode(
        load_box(truth.boxes + static_cast<long>(picture) * truth.capacity + row),
        load_box(anchors + a));
  simt::store(codes + 4 * at, make_float4(code.y, code.x, code.height, code.width));
}

/// boxes [batch, count] from codes [batch, count, 4].
OCELLI_KERNEL_BOUNDS(kCoderThreads)
decode_boxes(const Box* anchors, int count, const float* codes, BoxCoder<float> coder, Box* boxes) {
  const int a = static_cast<int>(blockIdx.x) * kCoderThreads + thread_id();
  if (a >= count) return;
  const long at = static_cast<long>(blockIdx.y) * count + a;
  store_box(boxes + at, coder.decode(load_code(codes, at), load_box(anchors + a)));
}

}  // namespace ocelli::kernel
