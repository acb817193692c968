// Softmax cross-entropy: one class out of K, from K logits z.
//
//   loss(z, t) = log(sum_k e^z_k) - z_t       dz_k = e^z_k / sum - [k = t]
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

}  // namespace ocelli
