// The copies around a library's product. Kernels: ocelli/kernels/engine_copies.cuh.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/cuda/grid.hpp"
#include "ocelli/kernels/engine_copies.cuh"

namespace ocelli::cuda {

/// No border: the outer picture is the inner one.
constexpr kernel::Border no_border(const Shape& shape) {
  return {shape.height, shape.width, shape.height, shape.width, 0, 0};
}

/// outer [batch, outer height, outer width, channels] = x with zeros around it, its deferred norm
/// applied, rounded to the type of `outer`.
template <class From, class To>
void copy_into_border(
    simt::Stream stream, const Operand<From>& x, int batch, int channels, const kernel::Border& b,
    To* outer) {
  const long values = long(batch) * b.outer_height * b.outer_width * channels;
  const bool four = channels % 4 == 0 && aligned(x.data, outer) && aligned(x.scale, x.shift);
  const int count = static_cast<int>(four ? values / 4 : values);
  simt::launch(
      four ? kernel::copy_into_border<4, From, To> : kernel::copy_into_border<1, From, To>,
      dim3(blocks(count, kernel::kElementThreads)), dim3(kernel::kElementThreads), 0, stream, x, b,
      count, channels, kernel::Divider(four ? channels / 4 : channels),
      kernel::Divider(b.outer_width), kernel::Divider(b.outer_height), outer);
}

/// dx [batch, height, width, channels] = what lies inside the border of `outer`; or is added to.
template <class From, class To>
void copy_out_of_border(
    simt::Stream stream, const From* outer, int batch, int channels, const kernel::Border& b,
    bool accumulate, To* dx) {
  const long values = long(batch) * b.height * b.width * channels;
  const bool four = channels % 4 == 0 && aligned(outer, dx);
  const int count = static_cast<int>(four ? values / 4 : values);
  simt::launch(
      four ? kernel::copy_out_of_border<4, From, To> : kernel::copy_out_of_border<1, From, To>,
      dim3(blocks(count, kernel::kElementThreads)), dim3(kernel::kElementThreads), 0, stream, outer,
      b, count, channels, kernel::Divider(four ? channels / 4 : channels), kernel::Divider(b.width),
      kernel::Divider(b.height), accumulate, dx);
}

/// to [columns, rows] = from [rows, columns] turned over, rounded; or is added to.
template <class From, class To>
void transpose_matrix(
    simt::Stream stream, const From* from, int rows, int columns, bool accumulate, To* to) {
  simt::launch(
      kernel::transpose_matrix<From, To>,
      dim3(blocks(columns, kernel::kTransposeTile), blocks(rows, kernel::kTransposeTile)),
      dim3(kernel::kTransposeTile, kernel::kTransposeRows), 0, stream, from, rows, columns,
      accumulate, to);
}

/// y [rows, channels] = f(y + bias), in place.
template <class T>
void finish_rows(
    simt::Stream stream, const float* bias, Activation f, long rows, int channels, T* y) {
  const bool four = channels % 4 == 0 && aligned(bias) && aligned(y);
  const long values = rows * channels;
  simt::launch(
      four ? kernel::finish_rows<4, T> : kernel::finish_rows<1, T>,
      dim3(blocks(four ? values / 4 : values, kernel::kElementThreads)),
      dim3(kernel::kElementThreads), 0, stream, bias, f, static_cast<int>(values),
      kernel::Divider(four ? channels / 4 : channels), y);
}

/// `values` numbers in [-1, 1).
template <class T>
void fill_for_trial(simt::Stream stream, unsigned seed, long values, T* to) {
  simt::launch(
      kernel::fill_for_trial<T>, dim3(blocks(values, kernel::kElementThreads)),
      dim3(kernel::kElementThreads), 0, stream, seed, static_cast<int>(values), to);
}

}  // namespace ocelli::cuda
