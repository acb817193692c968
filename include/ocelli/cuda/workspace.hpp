// Workspace: the partial sums of operations, in device memory taken once for the largest of them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "ocelli/core/error.hpp"
#include "ocelli/cuda/memory.hpp"

namespace ocelli::cuda {

/// Grows in `reserve` alone, so that a step takes no memory. One operation uses it at a time, in
/// the order of the stream.
class Workspace {
 public:
  void reserve(long floats) {
    if (floats <= size_) return;
    memory_ = {};  // frees before it takes
    memory_ = Memory<float>(static_cast<std::size_t>(floats));
    size_ = floats;
  }
  /// @throws Error when an operation runs that `reserve` has not seen
  float* get(long floats) {
    if (floats > size_)
      throw Error(
          "an operation needs more device memory than was reserved", "cuda backend",
          "call reserve for every operation before the first step");
    return memory_.data();
  }
  std::size_t bytes() const { return memory_.size() * sizeof(float); }

 private:
  Memory<float> memory_;
  long size_ = 0;
};

}  // namespace ocelli::cuda
