// finite: whether all numbers of an array are finite; the answer stays on the device.
//
// tiling    one block = 256 threads of one run (update.cuh); one thread = 4 neighbours at a time
// bytes     4 * size
// FLOPs     0: bits are compared
// bound     memory
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/kernels/update.cuh"

namespace ocelli::kernel {

constexpr Floor check_finite_floor(long size) { return {4 * size, 0}; }

/// @param not_finite  becomes 1 where a number is infinite or NaN, else stays as it is
OCELLI_KERNEL_BOUNDS(kUpdateThreads)
check_finite(const float* x, long size, std::int32_t* not_finite) {
  bool bad = false;
  for_each_four(plain_run(blockIdx.x, size), [&](long i, int count) {
    const Four four = load_four(x + i, count);
    OCELLI_UNROLL
    for (int k = 0; k < 4; ++k) bad = bad || !is_finite(four.v[k]);
  });
  if (bad) atomicOr(not_finite, 1);
}

}  // namespace ocelli::kernel
