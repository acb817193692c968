// softmax_cross_entropy on the device. Kernel: ocelli/kernels/softmax_cross_entropy.cuh.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/kernels/softmax_cross_entropy.cuh"
#include "ocelli/simt/device.hpp"

namespace ocelli::cuda {

/// Weighted losses [rows] of logits [rows, columns] and, unless d_logits is null, weighted
/// gradients [rows, columns]. All device memory.
/// @param targets  [rows], 0..columns - 1   @param weights  [rows], or null: all 1
inline void softmax_cross_entropy(
    simt::Stream stream, const float* logits, const std::int32_t* targets, const float* weights,
    int rows, int columns, float* losses, float* d_logits) {
  if (rows == 0) return;
  const int blocks = (rows + kernel::kSoftmaxRows - 1) / kernel::kSoftmaxRows;
  simt::launch(
      kernel::softmax_cross_entropy, static_cast<unsigned>(blocks), kernel::kSoftmaxThreads, 0,
      stream, logits, targets, weights, rows, columns, losses, d_logits);
}

}  // namespace ocelli::cuda
