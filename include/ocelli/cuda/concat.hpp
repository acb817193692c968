// concat on the device, one launch an input. Kernels: ocelli/kernels/concat.cuh.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/cuda/elementwise.hpp"
#include "ocelli/kernels/concat.cuh"

namespace ocelli::cuda {

/// Calls body(k, launch, rows) for each input that is wanted.
template <class T, class Wanted, class Body>
void for_each_joined(const OpCall<T>& call, const Wanted& wanted, const Body& body) {
  const int count = call.op->input_count;
  const ConcatGeometry g = concat_geometry(call.in_shape, count, call.out_shape);
  long before = 0;
  for (int k = 0; k < count; ++k) {
    const Shape& shape = call.in_shape[k];
    const long length = g.row_length(shape);
    if (wanted(k)) {
      constexpr int wide = kernel::kWide<T>;
      const bool may_be_wide = length % wide == 0 && g.out_row % wide == 0 && before % wide == 0 &&
                               aligned(call.in[k]) && aligned(call.out, call.dout, call.din[k]);
      const ElementLaunch<T> launch(call.batch * shape.size(), shape.channels, may_be_wide);
      const int lanes = launch.wide ? wide : 1;
      body(
          k, launch,
          kernel::JoinedRows{
              launch.values, kernel::Divider(static_cast<int>(length) / lanes), launch.vectors,
              g.out_row, before});
    }
    before += length;
  }
}

template <class T>
void concat_forward(simt::Stream stream, const OpCall<T>& call) {
  for_each_joined(
      call, [](int) { return true; },
      [&](int k, const ElementLaunch<T>& launch, const kernel::JoinedRows& rows) {
        simt::launch(
            launch.wide ? kernel::concat_forward<kernel::kWide<T>, T>
                        : kernel::concat_forward<1, T>,
            launch.grid, launch.block, 0, stream, rows, call.in[k], call.out);
      });
}

template <class T>
void concat_backward(simt::Stream stream, const OpCall<T>& call) {
  for_each_joined(
      call, [&](int k) { return call.din[k] != nullptr; },
      [&](int k, const ElementLaunch<T>& launch, const kernel::JoinedRows& rows) {
        simt::launch(
            launch.wide ? kernel::concat_backward<kernel::kWide<T>, T>
                        : kernel::concat_backward<1, T>,
            launch.grid, launch.block, 0, stream, rows, call.dout, gradient_of(call, k));
      });
}

}  // namespace ocelli::cuda
