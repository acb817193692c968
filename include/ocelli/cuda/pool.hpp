// max_pool and average_pool on the device. Kernels: ocelli/kernels/pool.cuh.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/cuda/elementwise.hpp"
#include "ocelli/kernels/pool.cuh"

namespace ocelli::cuda {

template <class T>
void max_pool_forward(simt::Stream stream, const OpCall<T>& call) {
  const PoolGeometry g = pool_geometry(*call.op, call.in_shape[0], call.out_shape);
  const ElementLaunch<T> launch(
      call.batch * call.out_shape.size(), g.channels, aligned(call.in[0]) && aligned(call.out));
  simt::launch(
      launch.wide ? kernel::max_pool_forward<kernel::kWide<T>, T> : kernel::max_pool_forward<1, T>,
      launch.grid, launch.block, 0, stream, g, launch.values, call.in[0], call.out);
}

template <class T>
void average_pool_forward(simt::Stream stream, const OpCall<T>& call) {
  const PoolGeometry g = pool_geometry(*call.op, call.in_shape[0], call.out_shape);
  const ElementLaunch<T> launch(
      call.batch * call.out_shape.size(), g.channels, aligned(call.in[0]) && aligned(call.out));
  simt::launch(
      launch.wide ? kernel::average_pool_forward<kernel::kWide<T>, T>
                  : kernel::average_pool_forward<1, T>,
      launch.grid, launch.block, 0, stream, g, launch.values, call.in[0], call.out);
}

template <class T>
void max_pool_backward(simt::Stream stream, const OpCall<T>& call) {
  if (call.din[0] == nullptr) return;
  const PoolGeometry g = pool_geometry(*call.op, call.in_shape[0], call.out_shape);
  // With 8 lanes the largest values and their places would not fit into the registers.
  const ElementLaunch<T, 4> launch(
      call.batch * call.in_shape[0].size(), g.channels,
      aligned(call.in[0]) && aligned(call.dout, call.din[0]));
  simt::launch(
      launch.wide ? kernel::max_pool_backward<4, T> : kernel::max_pool_backward<1, T>, launch.grid,
      launch.block, 0, stream, g, launch.values, call.in[0], call.dout, gradient_of(call, 0));
}

template <class T>
void average_pool_backward(simt::Stream stream, const OpCall<T>& call) {
  if (call.din[0] == nullptr) return;
  const PoolGeometry g = pool_geometry(*call.op, call.in_shape[0], call.out_shape);
  const ElementLaunch<T> launch(
      call.batch * call.in_shape[0].size(), g.channels, aligned(call.dout, call.din[0]));
  simt::launch(
      launch.wide ? kernel::average_pool_backward<kernel::kWide<T>, T>
                  : kernel::average_pool_backward<1, T>,
      launch.grid, launch.block, 0, stream, g, launch.values, call.dout, gradient_of(call, 0));
}

}  // namespace ocelli::cuda
