// ssd_postprocess: from box codes and class logits to boxes and scores, class by class, as
// multiclass_nms wants them. Rule: ocelli/box/ssd_postprocess.hpp; boxes are coder.cuh's.
//
// ssd_scores   tiling   one block = 32 anchors x 32 classes of one picture, turned in shared memory
//              bytes    4 * batch * anchors * (2 * classes)
//              FLOPs    25 * batch * anchors * classes
//              bound    3 FLOP/byte: memory
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/core/fast_math.hpp"
#include "ocelli/kernels/floor.cuh"
#include "ocelli/kernels/flops.cuh"
#include "ocelli/simt/device.hpp"

namespace ocelli::kernel {

inline constexpr int kScoreTile = 32, kScoreRows = 8;  ///< threads: 32 x 8

constexpr Floor ssd_scores_floor(long batch, long anchors, long classes) {
  return {8 * batch * anchors * classes, kSigmoidFlops * batch * anchors * classes};
}

/// scores [batch, classes, anchors] = sigmoid of logits [batch, anchors, classes + 1], column 0
/// left out. Grid (anchors / 32, classes / 32, batch).
OCELLI_KERNEL_BOUNDS(kScoreTile* kScoreRows)
ssd_scores(const float* logits, int anchors, int classes, float* scores) {
  OCELLI_SHARED(float, tile, [kScoreTile][kScoreTile + 1]);
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  const int a0 = static_cast<int>(blockIdx.x) * kScoreTile;
  const int c0 = static_cast<int>(blockIdx.y) * kScoreTile;
  const long picture = static_cast<long>(blockIdx.z);
  for (int r = y; r < kScoreTile; r += kScoreRows)
    if (a0 + r < anchors && c0 + x < classes)
      tile[r][x] = sigmoid(logits[(picture * anchors + a0 + r) * (classes + 1) + 1 + c0 + x]);
  __syncthreads();
  for (int r = y; r < kScoreTile; r += kScoreRows)
    if (a0 + x < anchors && c0 + r < classes)
      scores[(picture * classes + c0 + r) * anchors + a0 + x] = tile[x][r];
}

}  // namespace ocelli::kernel
