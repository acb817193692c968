// conv2d's backward on the device: the gradients that are wanted.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "ocelli/cuda/conv2d.hpp"
#include "ocelli/cuda/conv2d_bf16_data_gradient.hpp"
#include "ocelli/cuda/conv2d_bf16_weight_gradient.hpp"
#include "ocelli/cuda/conv2d_data_gradient.hpp"
#include "ocelli/cuda/conv2d_weight_gradient.hpp"

namespace ocelli::cuda {

/// Floats of workspace that backward needs.
template <class S>
long conv2d_backward_floats(const OpCall<S>& call, Precision precision) {
  const Conv2dGeometry g = conv2d_geometry(*call.op, call.in_shape[0], call.out_shape);
  const long bias = column_sum_floats(call.batch * g.out_pixels(), g.out_channels);
  if (!conv2d_in_bf16<S>(precision))
    return std::max(conv2d_weight_gradient_floats(g, call.batch), bias);
  const long weights = conv2d_bf16_weight_gradient_cut(g, call.batch).parts * g.weights();
  const long data =
      detail::rounded_floats(g) + conv2d_bf16_data_gradient_cut(g, call.batch)
                                      .partial_floats(call.batch * g.pixels(), g.channels);
  return std::max({weights, data, bias});
}

template <class S>
void conv2d_backward(
    simt::Stream stream, Workspace& workspace, const OpCall<S>& call, Precision precision,
    const ConvShared& shared = {}) {
  const Conv2dGeometry g = conv2d_geometry(*call.op, call.in_shape[0], call.out_shape);
  float* const partial = workspace.get(conv2d_backward_floats(call, precision));
  if (call.dbias != nullptr)
    add_column_sums(
        stream, call.dout, call.batch * g.out_pixels(), g.out_channels, partial, call.dbias);
  if (conv2d_in_bf16<S>(precision)) {
    if (call.dweight != nullptr)
      conv2d_bf16_weight_gradient_with(
          stream, call, conv2d_bf16_weight_gradient_cut(g, call.batch), partial);
    if (call.din[0] == nullptr) return;
    const bfloat16* const weight = detail::rounded_weight(stream, call, g, shared, partial);
    conv2d_bf16_data_gradient_with(
        stream, call, weight, conv2d_bf16_data_gradient_cut(g, call.batch),
        partial + detail::rounded_floats(g));
  } else if constexpr (std::is_same_v<S, float>) {
    if (call.dweight != nullptr) conv2d_weight_gradient(stream, call, partial, precision);
    if (call.din[0] != nullptr) conv2d_data_gradient(stream, call, precision);
  }
}

}  // namespace ocelli::cuda
