// sgd_momentum: one update of a segment's weights. Formula: ocelli/optim/sgd_momentum.hpp.
//
// tiling    one block = 256 threads of one run (update.cuh); one thread = 4 neighbours at a time
// bytes     20 * size: w and v read and written, the gradient read; + 8 * size with an average,
//           + 2 * size with a bfloat16 copy
// FLOPs     7 * size: rule 3, v 2, w 2; + 3 * size with an average
// bound     below 1 FLOP/byte: memory
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/kernels/update.cuh"

namespace ocelli::kernel {

constexpr Floor sgd_momentum_floor(long size, bool shadow = false, bool copy = false) {
  const Floor more = follow_floor(size, shadow, copy);
  return {20 * size + more.bytes, 7 * size + more.flops};
}

OCELLI_KERNEL_BOUNDS(kUpdateThreads)
sgd_momentum_update(
    float* w, const float* gradient, float* v, long size, const Run* runs, float momentum,
    GradientRule rule, UpdateControl control) {
  if (control.stop != nullptr && *control.stop != 0) return;
  const Run run = runs != nullptr ? runs[blockIdx.x] : plain_run(blockIdx.x, size);
  const AppliedRule whole(rule, run);
  const float rate = *control.learning_rate;
  bool bad = false;
  for_each_four(run, [&](long i, int count) {
    Four weight = load_four(w + i, count), velocity = load_four(v + i, count);
    const Four slope = load_four(gradient + i, count);
    OCELLI_UNROLL
    for (int k = 0; k < 4; ++k) {
      const float g = whole(slope.v[k], weight.v[k]);
      bad = bad || !is_finite(g);
      velocity.v[k] = momentum * velocity.v[k] + g;
      weight.v[k] -= rate * velocity.v[k];
    }
    store_four(v + i, velocity, count);
    store_four(w + i, weight, count);
    follow(control, i, count, weight);
  });
  if (bad && control.not_finite != nullptr) atomicOr(control.not_finite, 1);
}

}  // namespace ocelli::kernel
