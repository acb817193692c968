// sgd_momentum on the device: one launch a segment. Kernel: ocelli/kernels/sgd_momentum.cuh.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/cuda/runs.hpp"
#include "ocelli/kernels/sgd_momentum.cuh"
#include "ocelli/optim/sgd_momentum.hpp"

namespace ocelli::cuda {

/// One update of w and v [size], device memory aligned to 16 bytes.
/// @param control  learning_rate is needed; see kernel::UpdateControl
inline void sgd_momentum_update(
    simt::Stream stream, float* w, const float* gradient, float* v, long size,
    const SgdMomentumOptions& options, const kernel::GradientRule& rule,
    const kernel::UpdateControl& control, const Runs& runs = {}) {
  if (run_grid(size, runs) == 0) return;
  simt::launch(
      kernel::sgd_momentum_update, run_grid(size, runs), kernel::kUpdateThreads, 0, stream, w,
      gradient, v, size, runs.table, static_cast<float>(options.momentum), rule, control);
}

}  // namespace ocelli::cuda
