// batch_norm on the device. Kernels: ocelli/kernels/batch_norm.cuh.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/cuda/column_moments.hpp"
#include "ocelli/cuda/elementwise.hpp"
#include "ocelli/cuda/workspace.hpp"
#include "ocelli/kernels/batch_norm.cuh"
#include "ocelli/kernels/batch_norm_collect.cuh"

namespace ocelli::cuda {

/// Floats of workspace, forward or backward: partial sums [chunks, 2, C], and [4, C] for statistics
/// that have no other place, or for what flows back through them.
template <class T>
long batch_norm_floats(const OpCall<T>& call) {
  const BatchNormGeometry g = batch_norm_geometry(call.in_shape[0]);
  return 2 * column_sum_floats(call.batch * g.pixels, g.channels) + 4L * g.channels;
}

/// @param moments  of the input, where its maker has left them; null: it is read for them
template <class T>
void batch_norm_forward(
    simt::Stream stream, Workspace& workspace, const OpCall<T>& call,
    const ColumnMoments* moments = nullptr) {
  const BatchNormGeometry g = batch_norm_geometry(call.in_shape[0]);
  const int channels = g.channels, rows = static_cast<int>(call.batch * g.pixels);
  float* const own = workspace.get(batch_norm_floats(call));
  float* const partial = own + 4L * channels;
  const kernel::NormTensors norm{
      call.weight,
      call.bias,
      call.moving_mean,
      call.moving_variance,
      call.batch_norm != nullptr ? call.batch_norm : own,
      call.norm.decay,
      call.norm.epsilon};

  if (call.mode == Mode::train && !call.op->stored_statistics && moments != nullptr) {
    simt::launch(
        kernel::batch_norm_collect, dim3(blocks(channels, kernel::kCollectColumns)),
        dim3(kernel::kCollectColumns, kernel::kCollectRows), 0, stream, moments->moments,
        moments->chunks(), moments->chunk, rows, channels, norm);
  } else if (call.mode == Mode::train && !call.op->stored_statistics) {
    const RowChunks cut = row_chunks(rows, channels);
    const int lanes = channel_lanes<T>(channels, aligned(call.in[0]));
    const ColumnLaunch launch = column_launch(channels, lanes, cut.chunks);
    simt::launch(
        lanes > 1 ? kernel::batch_norm_moments<kernel::kWide<T>, T>
                  : kernel::batch_norm_moments<1, T>,
        launch.grid, launch.block, 0, stream, call.in[0], rows, channels, cut.chunk, partial);
    simt::launch(
        kernel::batch_norm_statistics<T>, total_grid(channels), kTotalBlock, 0, stream, call.in[0],
        rows, channels, partial, cut.chunks, norm);
  } else {
    constexpr int threads = kernel::kTotalColumns * kernel::kTotalRows;
    simt::launch(
        kernel::batch_norm_stored_statistics, dim3(blocks(channels, threads)), dim3(threads), 0,
        stream, channels, norm);
  }
  if (call.out == nullptr) return;
  const ElementLaunch<T> launch(
      long(rows) * channels, channels, aligned(call.in[0]) && aligned(call.out, norm.batch_norm));
  simt::launch(
      launch.wide ? kernel::batch_norm_apply<kernel::kWide<T>, T> : kernel::batch_norm_apply<1, T>,
      launch.grid, launch.block, 0, stream, call.in[0], launch.values, channels, launch.vectors,
      norm.batch_norm, call.op->activation, call.out);
}

template <class T>
void batch_norm_backward(simt::Stream stream, Workspace& workspace, const OpCall<T>& call) {
  const BatchNormGeometry g = batch_norm_geometry(call.in_shape[0]);
  const int channels = g.channels, rows = static_cast<int>(call.batch * g.pixels);
  float* const through = workspace.get(batch_norm_floats(call));
  float* const partial = through + 4L * channels;
  // Stored statistics do not depend on x, so nothing flows back through them.
  const bool flows = call.din[0] != nullptr && !call.op->stored_statistics;

  if (flows || call.dweight != nullptr || call.dbias != nullptr) {
    const RowChunks cut = row_chunks(rows, channels);
    const int lanes =
        channel_lanes<T>(channels, aligned(call.in[0]) && aligned(call.dout, call.batch_norm));
    const ColumnLaunch launch = column_launch(channels, lanes, cut.chunks);
    simt::launch(
        lanes > 1 ? kernel::batch_norm_gradient_sums<kernel::kWide<T>, T>
                  : kernel::batch_norm_gradient_sums<1, T>,
        launch.grid, launch.block, 0, stream, call.in[0], call.dout, call.batch_norm,
        call.op->activation, rows, channels, cut.chunk, partial);
    simt::launch(
        kernel::batch_norm_parameter_gradients, total_grid(channels), kTotalBlock, 0, stream,
        partial, cut.chunks, rows, channels, call.dweight, call.dbias, through);
  }
  if (call.din[0] == nullptr) return;
  const ElementLaunch<T> launch(
      long(rows) * channels, channels,
      aligned(call.in[0]) && aligned(call.dout, call.din[0], call.batch_norm));
  simt::launch(
      launch.wide ? kernel::batch_norm_data_gradient<kernel::kWide<T>, T>
                  : kernel::batch_norm_data_gradient<1, T>,
      launch.grid, launch.block, 0, stream, call.in[0], call.dout, call.batch_norm,
      call.op->activation, flows ? through : nullptr, launch.values, channels, launch.vectors,
      gradient_of(call, 0));
}

}  // namespace ocelli::cuda
