// Class losses of many anchors at once: a loss of one logit (SigmoidCrossEntropy, SigmoidFocal),
// summed over the columns of each row.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "ocelli/loss/sigmoid_cross_entropy.hpp"
#include "ocelli/loss/sigmoid_focal.hpp"

namespace ocelli {

namespace detail {
inline constexpr long kClassBlock = 2048;  // logits at a time: their losses stay in the L1 cache

/// A row's sum, in eight lanes where it is long. The order depends on `count` alone.
template <class T>
inline T row_sum(const T* x, int count) {
  T sum = 0;
  int i = 0;
  if (count >= 16) {
    T lanes[8] = {};
    for (; i + 8 <= count; i += 8)
      for (int k = 0; k < 8; ++k) lanes[k] += x[i + k];
    for (T lane : lanes) sum += lane;
  }
  for (; i < count; ++i) sum += x[i];
  return sum;
}
}  // namespace detail

/// Length of the work space of sum_class_losses().
constexpr long class_loss_workspace(int columns) {
  return std::max<long>(detail::kClassBlock, columns);
}

/// losses[r] = sum over c of the loss of logits[r, c], whose target is 1 where c = target(r), else
/// 0.
/// @param logits  [rows, columns]   @param work  [class_loss_workspace(columns)]
template <class T, class Loss, class Target>
void sum_class_losses(
    const Loss& loss, const T* logits, long rows, int columns, Target&& target, T* work,
    T* losses) {
  // All columns as if negative, in one long loop without branches; then the target's column anew.
  const long rows_at_once = std::max<long>(1, detail::kClassBlock / columns);
  for (long start = 0; start < rows; start += rows_at_once) {
    const long block = std::min(rows_at_once, rows - start);
    const T* z = logits + start * columns;
    const long size = block * columns;
    for (long i = 0; i < size; ++i) work[i] = loss.negative(z[i]);
    for (long r = 0; r < block; ++r) {
      T* row = work + r * columns;
      const int t = target(start + r);
      row[t] = loss.positive(z[r * columns + t]);
      losses[start + r] = detail::row_sum(row, columns);
    }
  }
}

/// out[c] = scale * slope of the loss of one row's logits [columns].
template <class T, class Loss>
void class_loss_slopes(
    const Loss& loss, const T* logits, int columns, int target, T scale, T* out) {
  for (int c = 0; c < columns; ++c) out[c] = scale * loss.negative_slope(logits[c]);
  out[target] = scale * loss.positive_slope(logits[target]);
}

}  // namespace ocelli
