// What the operations that go value by value share: how their threads are dealt out.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/cuda/grid.hpp"
#include "ocelli/kernels/activation.cuh"
#include "ocelli/kernels/divider.cuh"

namespace ocelli::cuda {

/// A launch of a thread for each value of a tensor of T, or for each `lanes` of them.
template <class T, int Lanes = kernel::kWide<T>>
struct ElementLaunch {
  static constexpr int lanes = Lanes;
  bool wide;
  int values;
  kernel::Divider vectors;  ///< channels / lanes
  dim3 grid, block;

  ElementLaunch(long size, int channels, bool may_be_wide)
      : wide(channels % lanes == 0 && may_be_wide),
        values(static_cast<int>(size)),
        vectors(wide ? channels / lanes : channels),
        grid(blocks(wide ? size / lanes : size, kernel::kElementThreads)),
        block(kernel::kElementThreads) {}
};

template <class T>
kernel::Gradient<T> gradient_of(const OpCall<T>& call, int k) {
  return {call.din[k], call.accumulate[k]};
}

}  // namespace ocelli::cuda
