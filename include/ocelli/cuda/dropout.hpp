// dropout on the device. Kernels: ocelli/kernels/dropout.cuh.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/cuda/elementwise.hpp"
#include "ocelli/kernels/dropout.cuh"

namespace ocelli::cuda {

/// In inference a copy: an activation that is the identity.
template <class T>
void dropout_forward(simt::Stream stream, const OpCall<T>& call) {
  const int channels = call.out_shape.channels;
  const long size = call.batch * call.out_shape.size();
  const bool vectors = aligned(call.in[0]) && aligned(call.out);
  const ElementLaunch<T> launch(size, channels, vectors);
  if (call.mode == Mode::infer) {
    simt::launch(
        launch.wide ? kernel::activation_forward<kernel::kWide<T>, T>
                    : kernel::activation_forward<1, T>,
        launch.grid, launch.block, 0, stream, call.in[0], launch.values, launch.vectors,
        Activation::none, call.out);
    return;
  }
  simt::launch(
      vectors && channels % 4 == 0 ? kernel::dropout_forward<true, T>
                                   : kernel::dropout_forward<false, T>,
      dim3(blocks(size, 4 * kernel::kElementThreads)), launch.block, 0, stream, call.in[0],
      launch.values, kernel::Divider(channels), DropoutMask(call.seed, call.step, *call.op),
      1.0f / call.op->keep, call.out);
}

template <class T>
void dropout_backward(simt::Stream stream, const OpCall<T>& call) {
  if (call.din[0] == nullptr) return;
  const long size = call.batch * call.out_shape.size();
  const bool four = size % 4 == 0 && aligned(call.dout, call.din[0]);
  simt::launch(
      four ? kernel::dropout_backward<true, T> : kernel::dropout_backward<false, T>,
      dim3(blocks(size, 4 * kernel::kElementThreads)), dim3(kernel::kElementThreads), 0, stream,
      call.dout, static_cast<int>(size), DropoutMask(call.seed, call.step, *call.op),
      1.0f / call.op->keep, gradient_of(call, 0));
}

}  // namespace ocelli::cuda
