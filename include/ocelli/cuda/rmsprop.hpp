// rmsprop on the device: one launch a segment. Kernel: ocelli/kernels/rmsprop.cuh.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/cuda/runs.hpp"
#include "ocelli/kernels/rmsprop.cuh"
#include "ocelli/optim/rmsprop.hpp"

namespace ocelli::cuda {

/// One update of w, r and m [size], device memory aligned to 16 bytes.
/// @param control  learning_rate is needed; see kernel::UpdateControl
inline void rmsprop_update(
    simt::Stream stream, float* w, const float* gradient, float* r, float* m, long size,
    const RmsPropOptions& options, const kernel::GradientRule& rule,
    const kernel::UpdateControl& control, const Runs& runs = {}) {
  if (run_grid(size, runs) == 0) return;
  const kernel::RmsPropRates rates{
      static_cast<float>(options.decay), static_cast<float>(1 - options.decay),
      static_cast<float>(options.momentum), static_cast<float>(options.epsilon)};
  simt::launch(
      kernel::rmsprop_update, run_grid(size, runs), kernel::kUpdateThreads, 0, stream, w, gradient,
      r, m, size, runs.table, rates, rule, control);
}

}  // namespace ocelli::cuda
