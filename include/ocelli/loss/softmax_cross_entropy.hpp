// Softmax cross-entropy: one class out of K, from K logits z.
//
//   loss(z, t) = log(sum_k e^z_k) - z_t       dz_k = e^z_k / sum - [k = t]
//
// With smoothing s the target is q_k = (1 - s) [k = t] + s / K in place of [k = t]:
//
//   loss(z, q) = log(sum_k e^z_k) - sum_k q_k z_k       dz_k = e^z_k / sum - q_k
//
// Smoothing: Szegedy et al., "Rethinking the Inception Architecture", arXiv:1512.00567, section 7.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "ocelli/core/fast_math.hpp"

namespace ocelli {

/// One row: returns weight * loss; writes weight * gradient into d_logits [count] unless it is
/// null.
/// @param logits  [count], count >= 1   @param target  0 .. count - 1
template <class T>
inline T softmax_cross_entropy(const T* logits, int count, int target, T weight, T* d_logits) {
  T top = logits[0];
  for (int k = 1; k < count; ++k) top = logits[k] > top ? logits[k] : top;
  T sum = 0;
  for (int k = 0; k < count; ++k) {
    const T e = fast_exp(logits[k] - top);
    if (d_logits != nullptr) d_logits[k] = e;
    sum += e;
  }
  if (d_logits != nullptr) {
    const T scale = weight / sum;
    for (int k = 0; k < count; ++k) d_logits[k] *= scale;
    d_logits[target] -= weight;
  }
  return weight * (std::log(sum) + (top - logits[target]));
}

/// The same with a smoothed target.
/// @param smoothing  share of the target that is spread evenly over all classes, [0, 1)
template <class T>
inline T smoothed_cross_entropy(
    const T* logits, int count, int target, T smoothing, T weight, T* d_logits) {
  const T sharp = softmax_cross_entropy(logits, count, target, weight, d_logits);
  if (smoothing == T(0)) return sharp;
  // q = [k = t] + smoothing * (1 / K - [k = t]), so all is sharp's and a term of the difference.
  T mean = 0;
  for (int k = 0; k < count; ++k) mean += logits[k];
  mean /= static_cast<T>(count);
  if (d_logits != nullptr) {
    const T even = weight * smoothing / static_cast<T>(count);
    for (int k = 0; k < count; ++k) d_logits[k] -= even;
    d_logits[target] += weight * smoothing;
  }
  return sharp + weight * smoothing * (logits[target] - mean);
}

}  // namespace ocelli
