// reduce: sums and counts over the threads of a block, in an order that depends on the block's size
// alone, so that results have one set of bits.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ocelli/simt/device.hpp"

namespace ocelli::kernel {

inline constexpr unsigned kWholeWarp = 0xFFFFFFFFu;

/// This thread's number in a block of one dimension.
OCELLI_DEVICE int thread_id() { return static_cast<int>(threadIdx.x); }
OCELLI_DEVICE int warp_id() { return static_cast<int>(threadIdx.x) / 32; }
OCELLI_DEVICE int lane_id() { return static_cast<int>(threadIdx.x) % 32; }

/// In every lane.
template <class T>
OCELLI_DEVICE T warp_sum(T value) {
  for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(kWholeWarp, value, step);
  return value;
}

/// The sum over a block of Threads threads, in every thread. All threads call it.
template <int Threads, class T>
OCELLI_DEVICE T block_sum(T value) {
  static_assert(Threads % 32 == 0 && Threads <= 1024);
  OCELLI_SHARED(T, of_warp, [Threads / 32]);
  value = warp_sum(value);
  __syncthreads();  // a sum before this one may still be read
  if (lane_id() == 0) of_warp[warp_id()] = value;
  __syncthreads();
  return warp_sum(lane_id() < Threads / 32 ? of_warp[lane_id()] : T(0));
}

/// How many threads before this one say yes, and how many in all.
struct Place {
  int before, total;
};

/// All threads of a block of Threads threads call it.
template <int Threads>
OCELLI_DEVICE Place block_place(bool yes) {
  static_assert(Threads % 32 == 0 && Threads <= 1024);
  OCELLI_SHARED(int, of_warp, [Threads / 32]);
  const unsigned votes = __ballot_sync(kWholeWarp, yes);
  __syncthreads();  // a count before this one may still be read
  if (lane_id() == 0) of_warp[warp_id()] = __popc(votes);
  __syncthreads();
  Place place{__popc(votes & ((1u << lane_id()) - 1u)), 0};
  for (int w = 0; w < Threads / 32; ++w) {
    if (w < warp_id()) place.before += of_warp[w];
    place.total += of_warp[w];
  }
  return place;
}

}  // namespace ocelli::kernel
