// conv2d's backward on the device: the gradients that are wanted.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "ocelli/cuda/conv2d_data_gradient.hpp"
#include "ocelli/cuda/conv2d_weight_gradient.hpp"
#include "ocelli/cuda/workspace.hpp"

namespace ocelli::cuda {

/// Floats of workspace that backward needs.
template <class S>
long conv2d_backward_floats(const OpCall<S>& call) {
  const Conv2dGeometry g = conv2d_geometry(*call.op, call.in_shape[0], call.out_shape);
  const long bias = column_sum_floats(call.batch * g.out_pixels(), g.out_channels);
  return std::max(conv2d_weight_gradient_floats(g, call.batch), bias);
}

template <class S>
void conv2d_backward(
    simt::Stream stream, Workspace& workspace, const OpCall<S>& call,
    Precision precision = Precision::float32) {
  const Conv2dGeometry g = conv2d_geometry(*call.op, call.in_shape[0], call.out_shape);
  float* const partial = workspace.get(conv2d_backward_floats(call));
  if (call.dbias != nullptr)
    add_column_sums(
        stream, call.dout, call.batch * g.out_pixels(), g.out_channels, partial, call.dbias);
  if (call.dweight != nullptr) conv2d_weight_gradient(stream, call, partial, precision);
  if (call.din[0] != nullptr) conv2d_data_gradient(stream, call, precision);
}

}  // namespace ocelli::cuda
