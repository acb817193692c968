// finite on the device. Kernel: ocelli/kernels/finite.cuh.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/cuda/runs.hpp"
#include "ocelli/kernels/finite.cuh"

namespace ocelli::cuda {

/// Sets *not_finite to 1 where a number of x [size] is infinite or NaN; else leaves it. Device
/// memory, x aligned to 16 bytes.
inline void check_finite(simt::Stream stream, const float* x, long size, std::int32_t* not_finite) {
  if (size == 0) return;
  simt::launch(
      kernel::check_finite, run_grid(size, {}), kernel::kUpdateThreads, 0, stream, x, size,
      not_finite);
}

}  // namespace ocelli::cuda
