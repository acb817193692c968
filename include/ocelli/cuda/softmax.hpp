// softmax on the device. Kernels: ocelli/kernels/softmax.cuh.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/cuda/elementwise.hpp"
#include "ocelli/kernels/softmax.cuh"

namespace ocelli::cuda {

template <class T>
void softmax_forward(simt::Stream stream, const OpCall<T>& call) {
  const SoftmaxGeometry g = softmax_geometry(call.in_shape[0]);
  const long pixels = call.batch * g.pixels;
  simt::launch(
      kernel::softmax_forward<T>, dim3(blocks(pixels, kernel::kSoftmaxPixels)),
      dim3(32, kernel::kSoftmaxPixels), 0, stream, call.in[0], static_cast<int>(pixels), g.channels,
      call.out);
}

template <class T>
void softmax_backward(simt::Stream stream, const OpCall<T>& call) {
  if (call.din[0] == nullptr) return;
  const SoftmaxGeometry g = softmax_geometry(call.in_shape[0]);
  const long pixels = call.batch * g.pixels;
  simt::launch(
      kernel::softmax_backward<T>, dim3(blocks(pixels, kernel::kSoftmaxPixels)),
      dim3(32, kernel::kSoftmaxPixels), 0, stream, call.out, call.dout, static_cast<int>(pixels),
      g.channels, gradient_of(call, 0));
}

}  // namespace ocelli::cuda
