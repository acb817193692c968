// What the bench's tensors hold: random numbers in [-1, 1), ours and the peers' alike. Zeroes would
// take less power, and clocks would be higher than those of a training.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "ocelli/core/bfloat16.hpp"
#include "ocelli/core/random.hpp"
#include "ocelli/simt/device.hpp"

namespace ocelli::gpu_bench {

/// Fills device memory with `count` numbers of type T, float or bfloat16. The host makes a million
/// and repeats them.
template <class T>
void fill_with_numbers(void* memory, std::size_t count) {
  static const std::vector<T> some = [] {
    Random random(1, Stream::demo);
    std::vector<T> values(std::size_t{1} << 20);
    for (T& v : values) v = T(random.uniform(-1.0f, 1.0f));
    return values;
  }();
  for (std::size_t at = 0; at < count; at += some.size())
    simt::upload(
        static_cast<T*>(memory) + at, some.data(), std::min(some.size(), count - at) * sizeof(T));
  simt::synchronize();  // the bench's stream does not wait for this one
}

}  // namespace ocelli::gpu_bench
