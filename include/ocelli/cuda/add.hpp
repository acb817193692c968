// add on the device. Kernels: ocelli/kernels/add.cuh.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/cuda/elementwise.hpp"
#include "ocelli/kernels/add.cuh"

namespace ocelli::cuda {

inline kernel::AddInputs add_inputs(const OpCall<float>& call) {
  kernel::AddInputs in{};
  in.count = call.op->input_count;
  for (int k = 0; k < in.count; ++k) in.x[k] = call.in[k];
  return in;
}

inline void add_forward(simt::Stream stream, const OpCall<float>& call) {
  bool four = aligned(call.out);
  for (int k = 0; k < call.op->input_count; ++k) four = four && aligned(call.in[k]);
  const ElementLaunch launch(call.batch * call.out_shape.size(), call.out_shape.channels, four);
  simt::launch(
      launch.four ? kernel::add_forward<4> : kernel::add_forward<1>, launch.grid, launch.block, 0,
      stream, add_inputs(call), launch.values, launch.vectors, call.op->activation, call.out);
}

inline void add_backward(simt::Stream stream, const OpCall<float>& call) {
  kernel::AddGradients out{};
  bool four = aligned(call.out, call.dout), any = false;
  for (int k = 0; k < call.op->input_count; ++k) {
    out.dx[k] = gradient_of(call, k);
    four = four && aligned(call.in[k]) && aligned(call.din[k]);
    any = any || call.din[k] != nullptr;
  }
  if (!any) return;
  const ElementLaunch launch(call.batch * call.out_shape.size(), call.out_shape.channels, four);
  simt::launch(
      launch.four ? kernel::add_backward<4> : kernel::add_backward<1>, launch.grid, launch.block, 0,
      stream, add_inputs(call), call.out, call.dout, launch.values, launch.vectors,
      call.op->activation, out);
}

}  // namespace ocelli::cuda
