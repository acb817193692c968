// scratch: the working memory of the fast operations, taken once for the largest of them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>

#include "ocelli/core/buffer.hpp"
#include "ocelli/core/error.hpp"
#include "ocelli/core/shape.hpp"
#include "ocelli/cpu/carry.hpp"

namespace ocelli::cpu {

/// Floats that an operation asks for.
struct ScratchNeed {
  long shared = 0;   ///< one for all threads: packed weights, partial sums
  long local = 0;    ///< one for each thread: a block of pixels
  long carried = 0;  ///< what is left for the next operation

  friend constexpr ScratchNeed larger_of(const ScratchNeed& a, const ScratchNeed& b) {
    return {
        std::max(a.shared, b.shared), std::max(a.local, b.local), std::max(a.carried, b.carried)};
  }
};

/// Grows in `reserve` alone, so that a step takes no memory.
class Scratch {
 public:
  explicit Scratch(int threads) : threads_(threads) {}

  void reserve(const ScratchNeed& need) {
    if (need.shared > shared_size_) {
      shared_size_ = need.shared;
      shared_ = {};
      shared_ = Buffer<float>(static_cast<std::size_t>(need.shared));
    }
    if (need.carried > carried_size_) {
      carried_size_ = need.carried;
      carried_ = {};
      carried_ = Buffer<float>(static_cast<std::size_t>(need.carried));
    }
    if (need.local > local_size_) {
      // A page apart, so that no two threads share one.
      local_size_ = round_up(need.local, 1024);
      local_ = {};
      local_ = Buffer<float>(static_cast<std::size_t>(local_size_ * threads_));
    }
  }
  /// Throws Error when an operation runs that `reserve` has not seen.
  void check(const ScratchNeed& need) const {
    if (need.shared > shared_size_ || need.local > local_size_ || need.carried > carried_size_)
      throw Error(
          "an operation needs more scratch memory than was reserved", "cpu backend",
          "call reserve for every operation before the first step");
  }
  float* shared() { return shared_.data(); }
  float* carried() { return carried_.data(); }
  float* local(int thread) { return local_.data() + thread * local_size_; }
  Carry carry;  ///< what carried() holds

  std::size_t bytes() const {
    return (shared_.size() + local_.size() + carried_.size()) * sizeof(float);
  }

 private:
  int threads_;
  long shared_size_ = 0, local_size_ = 0, carried_size_ = 0;
  Buffer<float> shared_, local_, carried_;
};

}  // namespace ocelli::cpu
