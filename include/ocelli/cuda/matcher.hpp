// matcher on the device: two launches. Kernels: ocelli/kernels/matcher.cuh.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "ocelli/box/matcher.hpp"
#include "ocelli/kernels/matcher.cuh"

namespace ocelli::cuda {

/// Bytes of work space of match_anchors().
inline std::size_t match_workspace(int batch, int capacity) {
  return static_cast<std::size_t>(batch) * static_cast<std::size_t>(capacity) *
         sizeof(std::int32_t);
}

/// match [batch, count] of each picture's anchors, as ArgmaxMatcher gives it.
/// @param anchors  [count], device memory, aligned to 16 bytes; as truth.boxes
/// Throws ConfigError for thresholds out of range.
inline void match_anchors(
    simt::Stream stream, int batch, const Box* anchors, int count, const kernel::GroundTruth& truth,
    const MatchOptions& options, void* workspace, std::int32_t* match) {
  options.check();
  if (batch == 0 || count == 0) return;
  const bool plain = options.negatives_lower_than_unmatched;
  const kernel::MatchRule rule{
      static_cast<float>(options.matched_threshold),
      static_cast<float>(options.unmatched_threshold), plain ? kNegative : kIgnored,
      plain ? kIgnored : kNegative, options.force_match_for_each_row};
  auto* forced = static_cast<std::int32_t*>(workspace);
  constexpr int kRows = kernel::kMatchThreads / 32;
  const auto pictures = static_cast<unsigned>(batch);
  if (rule.force && truth.capacity > 0)
    simt::launch(
        kernel::force_matches,
        dim3(static_cast<unsigned>((truth.capacity + kRows - 1) / kRows), pictures),
        kernel::kMatchThreads, 0, stream, anchors, count, truth, forced);
  const int blocks = (count + kernel::kMatchThreads - 1) / kernel::kMatchThreads;
  simt::launch(
      kernel::assign_matches, dim3(static_cast<unsigned>(blocks), pictures), kernel::kMatchThreads,
      0, stream, anchors, count, truth, rule, forced, match);
}

}  // namespace ocelli::cuda
