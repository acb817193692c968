// WorkArrays: cuts one block of device memory into arrays, or adds up how much they need.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace ocelli::cuda {

/// Arrays of one block, each aligned to 256 bytes. Without memory it only counts.
class WorkArrays {
 public:
  static constexpr std::size_t kAlignment = 256;

  /// @param memory  aligned to kAlignment, or null
  explicit WorkArrays(void* memory = nullptr) : memory_(static_cast<unsigned char*>(memory)) {}

  /// The next `count` values; null without memory.
  template <class T>
  T* take(long count) {
    const std::size_t at = bytes_;
    bytes_ +=
        (static_cast<std::size_t>(count) * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
    return memory_ == nullptr ? nullptr : reinterpret_cast<T*>(memory_ + at);
  }
  std::size_t bytes() const { return bytes_; }

 private:
  unsigned char* memory_;
  std::size_t bytes_ = 0;
};

}  // namespace ocelli::cuda
