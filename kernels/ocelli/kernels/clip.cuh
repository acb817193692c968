// clip: from sums of squares (l2.cuh) to norms and to what gradients are multiplied by. The factor
// goes into the optimizer's rule; nothing else is written. Formula: ocelli/optim/clip.hpp.
//
// tiling    one block = one tensor, or all for the global norm
// bytes     8 * runs + 16 * tensors
// FLOPs     runs + 2 * tensors, in double
// bound     latency
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/kernels/l2.cuh"

namespace ocelli::kernel {

constexpr Floor clip_factors_floor(long runs, long tensors) {
  return {8 * runs + 16 * tensors, runs + 2 * tensors};
}

/// norms[t] and factors[t] of tensor t, whose runs are first_run[t] .. first_run[t + 1] - 1; with a
/// null table of one tensor, whose runs are 0 .. count - 1. limit 0 turns clipping off; a norm that
/// is not finite has factor 1, so that it stays to be seen.
OCELLI_KERNEL_BOUNDS(kUpdateThreads)
clip_factors(
    const double* sums, const int* first_run, int count, double limit, double* norms,
    double* factors) {
  const int begin = first_run != nullptr ? first_run[blockIdx.x] : 0;
  const int end = first_run != nullptr ? first_run[blockIdx.x + 1] : count;
  const double norm = sqrt(block_sum<kUpdateThreads>(strided_sum(sums, begin, end)));
  if (threadIdx.x != 0) return;
  norms[blockIdx.x] = norm;
  // norm - norm is NaN where the norm is not finite.
  const bool clips = limit > 0 && norm > limit && norm - norm == 0;
  factors[blockIdx.x] = clips ? limit / norm : 1.0;
}

}  // namespace ocelli::kernel
