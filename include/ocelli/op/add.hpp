// add: the element-wise sum of 2 to 8 tensors of one shape, then an activation.
//
//   y = f(x0 + x1 + ...)          x0, x1, ... , y [N,H,W,C]
//   dxk = dy * f'(x0 + x1 + ...)
//
// `out` may be an undeferred input's memory, a `din` may be `dout`. Backward reads `out` when f is
// relu, relu6 or sigmoid, the inputs when it is swish, and neither when f is the identity.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/op/activation.hpp"

namespace ocelli {

/// Whether backward needs the inputs of an `add` that ends in f.
constexpr bool add_backward_reads_inputs(Activation f) { return !slope_from_output(f); }
/// Whether backward needs the output of an `add` that ends in f.
constexpr bool add_backward_reads_output(Activation f) {
  return slope_from_output(f) && f != Activation::none;
}

}  // namespace ocelli
