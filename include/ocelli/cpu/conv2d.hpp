// conv2d, forward. Formula and shapes: ocelli/op/conv2d.hpp.
//
//   y[p, k] = f( b[k] + sum over d of  window[p, d] * w[d, k] ),   d = (u, v, c)
//
// One matrix product over the pixels of the batch, in blocks that fit into the L2 cache; a block's
// windows are gathered (and a deferred batch norm applied) right before they are used.
//
// bound   thin channels: memory, x and y moved once. Fat ones: the multiply-adds.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "ocelli/core/thread_pool.hpp"
#include "ocelli/cpu/gemm.hpp"
#include "ocelli/cpu/im2col.hpp"
#include "ocelli/cpu/scratch.hpp"
#include "ocelli/op/call.hpp"
#include "ocelli/op/conv2d.hpp"

namespace ocelli::cpu {

/// How a product over `pixels` rows is cut into tasks: by its geometry alone.
struct Blocking {
  long pixels = 0;
  long rows = 0;    ///< of a block
  long blocks = 0;  ///< over the pixels
  int panels = 0;   ///< of a task
  int groups = 0;   ///< of panels

  /// @param row_floats  what one row brings into the cache
  Blocking(long pixel_count, long row_floats, int columns) : pixels(pixel_count) {
    constexpr long kCacheFloats = 48 * 1024, kTasks = 16;
    rows = std::min(kCacheFloats / std::max(row_floats, 1L), pixels / kTasks);
    rows = std::clamp(rows / kTileRows * kTileRows, long(2 * kTileRows), long(40 * kTileRows));
    blocks = (pixels + rows - 1) / rows;
    const int all = panel_count(columns);
    groups = static_cast<int>(std::clamp(kTasks / 2 / std::max(blocks, 1L), 1L, long(all)));
    panels = (all + groups - 1) / groups;
    groups = (all + panels - 1) / panels;
  }
  long tasks() const { return blocks * groups; }
  long first(long block) const { return block * rows; }
  long count(long block) const { return std::min(rows, pixels - block * rows); }
};

inline Conv2dGeometry geometry_of(const OpCall<float>& call) {
  return conv2d_geometry(*call.op, call.in_shape[0], call.out_shape);
}

/// Places in the shared scratch.
struct Conv2dForwardPlan {
  Conv2dGeometry g;
  long depth;  ///< taps * C
  Blocking blocking;
  long bias;  ///< after the packed weights, padded to whole panels

  explicit Conv2dForwardPlan(const OpCall<float>& call)
      : g(geometry_of(call)),
        depth(g.taps() * g.channels),
        blocking(call.batch * g.out_pixels(), depth + g.out_channels, g.out_channels),
        bias(packed_size(depth, g.out_channels)) {}
  ScratchNeed need() const {
    return {
        bias + panel_count(g.out_channels) * kTileColumns, blocking.rows * depth,
        moments_size(g.out_channels) * blocking.blocks};
  }
};

inline ScratchNeed conv2d_forward_scratch(const OpCall<float>& call) {
  return Conv2dForwardPlan(call).need();
}

inline void conv2d_forward(ThreadPool& pool, Scratch& scratch, const OpCall<float>& call) {
  const Conv2dForwardPlan plan(call);
  const Conv2dGeometry& g = plan.g;
  const Blocking& cut = plan.blocking;
  const int K = g.out_channels;
  float* packed = scratch.shared();
  pack(pool, call.weight, plan.depth, K, packed);
  float* bias = nullptr;
  if (call.bias) {
    bias = packed + plan.bias;
    std::copy_n(call.bias, K, bias);
    std::fill(bias + K, bias + panel_count(K) * kTileColumns, 0.0f);
  }
  const bool in_place = reads_in_place(g, call.in[0]);
  const bool clamps = is_clamp(call.epilogue);
  const bool moments = leaves_moments(call) && cut.groups == 1;

  pool.for_each(cut.tasks(), [&](long task, int thread) {
    const long block = task / cut.groups, first = cut.first(block), rows = cut.count(block);
    const int panel = static_cast<int>(task % cut.groups) * cut.panels;
    const int last = std::min(panel + cut.panels, panel_count(K));
    const float* windows = call.in[0].data + first * plan.depth;
    if (!in_place) {
      float* to = scratch.local(thread);
      gather_windows(g, call.in[0], first, rows, to);
      windows = to;
    }
    TileEnd end;
    end.c = call.out + first * K;
    end.c_row = K;
    end.bias = bias;
    if (clamps) end.low = clamp_low(call.epilogue), end.high = clamp_high(call.epilogue);
    gemm_block(rows, plan.depth, windows, packed, K, panel, last, end);
    if (moments) run_moments(end.c, rows, K, scratch.carried() + block * moments_size(K));
    if (clamps) return;
    const int from = panel * kTileColumns, to = std::min(last * kTileColumns, K);
    for (long r = 0; r < rows; ++r)
      for (int k = from; k < to; ++k) end.c[r * K + k] = activate(call.epilogue, end.c[r * K + k]);
  });
  if (moments) scratch.carry = moments_carry(call, {1, cut.pixels, cut.rows});
}

}  // namespace ocelli::cpu
