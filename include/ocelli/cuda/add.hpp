// add on the device. Kernels: ocelli/kernels/add.cuh.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/cuda/elementwise.hpp"
#include "ocelli/kernels/add.cuh"

namespace ocelli::cuda {

template <class T>
kernel::AddInputs<T> add_inputs(const OpCall<T>& call) {
  kernel::AddInputs<T> in{};
  in.count = call.op->input_count;
  for (int k = 0; k < in.count; ++k) in.x[k] = call.in[k];
  return in;
}

template <class T>
void add_forward(simt::Stream stream, const OpCall<T>& call) {
  bool wide = aligned(call.out);
  for (int k = 0; k < call.op->input_count; ++k) wide = wide && aligned(call.in[k]);
  const ElementLaunch<T> launch(call.batch * call.out_shape.size(), call.out_shape.channels, wide);
  simt::launch(
      launch.wide ? kernel::add_forward<kernel::kWide<T>, T> : kernel::add_forward<1, T>,
      launch.grid, launch.block, 0, stream, add_inputs(call), launch.values, launch.vectors,
      call.op->activation, call.out);
}

template <class T>
void add_backward(simt::Stream stream, const OpCall<T>& call) {
  kernel::AddGradients<T> out{};
  bool wide = aligned(call.out, call.dout), any = false;
  for (int k = 0; k < call.op->input_count; ++k) {
    out.dx[k] = gradient_of(call, k);
    wide = wide && aligned(call.in[k]) && aligned(call.din[k]);
    any = any || call.din[k] != nullptr;
  }
  if (!any) return;
  const ElementLaunch<T> launch(call.batch * call.out_shape.size(), call.out_shape.channels, wide);
  simt::launch(
      launch.wide ? kernel::add_backward<kernel::kWide<T>, T> : kernel::add_backward<1, T>,
      launch.grid, launch.block, 0, stream, add_inputs(call), call.out, call.dout, launch.values,
      launch.vectors, call.op->activation, out);
}

}  // namespace ocelli::cuda
