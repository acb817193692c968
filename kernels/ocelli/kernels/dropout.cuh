// dropout: keeps or drops values by the mask of ocelli/op/dropout.hpp, which backward makes again.
// A thread makes one Philox block: 4 values.
//
// floor, for n values of T bytes:
//   forward   bytes = T * 2n    flops = n
//   backward  bytes = T * 2n    flops = n,   + T * n bytes to accumulate
// (Philox is integer work: 40 multiplications a block, which hide behind the memory.)
// needs   n < 2^31
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/kernels/activation.cuh"
#include "ocelli/op/dropout.hpp"

namespace ocelli::kernel {

template <class T = float>
constexpr Floor dropout_forward_floor(long values) {
  return {2 * kBytes<T> * values, values};
}
template <class T = float>
constexpr Floor dropout_backward_floor(long values, bool accumulate) {
  return {kBytes<T> * (accumulate ? 3 : 2) * values, values};
}

/// The factors of values 4 * block .. 4 * block + 3: 0 or 1 / keep.
OCELLI_DEVICE Lanes<4> dropout_factors(const DropoutMask& mask, float up, int block) {
  const auto kept = mask.block(block);
  return {{kept[0] ? up : 0.0f, kept[1] ? up : 0.0f, kept[2] ? up : 0.0f, kept[3] ? up : 0.0f}};
}

/// A thread 4 values; Vector: they may be loaded at once and are neighbouring channels.
template <bool Vector, class T>
OCELLI_KERNEL_BOUNDS(kElementThreads)
dropout_forward(Operand<T> x, int values, Divider channels, DropoutMask mask, float up, T* y) {
  const int at = thread_of_grid(), first = at * 4;
  if (first >= values) return;
  const Lanes<4> factor = dropout_factors(mask, up, at);
  if constexpr (Vector) {
    Lanes<4> value = read<4>(x, first, channels.remainder(first));
    OCELLI_UNROLL
    for (int e = 0; e < 4; ++e) value.v[e] = factor.v[e] * value.v[e];
    store<4>(y + first, value);
  } else {
    OCELLI_UNROLL
    for (int e = 0; e < 4; ++e)
      if (first + e < values)
        store(
            y + first + e,
            Lanes<1>{{factor.v[e] * read<1>(x, first + e, channels.remainder(first + e)).v[0]}});
  }
}

/// dx may be dy.
template <bool Vector, class T>
OCELLI_KERNEL_BOUNDS(kElementThreads)
dropout_backward(const T* dy, int values, DropoutMask mask, float up, Gradient<T> dx) {
  const int at = thread_of_grid(), first = at * 4;
  if (first >= values) return;
  const Lanes<4> factor = dropout_factors(mask, up, at);
  if constexpr (Vector) {
    Lanes<4> value = load<4>(dy + first);
    OCELLI_UNROLL
    for (int e = 0; e < 4; ++e) value.v[e] = factor.v[e] * value.v[e];
    deliver<4>(dx, first, value);
  } else {
    OCELLI_UNROLL
    for (int e = 0; e < 4; ++e)
      if (first + e < values)
        deliver<1>(dx, first + e, Lanes<1>{{factor.v[e] * load<1>(dy + first + e).v[0]}});
  }
}

}  // namespace ocelli::kernel
