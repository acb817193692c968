// anchors: the anchors of an SSD, made where they are used. Formula and order:
// ocelli/box/anchors.hpp. In double, with the host's operations, so to the host's bits.
//
// tiling    one thread = one place of a map, with its 1 to 9 anchors
// bytes     16 * anchors written
// FLOPs     6 * places + 8 * anchors, in double
// bound     latency; once a run
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/box/box.hpp"
#include "ocelli/kernels/floor.cuh"
#include "ocelli/simt/device.hpp"

namespace ocelli::kernel {

inline constexpr int kAnchorThreads = 128;
inline constexpr int kMostAnchorMaps = 12, kMostAnchorShapes = 9;

/// One feature map: its extents and the sizes of its anchors, as parts of the picture.
struct AnchorMap {
  int height, width;
  int first_place, first_anchor;  ///< counted over all maps
  int shapes;
  double shape_height[kMostAnchorShapes], shape_width[kMostAnchorShapes];
};

struct AnchorMaps {
  AnchorMap map[kMostAnchorMaps];
  int count, places;
};

constexpr Floor ssd_anchors_floor(long places, long anchors) {
  return {16 * anchors, 6 * places + 8 * anchors};
}

OCELLI_KERNEL_BOUNDS(kAnchorThreads) ssd_anchors(AnchorMaps maps, Box* anchors) {
  const int at = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (at >= maps.places) return;
  int layer = 0;
  while (layer + 1 < maps.count && at >= maps.map[layer + 1].first_place) ++layer;
  const AnchorMap& map = maps.map[layer];
  const int place = at - map.first_place, y = place / map.width, x = place % map.width;
  const double cy = (y + 0.5) / map.height, cx = (x + 0.5) / map.width;
  Box* out = anchors + map.first_anchor + static_cast<long>(place) * map.shapes;
  for (int b = 0; b < map.shapes; ++b) {
    const double h = map.shape_height[b], w = map.shape_width[b];
    out[b] = {
        static_cast<float>(cy - 0.5 * h), static_cast<float>(cx - 0.5 * w),
        static_cast<float>(cy + 0.5 * h), static_cast<float>(cx + 0.5 * w)};
  }
}

}  // namespace ocelli::kernel
