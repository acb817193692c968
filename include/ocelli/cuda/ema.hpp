// ema on the device. Kernel: ocelli/kernels/ema.cuh.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/cuda/runs.hpp"
#include "ocelli/kernels/ema.cuh"
#include "ocelli/optim/ema.hpp"

namespace ocelli::cuda {

/// shadow [size] takes a step towards w [size]; device memory aligned to 16 bytes.
/// @param stop  device memory, or null; where it is not 0 nothing is written
inline void ema_update(
    simt::Stream stream, float* shadow, const float* w, long size, double decay = kEmaDecay,
    const std::int32_t* stop = nullptr) {
  if (size == 0) return;
  simt::launch(
      kernel::ema_update, run_grid(size, {}), kernel::kUpdateThreads, 0, stream, shadow, w, size,
      static_cast<float>(1 - decay), stop);
}

}  // namespace ocelli::cuda
