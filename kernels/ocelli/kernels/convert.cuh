// convert: a tensor's values in another type, rounded to the nearest.
//
// floor, for n values: bytes = (From + To) * n    flops = 0
// bound   memory
// needs   n < 2^31; V = 4 where n is a multiple of 4
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/kernels/activation.cuh"

namespace ocelli::kernel {

template <class From, class To>
constexpr Floor convert_floor(long values) {
  return {(kBytes<From> + kBytes<To>)*values, 0};
}

/// A thread V values.
template <int V, class From, class To>
OCELLI_KERNEL_BOUNDS(kElementThreads)
convert(const From* x, int values, To* y) {
  const int at = thread_of_grid();
  if (at < values / V) store(y + long(at) * V, load<V>(x + long(at) * V));
}

}  // namespace ocelli::kernel
