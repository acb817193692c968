// activation on the device. Kernels: ocelli/kernels/activation.cuh.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/cuda/elementwise.hpp"

namespace ocelli::cuda {

template <class T>
void activation_forward(simt::Stream stream, const OpCall<T>& call) {
  const ElementLaunch<T> launch(
      call.batch * call.out_shape.size(), call.out_shape.channels,
      aligned(call.in[0]) && aligned(call.out));
  simt::launch(
      launch.wide ? kernel::activation_forward<kernel::kWide<T>, T>
                  : kernel::activation_forward<1, T>,
      launch.grid, launch.block, 0, stream, call.in[0], launch.values, launch.vectors,
      call.op->activation, call.out);
}

template <class T>
void activation_backward(simt::Stream stream, const OpCall<T>& call) {
  if (call.din[0] == nullptr) return;
  const ElementLaunch<T> launch(
      call.batch * call.out_shape.size(), call.out_shape.channels,
      aligned(call.in[0]) && aligned(call.dout, call.din[0]));
  simt::launch(
      launch.wide ? kernel::activation_backward<kernel::kWide<T>, T>
                  : kernel::activation_backward<1, T>,
      launch.grid, launch.block, 0, stream, call.in[0], call.dout, launch.values, launch.vectors,
      call.op->activation, gradient_of(call, 0));
}

}  // namespace ocelli::cuda
