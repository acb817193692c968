// concat: one input's rows into their places in the output's rows, and back. Formula and variants:
// ocelli/op/concat.hpp. One launch an input.
//
// floor, for an input of n values:
//   forward   bytes = 4 * 2n    flops = 0
//   backward  bytes = 4 * 2n    flops = 0,   + 4n bytes and n FLOPs to accumulate
// needs   n < 2^31; V = 4 where channels, row lengths and the place in the row are multiples of 4
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/kernels/activation.cuh"
#include "ocelli/op/concat.hpp"

namespace ocelli::kernel {

constexpr Floor concat_forward_floor(long values) { return {8 * values, 0}; }
constexpr Floor concat_backward_floor(long values, bool accumulate) {
  return {(accumulate ? 12 : 8) * values, accumulate ? values : 0};
}

/// Where the rows of one input stand: V-sized pieces of a row, and floats of the output.
struct JoinedRows {
  int values;       ///< of the input, over the batch
  Divider row;      ///< pieces in a row of the input
  Divider vectors;  ///< channels / V
  long out_row;     ///< floats in a row of the output
  long before;      ///< floats of such a row before this input's
};

/// The output's element of piece `at`.
template <int V>
OCELLI_DEVICE long joined(const JoinedRows& rows, int at) {
  return long(rows.row.quotient(at)) * rows.out_row + rows.before +
         long(rows.row.remainder(at)) * V;
}

/// A thread V values.
template <int V>
OCELLI_KERNEL_BOUNDS(kElementThreads)
concat_forward(JoinedRows rows, Operand<float> x, float* y) {
  const int at = thread_of_grid();
  if (at >= rows.values / V) return;
  store<V>(y + joined<V>(rows, at), read<V>(x, long(at) * V, rows.vectors.remainder(at) * V));
}

/// A thread V values.
template <int V>
OCELLI_KERNEL_BOUNDS(kElementThreads)
concat_backward(JoinedRows rows, const float* dy, Gradient<float> dx) {
  const int at = thread_of_grid();
  if (at >= rows.values / V) return;
  deliver<V>(dx, long(at) * V, load<V>(dy + joined<V>(rows, at)));
}

}  // namespace ocelli::kernel
