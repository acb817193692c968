// activation: an element-wise function and its derivative.
//
//   none     y = x
//   relu     y = max(x, 0)
//   relu6    y = min(max(x, 0), 6)
//   swish    y = x * sigmoid(x)
//   sigmoid  y = 1 / (1 + exp(-x))
//
// At the corners (0, and 6 for relu6) the derivative is 0, as in TensorFlow.
//
// The operation's backward reads its input; `din` may be `dout`.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/core/fast_math.hpp"

namespace ocelli {

enum class Activation : int { none, relu, relu6, swish, sigmoid };

/// NaN stays NaN.
template <class T>
constexpr T activate(Activation f, T x) {
  switch (f) {
    case Activation::none:
      return x;
    case Activation::relu:
      return x < T(0) ? T(0) : x;
    case Activation::relu6:
      return x < T(0) ? T(0) : (x > T(6) ? T(6) : x);
    case Activation::swish:
      return x * sigmoid(x);
    case Activation::sigmoid:
      return sigmoid(x);
  }
  return x;
}

/// dy/dx at x, the value before the activation.
template <class T>
constexpr T activation_slope(Activation f, T x) {
  switch (f) {
    case Activation::none:
      return T(1);
    case Activation::relu:
      return x > T(0) ? T(1) : T(0);
    case Activation::relu6:
      return x > T(0) && x < T(6) ? T(1) : T(0);
    case Activation::swish: {
      const T s = sigmoid(x);
      return s * (T(1) + x * (T(1) - s));
    }
    case Activation::sigmoid: {
      const T s = sigmoid(x);
      return s * (T(1) - s);
    }
  }
  return T(1);
}

/// Whether dy/dx can be told from y alone, so that x need not be kept. Not so for swish, which is
/// not monotonic.
constexpr bool slope_from_output(Activation f) { return f != Activation::swish; }

/// dy/dx from y = f(x), where slope_from_output(f); the same value as activation_slope(f, x).
template <class T>
constexpr T activation_slope_at_output(Activation f, T y) {
  return f == Activation::sigmoid ? y * (T(1) - y) : activation_slope(f, y);
}

constexpr const char* name(Activation f) {
  switch (f) {
    case Activation::none:
      return "none";
    case Activation::relu:
      return "relu";
    case Activation::relu6:
      return "relu6";
    case Activation::swish:
      return "swish";
    case Activation::sigmoid:
      return "sigmoid";
  }
  return "?";
}

}  // namespace ocelli
