// l2 on the device: sums of squares and the regularisation loss. Kernels: ocelli/kernels/l2.cuh.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/cuda/runs.hpp"
#include "ocelli/kernels/l2.cuh"

namespace ocelli::cuda {

/// How many sums of squares `size` numbers have: the doubles of work space.
inline long square_sum_count(long size) { return kernel::run_count(size); }

/// sums[run] = sum of the squares of the whole gradient of a segment or, with gradient null, of w.
/// @param w     [size], may be null with a gradient and rule.l2 = 0
/// @param sums  [square_sum_count(size)], or a number a run of the table
inline void square_sums(
    simt::Stream stream, const float* w, const float* gradient, long size,
    const kernel::GradientRule& rule, double* sums, const Runs& runs = {}) {
  if (run_grid(size, runs) == 0) return;
  simt::launch(
      kernel::square_sums, run_grid(size, runs), kernel::kUpdateThreads, 0, stream, w, gradient,
      size, runs.table, rule, sums);
}

/// *loss (+)= coefficient / 2 * sum(w^2) of w [size]; overwritten when `first`.
/// @param work  [square_sum_count(size)]
inline void l2_loss(
    simt::Stream stream, const float* w, long size, double coefficient, bool first, double* work,
    double* loss) {
  square_sums(stream, w, nullptr, size, {}, work);
  simt::launch(
      kernel::l2_loss, 1u, kernel::kUpdateThreads, 0, stream, work,
      static_cast<int>(square_sum_count(size)), coefficient, first, loss);
}

}  // namespace ocelli::cuda
