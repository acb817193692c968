// rmsprop: one update of a segment's weights. Formula: ocelli/optim/rmsprop.hpp.
//
// tiling    one block = 256 threads of one run (update.cuh); one thread = 4 neighbours at a time
// bytes     28 * size: w, r, m read and written, the gradient read; + 8 * size with an average,
//           + 2 * size with a bfloat16 copy
// FLOPs     24 * size: rule 3, r 4, root 12 (fast_rsqrt: two for its guess, three Newton steps),
//           m 4, w 1; + 3 * size with an average
// bound     below 1 FLOP/byte: memory
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/core/fast_math.hpp"
#include "ocelli/kernels/update.cuh"

namespace ocelli::kernel {

constexpr Floor rmsprop_floor(long size, bool shadow = false, bool copy = false) {
  const Floor more = follow_floor(size, shadow, copy);
  return {28 * size + more.bytes, 24 * size + more.flops};
}

struct RmsPropRates {
  float rho, rest, mu, epsilon;  ///< rest = 1 - rho
};

OCELLI_KERNEL_BOUNDS(kUpdateThreads)
rmsprop_update(
    float* w, const float* gradient, float* r, float* m, long size, const Run* runs,
    RmsPropRates rates, GradientRule rule, UpdateControl control) {
  if (control.stop != nullptr && *control.stop != 0) return;
  const Run run = runs != nullptr ? runs[blockIdx.x] : plain_run(blockIdx.x, size);
  const AppliedRule whole(rule, run);
  const float rate = *control.learning_rate;
  bool bad = false;
  for_each_four(run, [&](long i, int count) {
    Four weight = load_four(w + i, count), square = load_four(r + i, count);
    Four momentum = load_four(m + i, count);
    const Four slope = load_four(gradient + i, count);
    OCELLI_UNROLL
    for (int k = 0; k < 4; ++k) {
      const float g = whole(slope.v[k], weight.v[k]);
      bad = bad || !is_finite(g);
      square.v[k] = rates.rho * square.v[k] + rates.rest * g * g;
      momentum.v[k] = rates.mu * momentum.v[k] + rate * g * fast_rsqrt(square.v[k] + rates.epsilon);
      weight.v[k] -= momentum.v[k];
    }
    store_four(r + i, square, count);
    store_four(m + i, momentum, count);
    store_four(w + i, weight, count);
    follow(control, i, count, weight);
  });
  if (bad && control.not_finite != nullptr) atomicOr(control.not_finite, 1);
}

}  // namespace ocelli::kernel
