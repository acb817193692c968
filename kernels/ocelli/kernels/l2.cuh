// l2: sums of squares, in two stages whose order depends on the size alone.
//
//   1. square_sums   a block sums the squares of one run in double: of w, or of the whole gradient
//   2. l2_loss       one block sums the runs of a segment and adds c / 2 times that to the loss
//
// square_sums   tiling   one block = 256 threads of one run (update.cuh)
//               bytes    4 * size for w, 8 * size for a gradient with its L2 term; + 8 a run
//               FLOPs    2 * size, in double; + 3 * size in float for a gradient
//               bound    memory
// l2_loss       bytes    8 * runs + 8       FLOPs   runs + 2
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/kernels/reduce.cuh"
#include "ocelli/kernels/update.cuh"

namespace ocelli::kernel {

constexpr Floor square_sums_floor(long size, bool gradient, bool l2, long runs) {
  return {(gradient && l2 ? 8 : 4) * size + 8 * runs, (gradient ? 5 : 2) * size};
}
constexpr Floor l2_loss_floor(long runs) { return {8 * runs + 8, runs + 2}; }

/// sums[run] = sum of the squares of w, or with a gradient of rule(gradient, w). With rule.l2 = 0 w
/// is not read and may be null.
OCELLI_KERNEL_BOUNDS(kUpdateThreads)
square_sums(
    const float* w, const float* gradient, long size, const Run* runs, GradientRule rule,
    double* sums) {
  const Run run = runs != nullptr ? runs[blockIdx.x] : plain_run(blockIdx.x, size);
  double sum = 0;
  for_each_four(run, [&](long i, int count) {
    Four x = gradient != nullptr ? load_four(gradient + i, count) : load_four(w + i, count);
    if (gradient != nullptr) {
      const Four weight = rule.l2 != 0 ? load_four(w + i, count) : Four{};
      for (int k = 0; k < 4; ++k) x.v[k] = rule.scale * x.v[k] + rule.l2 * weight.v[k];
    }
    for (int k = 0; k < 4; ++k) sum += static_cast<double>(x.v[k]) * static_cast<double>(x.v[k]);
  });
  sum = block_sum<kUpdateThreads>(sum);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

/// This thread's share of sums[begin .. end), for block_sum.
OCELLI_DEVICE double strided_sum(const double* sums, int begin, int end) {
  double sum = 0;
  for (int i = begin + static_cast<int>(threadIdx.x); i < end; i += kUpdateThreads) sum += sums[i];
  return sum;
}

/// loss (+)= coefficient / 2 * sum of sums [count]; overwritten when `first`. One block.
OCELLI_KERNEL_BOUNDS(kUpdateThreads)
l2_loss(const double* sums, int count, double coefficient, bool first, double* loss) {
  const double sum = block_sum<kUpdateThreads>(strided_sum(sums, 0, count));
  if (threadIdx.x == 0) *loss = (first ? 0 : *loss) + 0.5 * coefficient * sum;
}

}  // namespace ocelli::kernel
