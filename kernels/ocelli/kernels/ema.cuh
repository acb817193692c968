// ema: the moving average of the weights takes a step. Formula: ocelli/optim/ema.hpp. The
// optimizers do the same while they have the weights at hand (UpdateControl::shadow), for less.
//
// tiling    one block = 256 threads of one run (update.cuh); one thread = 4 neighbours at a time
// bytes     12 * size
// FLOPs     3 * size
// bound     memory
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/kernels/update.cuh"

namespace ocelli::kernel {

constexpr Floor ema_floor(long size) { return {12 * size, 3 * size}; }

/// @param step  1 - decay   @param stop  see UpdateControl
OCELLI_KERNEL_BOUNDS(kUpdateThreads)
ema_update(float* shadow, const float* w, long size, float step, const std::int32_t* stop) {
  if (stop != nullptr && *stop != 0) return;
  for_each_four(plain_run(blockIdx.x, size), [&](long i, int count) {
    follow({nullptr, nullptr, nullptr, shadow, step, nullptr}, i, count, load_four(w + i, count));
  });
}

}  // namespace ocelli::kernel
