// What the operations that go value by value share: how their threads are dealt out.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/cuda/grid.hpp"
#include "ocelli/kernels/activation.cuh"
#include "ocelli/kernels/divider.cuh"

namespace ocelli::cuda {

/// A launch of a thread for each one or four values of a tensor.
struct ElementLaunch {
  bool four;
  int values;
  kernel::Divider vectors;  ///< channels / lanes
  dim3 grid, block;

  ElementLaunch(long size, int channels, bool may_take_four)
      : four(channels % 4 == 0 && may_take_four),
        values(static_cast<int>(size)),
        vectors(four ? channels / 4 : channels),
        grid(blocks(four ? size / 4 : size, kernel::kElementThreads)),
        block(kernel::kElementThreads) {}
};

inline kernel::Gradient<float> gradient_of(const OpCall<float>& call, int k) {
  return {call.din[k], call.accumulate[k]};
}

}  // namespace ocelli::cuda
