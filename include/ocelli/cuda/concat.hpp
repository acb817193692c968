// concat on the device, one launch an input. Kernels: ocelli/kernels/concat.cuh.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/cuda/elementwise.hpp"
#include "ocelli/kernels/concat.cuh"

namespace ocelli::cuda {

/// Calls body(k, launch, rows) for each input that is wanted.
template <class Wanted, class Body>
void for_each_joined(const OpCall<float>& call, const Wanted& wanted, const Body& body) {
  const int count = call.op->input_count;
  const ConcatGeometry g = concat_geometry(call.in_shape, count, call.out_shape);
  long before = 0;
  for (int k = 0; k < count; ++k) {
    const Shape& shape = call.in_shape[k];
    const long length = g.row_length(shape);
    if (wanted(k)) {
      const bool four = length % 4 == 0 && g.out_row % 4 == 0 && before % 4 == 0 &&
                        aligned(call.in[k]) && aligned(call.out, call.dout, call.din[k]);
      const ElementLaunch launch(call.batch * shape.size(), shape.channels, four);
      const int lanes = launch.four ? 4 : 1;
      body(
          k, launch,
          kernel::JoinedRows{
              launch.values, kernel::Divider(static_cast<int>(length) / lanes), launch.vectors,
              g.out_row, before});
    }
    before += length;
  }
}

inline void concat_forward(simt::Stream stream, const OpCall<float>& call) {
  for_each_joined(
      call, [](int) { return true; },
      [&](int k, const ElementLaunch& launch, const kernel::JoinedRows& rows) {
        simt::launch(
            launch.four ? kernel::concat_forward<4> : kernel::concat_forward<1>, launch.grid,
            launch.block, 0, stream, rows, call.in[k], call.out);
      });
}

inline void concat_backward(simt::Stream stream, const OpCall<float>& call) {
  for_each_joined(
      call, [&](int k) { return call.din[k] != nullptr; },
      [&](int k, const ElementLaunch& launch, const kernel::JoinedRows& rows) {
        simt::launch(
            launch.four ? kernel::concat_backward<4> : kernel::concat_backward<1>, launch.grid,
            launch.block, 0, stream, rows, call.dout, gradient_of(call, k));
      });
}

}  // namespace ocelli::cuda
