// Window: the kernel, stride and padding that convolutions and pools share.
//
//   k_eff = (kernel - 1) * dilation + 1
//   SAME        out = ceil(in / stride), P = max((out - 1) * stride + k_eff - in, 0),
//               before = floor(P / 2), after = P - before         (TensorFlow: asymmetric)
//   symmetric   before = after = p,  out = floor((in + 2p - k_eff) / stride) + 1
//   VALID       symmetric with p = 0
// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace ocelli {

/// One axis of a padded window.
struct PaddedExtent {
  int out = 0;     ///< extent of the result; <= 0 when the window does not fit
  int before = 0;  ///< zeros (max pool: minus infinity) in front of the first row or column
};

/// `padding` < 0 stands for SAME, otherwise that many zeros on both sides.
constexpr PaddedExtent padded_extent(int in, int kernel, int stride, int dilation, int padding) {
  const int reach = (kernel - 1) * dilation + 1;
  if (padding < 0) {
    const int out = (in + stride - 1) / stride;
    const int total = (out - 1) * stride + reach - in;
    return {out, total > 0 ? total / 2 : 0};
  }
  const int room = in + 2 * padding - reach;
  return {room < 0 ? 0 : room / stride + 1, padding};
}

struct Window {
  int kernel_height = 1, kernel_width = 1;
  int stride = 1, dilation = 1;
  int pad_top = 0, pad_left = 0;
};

}  // namespace ocelli
