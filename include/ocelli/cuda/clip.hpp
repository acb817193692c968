// clip on the device: norms and factors from the sums of squares of l2.hpp. Kernel:
// ocelli/kernels/clip.cuh.
//
//   global       square_sums of each segment side by side, then clip_global; the updates'
//                GradientRule::factor is `factor`
//   per tensor   square_sums over a table of runs, then clip_tensors; the updates take that table
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/cuda/runs.hpp"
#include "ocelli/kernels/clip.cuh"

namespace ocelli::cuda {

/// norm and factor (one number each) of all gradients together, from sums [count].
inline void clip_global(
    simt::Stream stream, const double* sums, long count, double limit, double* norm,
    double* factor) {
  simt::launch(
      kernel::clip_factors, 1u, kernel::kUpdateThreads, 0, stream, sums, nullptr,
      static_cast<int>(count), limit, norm, factor);
}

/// norms and factors [tensors].
/// @param first_run  [tensors + 1] of the table, in device memory
inline void clip_tensors(
    simt::Stream stream, const double* sums, const int* first_run, int tensors, double limit,
    double* norms, double* factors) {
  if (tensors == 0) return;
  simt::launch(
      kernel::clip_factors, static_cast<unsigned>(tensors), kernel::kUpdateThreads, 0, stream, sums,
      first_run, 0, limit, norms, factors);
}

}  // namespace ocelli::cuda
