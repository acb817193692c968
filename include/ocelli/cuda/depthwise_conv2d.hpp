// depthwise_conv2d on the device: which of the kernels of ocelli/kernels/depthwise_conv2d.cuh and
// depthwise_conv2d_weight_gradient.cuh takes a window, and how its outputs are dealt out.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <utility>

#include "ocelli/cuda/elementwise.hpp"
#include "ocelli/cuda/workspace.hpp"
#include "ocelli/kernels/depthwise_conv2d.cuh"
#include "ocelli/kernels/depthwise_conv2d_weight_gradient.cuh"

namespace ocelli::cuda {

/// Windows that have kernels of their own: 3x3 and 5x5, strides 1 and 2, no dilation.
constexpr bool depthwise_conv2d_is_hot(const DepthwiseConv2dGeometry& g) {
  return g.kernel_height == g.kernel_width && (g.kernel_height == 3 || g.kernel_height == 5) &&
         (g.stride == 1 || g.stride == 2) && g.dilation == 1;
}

/// Neighbouring outputs of a row that a thread of a strip makes.
inline constexpr int kStripColumns = 2;

/// The longest strips that still make enough threads. A sum's order does not depend on them.
inline kernel::Strip depthwise_conv2d_strip(int batch, int height, long threads_across) {
  int rows = 16;
  while (rows > 1 && long(blocks(height, rows)) * batch * threads_across < 65536) rows /= 2;
  return {rows};
}

template <class T>
void depthwise_conv2d_forward(simt::Stream stream, const OpCall<T>& call) {
  const DepthwiseConv2dGeometry g =
      depthwise_conv2d_geometry(*call.op, call.in_shape[0], call.out_shape);
  const bool four =
      g.channels % 4 == 0 && aligned(call.in[0]) && aligned(call.weight, call.bias, call.out);
  const long vectors = four ? g.channels / 4 : g.channels;
  const dim3 block(kernel::kDepthwiseThreads);
  const auto batch = static_cast<unsigned>(call.batch);
  if (!depthwise_conv2d_is_hot(g)) {
    simt::launch(
        four ? kernel::depthwise_conv2d_forward_any<4, T>
             : kernel::depthwise_conv2d_forward_any<1, T>,
        dim3(
            blocks(vectors * g.out_width, kernel::kDepthwiseThreads),
            static_cast<unsigned>(g.out_height), batch),
        block, 0, stream, g, call.in[0], call.weight, call.bias, call.epilogue, call.out);
    return;
  }
  constexpr int columns = kStripColumns;
  const auto kernel3 = g.stride == 1
                           ? (four ? kernel::depthwise_conv2d_strips<3, 1, columns, 4, false, T>
                                   : kernel::depthwise_conv2d_strips<3, 1, columns, 1, false, T>)
                           : (four ? kernel::depthwise_conv2d_strips<3, 2, columns, 4, false, T>
                                   : kernel::depthwise_conv2d_strips<3, 2, columns, 1, false, T>);
  const auto kernel5 = g.stride == 1
                           ? (four ? kernel::depthwise_conv2d_strips<5, 1, columns, 4, false, T>
                                   : kernel::depthwise_conv2d_strips<5, 1, columns, 1, false, T>)
                           : (four ? kernel::depthwise_conv2d_strips<5, 2, columns, 4, false, T>
                                   : kernel::depthwise_conv2d_strips<5, 2, columns, 1, false, T>);
  const long across = vectors * blocks(g.out_width, columns);
  const kernel::Strip strip = depthwise_conv2d_strip(call.batch, g.out_height, across);
  simt::launch(
      g.kernel_height == 3 ? kernel3 : kernel5,
      dim3(blocks(across, kernel::kDepthwiseThreads), blocks(g.out_height, strip.rows), batch),
      block, 0, stream, g, strip, call.in[0], call.weight, call.bias, call.epilogue,
      kernel::Gradient<T>{call.out, false});
}

template <class T>
void depthwise_conv2d_data_gradient(simt::Stream stream, const OpCall<T>& call) {
  const DepthwiseConv2dGeometry g =
      depthwise_conv2d_geometry(*call.op, call.in_shape[0], call.out_shape);
  const bool four = g.channels % 4 == 0 && aligned(call.dout, call.weight, call.din[0]);
  const long vectors = four ? g.channels / 4 : g.channels;
  const dim3 block(kernel::kDepthwiseThreads);
  const auto batch = static_cast<unsigned>(call.batch);
  if (!depthwise_conv2d_is_hot(g)) {
    simt::launch(
        four ? kernel::depthwise_conv2d_data_gradient_any<4, T>
             : kernel::depthwise_conv2d_data_gradient_any<1, T>,
        dim3(
            blocks(vectors * g.width, kernel::kDepthwiseThreads), static_cast<unsigned>(g.height),
            batch),
        block, 0, stream, g, call.dout, call.weight, gradient_of(call, 0));
    return;
  }
  if (g.stride == 2) {
    const auto kernel3 = four ? kernel::depthwise_conv2d_blocks<3, 2, 4, T>
                              : kernel::depthwise_conv2d_blocks<3, 2, 1, T>;
    const auto kernel5 = four ? kernel::depthwise_conv2d_blocks<5, 2, 4, T>
                              : kernel::depthwise_conv2d_blocks<5, 2, 1, T>;
    simt::launch(
        g.kernel_height == 3 ? kernel3 : kernel5,
        dim3(
            blocks(vectors * blocks(g.width + g.pad_left, 2), kernel::kDepthwiseThreads),
            blocks(g.height + g.pad_top, 2), batch),
        block, 0, stream, g, call.dout, call.weight, gradient_of(call, 0));
    return;
  }
  // A convolution of dy with the taps turned; dy and dx change places.
  DepthwiseConv2dGeometry turned = g;
  std::swap(turned.height, turned.out_height);
  std::swap(turned.width, turned.out_width);
  turned.pad_top = g.kernel_height - 1 - g.pad_top;
  turned.pad_left = g.kernel_width - 1 - g.pad_left;
  constexpr int columns = kStripColumns;
  const auto kernel3 = four ? kernel::depthwise_conv2d_strips<3, 1, columns, 4, true, T>
                            : kernel::depthwise_conv2d_strips<3, 1, columns, 1, true, T>;
  const auto kernel5 = four ? kernel::depthwise_conv2d_strips<5, 1, columns, 4, true, T>
                            : kernel::depthwise_conv2d_strips<5, 1, columns, 1, true, T>;
  const long across = vectors * blocks(turned.out_width, columns);
  const kernel::Strip strip = depthwise_conv2d_strip(call.batch, turned.out_height, across);
  Operand<T> dy;
  dy.data = call.dout;
  simt::launch(
      g.kernel_height == 3 ? kernel3 : kernel5,
      dim3(blocks(across, kernel::kDepthwiseThreads), blocks(turned.out_height, strip.rows), batch),
      block, 0, stream, turned, strip, dy, call.weight, nullptr, Activation::none,
      gradient_of(call, 0));
}

/// How dy's rows are cut for the weight gradient, and how many blocks take the pieces.
struct SegmentLaunch {
  kernel::Segments segments;
  int runs;
};
inline SegmentLaunch depthwise_conv2d_segments(const DepthwiseConv2dGeometry& g, int batch) {
  const int pieces = static_cast<int>(blocks(g.out_width, 32));
  const long all = long(batch) * g.out_height * pieces;
  const long across = (g.channels + 127) / 128;
  // A block of 4 lanes times 32 has 4 rows of threads; give each thread two segments at least.
  const long wanted = std::clamp(all / 8, 1L, std::max(1L, 2 * kBusyBlocks / across));
  const long each = (all + wanted - 1) / wanted;
  return {
      {pieces, static_cast<int>(blocks(g.out_width, pieces)), static_cast<int>(each)},
      static_cast<int>((all + each - 1) / each)};
}

/// Floats of workspace that backward needs.
template <class T>
long depthwise_conv2d_backward_floats(const OpCall<T>& call) {
  const DepthwiseConv2dGeometry g =
      depthwise_conv2d_geometry(*call.op, call.in_shape[0], call.out_shape);
  const long bias = column_sum_floats(call.batch * g.out_pixels(), g.channels);
  return std::max(depthwise_conv2d_segments(g, call.batch).runs * g.weights(), bias);
}

template <class T>
void depthwise_conv2d_weight_gradient(simt::Stream stream, const OpCall<T>& call, float* partial) {
  const DepthwiseConv2dGeometry g =
      depthwise_conv2d_geometry(*call.op, call.in_shape[0], call.out_shape);
  const bool hot = depthwise_conv2d_is_hot(g), five = hot && g.kernel_height == 5;
  // Of a 5x5 window, 25 sums of four lanes would not fit into the registers.
  const bool four = !five && g.channels % 4 == 0 && aligned(call.in[0]) && aligned(call.dout);
  const int vectors = four ? g.channels / 4 : g.channels;
  const int width = power_of_two(vectors, 32);
  const auto [segments, runs] = depthwise_conv2d_segments(g, call.batch);
  const dim3 block(
      static_cast<unsigned>(width), static_cast<unsigned>(kernel::kDepthwiseThreads / width));
  const dim3 grid(
      blocks(vectors, width), static_cast<unsigned>(runs),
      hot ? 1u : static_cast<unsigned>(g.taps()));
  const auto any = four ? kernel::depthwise_conv2d_weight_gradient_any<4, T>
                        : kernel::depthwise_conv2d_weight_gradient_any<1, T>;
  const auto kernel3 = g.stride == 1 ? (four ? kernel::depthwise_conv2d_segments<3, 1, 4, T>
                                             : kernel::depthwise_conv2d_segments<3, 1, 1, T>)
                                     : (four ? kernel::depthwise_conv2d_segments<3, 2, 4, T>
                                             : kernel::depthwise_conv2d_segments<3, 2, 1, T>);
  const auto kernel5 = g.stride == 1 ? kernel::depthwise_conv2d_segments<5, 1, 1, T>
                                     : kernel::depthwise_conv2d_segments<5, 2, 1, T>;
  simt::launch(
      hot ? (five ? kernel5 : kernel3) : any, grid, block, 0, stream, g, call.batch, segments,
      call.in[0], call.dout, partial);
  simt::launch(
      kernel::add_column_totals, total_grid(g.weights()), kTotalBlock, 0, stream, partial, runs,
      static_cast<int>(g.weights()), call.dweight);
}

template <class T>
void depthwise_conv2d_backward(simt::Stream stream, Workspace& workspace, const OpCall<T>& call) {
  const DepthwiseConv2dGeometry g =
      depthwise_conv2d_geometry(*call.op, call.in_shape[0], call.out_shape);
  float* const partial = workspace.get(depthwise_conv2d_backward_floats(call));
  if (call.dbias != nullptr)
    add_column_sums(
        stream, call.dout, call.batch * g.out_pixels(), g.channels, partial, call.dbias);
  if (call.dweight != nullptr) depthwise_conv2d_weight_gradient(stream, call, partial);
  if (call.din[0] != nullptr) depthwise_conv2d_data_gradient(stream, call);
}

}  // namespace ocelli::cuda
