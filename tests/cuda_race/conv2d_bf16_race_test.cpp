// The pipelined kernels of conv2d in race mode: copies that are under way, slices that are worked
// on in shared memory, sums and moments that take its place, parts that are added afterwards.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <deque>
#include <vector>

#include "cpu/problem.hpp"
#include "ocelli/cuda/batch_norm.hpp"
#include "ocelli/cuda/conv2d_backward.hpp"
#include "ocelli/cuda/memory.hpp"
#include "ocelli/simt/settings.hpp"

namespace ocelli::test {
namespace {

/// Device memory, which race mode watches.
template <class T>
class Device {
 public:
  T* filled(long count, std::uint32_t index) {
    std::vector<T> host;
    for (const float v : grid<float>(count, 1, index)) host.push_back(T(v));
    T* const at = unwritten(count);
    all_.back().upload(host.data(), host.size());
    return at;
  }
  T* unwritten(long count) {
    all_.emplace_back(static_cast<std::size_t>(count));
    return all_.back().data();
  }

 private:
  std::deque<cuda::Memory<T>> all_;
};

/// The three products with a tile, in parts of 64 of the depth (at most 16 of them).
template <class S>
void run(int channels, int out_channels, int kernel, int stride, cuda::ConvBf16Tile tile) {
  CAPTURE(sizeof(S));
  CAPTURE(channels);
  CAPTURE(static_cast<int>(tile));
  Problem p;
  p.op.kind = OpKind::conv2d;
  p.op.input_count = 1;
  p.in[0] = p.out = {6, 7, channels};
  set_window(p, kernel, stride, 1, -1);
  p.out.channels = out_channels;
  const Conv2dGeometry g = conv2d_geometry(p.op, p.in[0], p.out);
  Device<float> floats;
  Device<S> values;
  Device<bfloat16> weights;
  OpCall<S> call;
  call.op = &p.op;
  call.batch = 2;
  call.in_shape[0] = p.in[0];
  call.out_shape = p.out;
  call.in[0] = {
      values.filled(2 * p.in[0].size(), 1), floats.filled(channels, 2), floats.filled(channels, 3),
      Activation::relu6};
  call.bias = floats.filled(out_channels, 4);
  call.dweight = floats.filled(g.weights(), 5);
  call.dout = values.filled(2 * p.out.size(), 6);
  const bfloat16* const weight = weights.filled(g.weights(), 7);
  for (const std::uint64_t seed : {0, 1})
    for (const bool cuts : {false, true}) {
      const simt::ScheduleSeed schedule(seed);
      call.out = values.unwritten(2 * p.out.size());
      call.din[0] = values.unwritten(2 * p.in[0].size());
      const auto cut = [&](long of) {
        const long each = cuts ? 64 : (of + 63) / 64 * 64;
        return cuda::ConvCut{
            tile, static_cast<int>(each), static_cast<int>((of + each - 1) / each)};
      };
      const int chunk = cuda::conv2d_bf16_chunk(g, 2, tile);
      float* const moments =
          floats.unwritten(2L * cuda::blocks(2 * g.out_pixels(), chunk) * out_channels);
      CHECK_NOTHROW(cuda::conv2d_bf16_forward_with(
          nullptr, call, weight, cut(g.taps() * channels), floats.unwritten(16 * 2 * p.out.size()),
          moments));
      CHECK_NOTHROW(cuda::conv2d_bf16_data_gradient_with(
          nullptr, call, weight, cut(g.taps() * out_channels),
          floats.unwritten(16 * 2 * p.in[0].size())));
      CHECK_NOTHROW(cuda::conv2d_bf16_weight_gradient_with(
          nullptr, call, cut(2 * g.out_pixels()), floats.unwritten(16 * g.weights())));
    }
}

}  // namespace

TEST_CASE("cuda race mode: convolutions in bfloat16") {
  using cuda::ConvBf16Tile;
  for (const ConvBf16Tile tile :
       {ConvBf16Tile::narrow, ConvBf16Tile::middle, ConvBf16Tile::small}) {
    run<bfloat16>(16, 40, 3, 1, tile);
    run<float>(16, 40, 3, 1, tile);
  }
  run<bfloat16>(72, 136, 1, 1, ConvBf16Tile::wide);
  run<bfloat16>(8, 16, 3, 2, ConvBf16Tile::small);
  run<bfloat16>(3, 5, 3, 2, ConvBf16Tile::narrow);
  run<float>(5, 3, 2, 1, ConvBf16Tile::small);
}

TEST_CASE("cuda race mode: batch norm's statistics from moments; parts of a weight gradient") {
  Device<float> floats;
  const int chunks = 70, channels = 11, chunk = 32, rows = 69 * 32 + 5;
  const float* const moments = floats.filled(2 * chunks * channels, 1);
  const kernel::NormTensors norm{
      nullptr,
      nullptr,
      floats.filled(channels, 2),
      floats.filled(channels, 3),
      floats.unwritten(4 * channels),
      0.9,
      0.001};
  for (const std::uint64_t seed : {0, 1}) {
    const simt::ScheduleSeed schedule(seed);
    CHECK_NOTHROW(simt::launch(
        kernel::batch_norm_collect, dim3(2), dim3(kernel::kCollectColumns, kernel::kCollectRows), 0,
        nullptr, moments, chunks, chunk, rows, channels, norm));
    CHECK_NOTHROW(simt::launch(
        kernel::conv2d_add_weight_parts, dim3(2), dim3(kernel::kPartColumns, kernel::kPartRows), 0,
        nullptr, moments, 40, 35, floats.filled(35, 4)));
  }
}

}  // namespace ocelli::test
