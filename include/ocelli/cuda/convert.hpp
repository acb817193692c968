// convert on the device. Kernel: ocelli/kernels/convert.cuh.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/cuda/grid.hpp"
#include "ocelli/kernels/convert.cuh"

namespace ocelli::cuda {

/// y [count] = x [count] in the other type; count below 2^31.
template <class From, class To>
void convert(simt::Stream stream, const From* x, long count, To* y) {
  if (count == 0) return;
  const bool four = count % 4 == 0 && aligned(x, y);
  simt::launch(
      four ? kernel::convert<4, From, To> : kernel::convert<1, From, To>,
      dim3(blocks(four ? count / 4 : count, kernel::kElementThreads)),
      dim3(kernel::kElementThreads), 0, stream, x, static_cast<int>(count), y);
}

}  // namespace ocelli::cuda
