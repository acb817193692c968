// Sigmoid cross-entropy: each class decided by itself, from its logit z and target t in [0, 1].
//
//   loss(z, t) = max(z, 0) - z t + log(1 + e^-|z|)        dz = sigmoid(z) - t
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/core/fast_math.hpp"

namespace ocelli {

template <class T>
constexpr T sigmoid_cross_entropy(T z, T t) {
  const T magnitude = z < T(0) ? -z : z;
  const T above = z > T(0) ? z : T(0);
  return above - z * t + fast_log1p(fast_exp(-magnitude));
}
template <class T>
constexpr T sigmoid_cross_entropy_slope(T z, T t) {
  return sigmoid(z) - t;
}

/// The same for targets 1 (positive) and 0 (negative), which need no cancelling difference.
template <class T>
struct SigmoidCrossEntropy {
  constexpr T positive(T z) const { return softplus(-z); }
  constexpr T negative(T z) const { return softplus(z); }
  constexpr T positive_slope(T z) const { return -sigmoid(-z); }
  constexpr T negative_slope(T z) const { return sigmoid(z); }
};

}  // namespace ocelli
