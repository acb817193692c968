// concat: one input's rows into their places in the output's rows, and back. Formula and variants:
// ocelli/op/concat.hpp. One launch an input.
//
// floor, for an input of n values of T bytes:
//   forward   bytes = T * 2n    flops = 0
//   backward  bytes = T * 2n    flops = 0,   + T * n bytes and n FLOPs to accumulate
// needs   n < 2^31; V = 16 / T where channels, row lengths and the place in the row are multiples
// of
//         that
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/kernels/activation.cuh"
#include "ocelli/op/concat.hpp"

namespace ocelli::kernel {

template <class T = float>
constexpr Floor concat_forward_floor(long values) {
  return {2 * kBytes<T> * values, 0};
}
template <class T = float>
constexpr Floor concat_backward_floor(long values, bool accumulate) {
  return {kBytes<T> * (accumulate ? 3 : 2) * values, accumulate ? values : 0};
}

/// Where the rows of one input stand: V-sized pieces of a row, and values of the output.
struct JoinedRows {
  int values;       ///< of the input, over the batch
  Divider row;      ///< pieces in a row of the input
  Divider vectors;  ///< channels / V
  long out_row;     ///< values in a row of the output
  long before;      ///< values of such a row before this input's
};

/// The output's element of piece `at`.
template <int V>
OCELLI_DEVICE long joined(const JoinedRows& rows, int at) {
  return long(rows.row.quotient(at)) * rows.out_row + rows.before +
         long(rows.row.remainder(at)) * V;
}

/// A thread V values.
template <int V, class T>
OCELLI_KERNEL_BOUNDS(kElementThreads)
concat_forward(JoinedRows rows, Operand<T> x, T* y) {
  const int at = thread_of_grid();
  if (at >= rows.values / V) return;
  store<V>(y + joined<V>(rows, at), read<V>(x, long(at) * V, rows.vectors.remainder(at) * V));
}

/// A thread V values.
template <int V, class T>
OCELLI_KERNEL_BOUNDS(kElementThreads)
concat_backward(JoinedRows rows, const T* dy, Gradient<T> dx) {
  const int at = thread_of_grid();
  if (at >= rows.values / V) return;
  deliver<V>(dx, long(at) * V, load<V>(dy + joined<V>(rows, at)));
}

}  // namespace ocelli::kernel
