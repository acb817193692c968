// Layout: where each parameter and statistic lies in its slab.
//
// Parameters are ordered by (group, decay, place in the net): each (group, decay) is one contiguous
// segment, so the optimizer runs once per segment with constant rates, and a frozen group is a
// skipped segment. The gradient, optimizer slots and moving averages use the same offsets.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/net/graph.hpp"

namespace ocelli {

/// A run of parameters that share their optimizer settings. Floats, not bytes.
struct Segment {
  int group = 0;
  bool decay = false;
  long offset = 0;
  long size = 0;  ///< padding included; padding stays zero
};

inline constexpr int kMaxSegments = 16;
inline constexpr int kMaxGroups = 8;
inline constexpr long kEntryAlignment = 32;    ///< floats: 128 bytes
inline constexpr long kSegmentAlignment = 64;  ///< floats: 256 bytes

struct LayoutView {
  const long* params = nullptr;  ///< offset of each parameter, floats
  const long* norms = nullptr;   ///< offset of each norm within one per-channel array, floats
  const Segment* segments = nullptr;
  int segment_count = 0;
  long param_floats = 0;  ///< size of a parameter slab
  long norm_floats = 0;   ///< size of one per-channel array over all norms

  // A norm's moving statistics lie in a slab of 2 * norm_floats, what it made of the batch (mean,
  // inverse deviation, scale, shift) in one of 4 * norm_floats.
  constexpr long moving_mean(int norm) const { return norms[norm]; }
  constexpr long moving_variance(int norm) const { return norm_floats + norms[norm]; }
  constexpr long batch_norm(int norm) const { return 4 * norms[norm]; }
};

/// Writes offsets of parameters and norms and the segments; arrays as large as the graph's counts,
/// kMaxSegments segments.
constexpr LayoutView lay_out(const GraphView& graph, long* params, long* norms, Segment* segments) {
  LayoutView layout;
  long at = 0;
  for (int group = 0; group < kMaxGroups; ++group)
    for (int decay = 1; decay >= 0; --decay) {
      const long start = at;
      for (int i = 0; i < graph.param_count; ++i) {
        const ParamDesc& param = graph.params[i];
        if (param.group != group || param.decay != (decay == 1)) continue;
        params[i] = at;
        at = round_up(at + param.size(), kEntryAlignment);
      }
      at = round_up(at, kSegmentAlignment);
      if (at > start) segments[layout.segment_count++] = {group, decay == 1, start, at - start};
    }
  long channel = 0;
  for (int i = 0; i < graph.norm_count; ++i) {
    norms[i] = channel;
    channel = round_up(channel + graph.norms[i].channels, 16);
  }
  layout.params = params;
  layout.norms = norms;
  layout.segments = segments;
  layout.param_floats = at;
  layout.norm_floats = channel;
  return layout;
}

}  // namespace ocelli
