// sort: a block sorts scores, each with its index, by a bitonic network, which has one result for
// any order of threads. Falling score; ties: the lower index first.
//
// Keys lie in shared memory, or where they are too many in global memory.
//
// FLOPs     0
// steps     s (s + 1) / 2 for 2^s keys, each with a barrier and 2^s / 2 comparisons
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ocelli/simt/device.hpp"

namespace ocelli::kernel {

inline constexpr int kSharedKeys = 8192;                      ///< most keys of shared memory
inline constexpr std::uint64_t kLastKey = ~std::uint64_t{0};  ///< sorts behind all others

/// The power of two that `count` keys are padded to.
OCELLI_HOST_DEVICE constexpr int padded_keys(int count) {
  int size = 1;
  while (size < count) size *= 2;
  return size;
}

/// Ascending keys: falling scores, then rising indices. -0 counts as 0. Index below 2^31.
OCELLI_DEVICE std::uint64_t sort_key(float score, int index) {
  const std::uint32_t bits = __float_as_uint(score == 0 ? 0.0f : score);
  const std::uint32_t rising = bits >> 31 != 0 ? ~bits : bits | 0x80000000u;
  return static_cast<std::uint64_t>(~rising) << 32 | static_cast<std::uint32_t>(index);
}
OCELLI_DEVICE int index_of_key(std::uint64_t key) { return static_cast<int>(key & 0xFFFFFFFFu); }
OCELLI_DEVICE float score_of_key(std::uint64_t key) {
  const std::uint32_t rising = ~static_cast<std::uint32_t>(key >> 32);
  return __uint_as_float(rising >> 31 != 0 ? rising & 0x7FFFFFFFu : ~rising);
}

/// Sorts `size` keys, a power of two, ascending. All threads of the block call it; what they wrote
/// before is seen, and the result is seen by all after.
OCELLI_DEVICE void block_sort(std::uint64_t* keys, int size) {
  const int threads = static_cast<int>(blockDim.x);
  for (int run = 2; run <= size; run *= 2)
    for (int step = run / 2; step > 0; step /= 2) {
      __syncthreads();
      for (int t = static_cast<int>(threadIdx.x); t < size / 2; t += threads) {
        const int i = 2 * t - (t & (step - 1)), j = i + step;
        const std::uint64_t a = keys[i], b = keys[j];
        if ((a > b) == ((i & run) == 0)) {
          keys[i] = b;
          keys[j] = a;
        }
      }
    }
  __syncthreads();
}

}  // namespace ocelli::kernel
