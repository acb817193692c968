// Smooth L1 (Huber): quadratic near 0, linear further out.
//
//   loss(d) = d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2)      slope: d, cut to
//   +-delta
//
// Girshick, "Fast R-CNN", arXiv:1504.08083, equation 3 (delta = 1).
// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace ocelli {

template <class T>
constexpr T smooth_l1(T d, T delta = 1) {
  const T magnitude = d < 0 ? -d : d;
  return magnitude <= delta ? T(0.5) * d * d : delta * (magnitude - T(0.5) * delta);
}
/// NaN stays NaN.
template <class T>
constexpr T smooth_l1_slope(T d, T delta = 1) {
  const T low = d < -delta ? -delta : d;
  return low > delta ? delta : low;
}

}  // namespace ocelli
