// Sigmoid focal loss: cross-entropy that fades where the net is right already.
//
//   p = sigmoid(z)     target 1:  -alpha (1 - p)^gamma log(p)
//                      target 0:  -(1 - alpha) p^gamma log(1 - p)
//
// Both are a * s^gamma * softplus(y), with s = sigmoid(y), y = -z for target 1 and z for target 0,
// and s^gamma = e^(-gamma softplus(-y)).     dy = a * s^gamma * (gamma (1 - s) softplus(y) + s)
// Lin et al., "Focal Loss for Dense Object Detection", arXiv:1708.02002, equation 5.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/core/fast_math.hpp"

namespace ocelli {

template <class T>
struct SigmoidFocal {
  T alpha = T(0.25);  ///< weight of target 1; target 0 has 1 - alpha
  T gamma = 2;        ///< >= 0; 0 is the plain cross-entropy, weighted

  constexpr T positive(T z) const { return alpha * value(-z); }
  constexpr T negative(T z) const { return (1 - alpha) * value(z); }
  constexpr T positive_slope(T z) const { return -alpha * slope(-z); }
  constexpr T negative_slope(T z) const { return (1 - alpha) * slope(z); }

 private:
  constexpr T value(T y) const { return fast_exp(-gamma * softplus(-y)) * softplus(y); }
  constexpr T slope(T y) const {
    const T s = sigmoid(y);
    return fast_exp(-gamma * softplus(-y)) * (gamma * (1 - s) * softplus(y) + s);
  }
};

}  // namespace ocelli
