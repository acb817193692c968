// What convolutions in bfloat16 share with others: the moments of their output with the batch norm
// behind them, and one rounded copy of the weights among all.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "conv2d_bf16_case.hpp"
#include "ocelli/cuda/conv2d_bf16_forward.hpp"
#include "ocelli/kernels/batch_norm_collect.cuh"

namespace ocelli::test {
namespace {

/// Mean and variance of each column of y [rows, columns].
struct Moments {
  std::vector<double> mean, variance;
  template <class S>
  Moments(const std::vector<S>& y, int columns)
      : mean(static_cast<std::size_t>(columns)), variance(mean.size()) {
    const double n = static_cast<double>(y.size() / mean.size());
    const auto value = [&](std::size_t i) { return double(static_cast<float>(y[i])); };
    for (std::size_t i = 0; i < y.size(); ++i) mean[i % mean.size()] += value(i) / n;
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double d = value(i) - mean[i % mean.size()];
      variance[i % mean.size()] += d * d / n;
    }
  }
};

/// A convolution and the batch norm behind it, forward on a backend.
template <class S>
class NormedConvolution {
 public:
  NormedConvolution(const ConvCase& c, float offset)
      : conv_(conv(c)),
        norm_(conv_),
        x_(stored<S>(grid<float>(c.batch * conv_.in[0].size(), 3, 1))),
        y_(static_cast<std::size_t>(c.batch * conv_.out.size())),
        normed_(std::vector<S>(y_.size())),
        w_(grid<float>(conv_.weights, 3, 2)),
        bias_(std::vector<float>(static_cast<std::size_t>(c.out), offset)),
        statistics_(4 * bias_.size()),
        moving_mean_(bias_.size()),
        moving_variance_(bias_.size()) {
    reset_moving();
    norm_.op.kind = OpKind::batch_norm;
    norm_.op.inputs[0] = conv_.op.output = 6;
    norm_.op.output = 7;
    conv_.op.inputs[0] = 5;
    conv_call_.op = &conv_.op;
    norm_call_.op = &norm_.op;
    conv_call_.batch = norm_call_.batch = c.batch;
    conv_call_.in_shape[0] = conv_.in[0];
    conv_call_.out_shape = norm_call_.in_shape[0] = norm_call_.out_shape = conv_.out;
    conv_call_.in[0].data = x_.data();
    conv_call_.weight = w_.data();
    conv_call_.bias = bias_.data();
    conv_call_.out = y_.data();
    norm_call_.in[0].data = y_.data();
    norm_call_.out = normed_.data();
    norm_call_.batch_norm = statistics_.data();
    norm_call_.moving_mean = moving_mean_.data();
    norm_call_.moving_variance = moving_variance_.data();
    norm_call_.norm.decay = 0.5;
  }
  NormedConvolution(const NormedConvolution&) = delete;
  NormedConvolution& operator=(const NormedConvolution&) = delete;

  /// Checks the statistics against those of y.
  /// @param spoil    y is overwritten before the norm runs, which must not matter
  /// @param between  something else runs between the two, so the norm must read y
  void check(double tolerance, bool spoil, bool between) {
    BasicCudaBackend<S> backend(nullptr, Precision::bf16);
    backend.reserve(conv_call_);
    backend.reserve(norm_call_);
    backend.forward(conv_call_);
    const Moments want(y_.values(), conv_.out.channels);
    if (between) {
      OpCall<S> again = norm_call_;
      again.in[0].data = normed_.data();
      again.out = nullptr;
      backend.forward(again);
      reset_moving();
    }
    if (spoil) set_all(y_, S(77.0f));
    backend.forward(norm_call_);
    const std::vector<float> statistics = this->statistics(), moving_mean = moving_mean_.values(),
                             moving_variance = moving_variance_.values();
    const double rows = double(conv_.batch) * double(conv_.out.pixels());
    for (std::size_t c = 0; c < bias_.size(); ++c) {
      CAPTURE(c);
      const double deviation = std::sqrt(want.variance[c] + norm_call_.norm.epsilon);
      CHECK(std::abs(statistics[c] - want.mean[c]) <= tolerance * (1 + std::abs(want.mean[c])));
      CHECK(std::abs(statistics[bias_.size() + c] * deviation - 1) <= tolerance);
      CHECK(
          std::abs(moving_mean[c] - 0.5 * want.mean[c]) <=
          tolerance * (1 + std::abs(want.mean[c])));
      const double unbiased = want.variance[c] * (rows > 1 ? rows / (rows - 1) : 1);
      CHECK(std::abs(moving_variance[c] - 0.5 - 0.5 * unbiased) <= tolerance * (1 + unbiased));
    }
  }
  std::vector<float> statistics() const { return statistics_.values(); }

 private:
  void reset_moving() {
    set_all(moving_mean_, 0.0f);
    set_all(moving_variance_, 1.0f);
  }

  Problem conv_, norm_;
  simt::DeviceArray<S> x_, y_, normed_;
  simt::DeviceArray<float> w_, bias_, statistics_, moving_mean_, moving_variance_;
  OpCall<S> conv_call_, norm_call_;
};

}  // namespace

TEST_CASE("cuda conv2d bf16: leaves batch norm the moments of its output") {
  // Rows of less than a tile, of several, of several blocks; columns of one tile and of several.
  for (const ConvCase& c :
       {ConvCase{1, 1, 1, 8, 8, 1, 1, 1, -1},
        {1, 7, 5, 3, 5, 3, 1, 1, -1},
        {3, 17, 13, 8, 24, 1, 1, 1, -1},
        {2, 9, 9, 16, 136, 3, 1, 1, -1}})
    for (const bool spoil : {false, true}) {
      CAPTURE(c.out);
      CAPTURE(spoil);
      // Sums of some hundred numbers in float, of numbers below 2^7.
      NormedConvolution<bfloat16>(c, 0).check(0x1p-16, spoil, false);
      NormedConvolution<float>(c, 0.5f).check(0x1p-16, spoil, false);
    }
}

TEST_CASE("cuda conv2d bf16: moments about a mean that is large") {
  // y = 1000 + some 10: float keeps 2^-14 of it, of which squares are made.
  NormedConvolution<float>({3, 17, 13, 8, 24, 1, 1, 1, -1}, 1000).check(0x1p-15, true, false);
}

TEST_CASE("cuda conv2d bf16: moments of what has run before are not taken") {
  NormedConvolution<bfloat16>({2, 9, 7, 8, 24, 1, 1, 1, -1}, 0).check(0x1p-16, false, true);
}

TEST_CASE("cuda conv2d bf16: moments have the same bits in any order") {
  const ConvCase c{3, 17, 13, 8, 24, 1, 1, 1, -1};
  NormedConvolution<bfloat16> straight(c, 0), shuffled(c, 0);
  straight.check(0x1p-16, true, false);
#ifndef __CUDACC__
  const simt::ScheduleSeed seed(5);
#endif
  shuffled.check(0x1p-16, true, false);
  CHECK(straight.statistics() == shuffled.statistics());
}

namespace {

/// That `moments` [chunks, 2, columns] are those of chunks of y's rows.
template <class S>
void check_moments(
    const simt::DeviceArray<S>& made, int columns, int chunk,
    const simt::DeviceArray<float>& made_moments) {
  const std::vector<S> y = made.values();
  const std::vector<float> all_moments = made_moments.values();
  const float* moments = all_moments.data();
  const long rows = static_cast<long>(y.size()) / columns;
  for (long first = 0; first < rows; first += chunk, moments += 2 * columns) {
    const long last = std::min(rows, first + chunk);
    const std::vector<S> part(y.begin() + first * columns, y.begin() + last * columns);
    const Moments want(part, columns);
    for (std::size_t c = 0; c < want.mean.size(); ++c) {
      CHECK(std::abs(moments[c] - want.mean[c]) < 0x1p-18);
      const double squares = want.variance[c] * static_cast<double>(last - first);
      CHECK(std::abs(moments[want.mean.size() + c] - squares) < 0x1p-18 * squares);
    }
  }
}

}  // namespace

TEST_CASE("cuda conv2d bf16: blocks that take several tiles of rows") {
  // As a large batch makes them: chunks of three tiles, of which the last block has one.
  const ConvCase c{5, 12, 11, 8, 24, 1, 1, 1, -1};
  const Problem p = conv(c);
  const Conv2dGeometry g = conv2d_geometry(p.op, p.in[0], p.out);
  const auto x = grid<float>(5 * p.in[0].size(), 1, 1);
  const simt::DeviceArray<bfloat16> stored_x(stored<bfloat16>(x));
  const simt::DeviceArray<bfloat16> w(stored<bfloat16>(grid<float>(p.weights, 1, 2)));
  simt::DeviceArray<bfloat16> y(static_cast<std::size_t>(5 * p.out.size()));
  const int rows = static_cast<int>(5 * g.out_pixels()), tiles = 3;
  using T = cuda::detail::Bf16Tile<cuda::ConvBf16Tile::narrow>::Type;
  const int chunk = tiles * T::rows, chunks = (rows + chunk - 1) / chunk;
  CHECK(chunks == 2);
  simt::DeviceArray<float> moments(static_cast<std::size_t>(2 * 6 * c.out));
  simt::launch(
      kernel::conv2d_mma_forward<T, bfloat16>, dim3(1, static_cast<unsigned>(chunks)),
      dim3(T::threads), 0, nullptr, cuda::detail::conv2d_plan(g, 5, g.channels, true, true),
      Operand<bfloat16>{stored_x.data()}, w.data(), tiles, kernel::DepthCut{64, nullptr}, nullptr,
      Activation::none, y.data(), true, moments.data());
  check_moments(y, c.out, chunk, moments);

  // Middle tiles in place of a wide one leave the wide one's chunks.
  const simt::DeviceArray<float> float_x(x);
  simt::DeviceArray<float> wide_y(y.size());
  OpCall<float> call;
  call.op = &p.op;
  call.batch = 5;
  call.in_shape[0] = p.in[0];
  call.out_shape = p.out;
  call.in[0].data = float_x.data();
  call.out = wide_y.data();
  cuda::conv2d_bf16_forward_with(
      nullptr, call, w.data(), {cuda::ConvBf16Tile::wide, 64, 1}, nullptr, moments.data());
  CHECK(cuda::conv2d_bf16_chunk(g, 5, cuda::ConvBf16Tile::wide) == 128);
  check_moments(wide_y, c.out, 128, moments);
}

TEST_CASE("cuda conv2d bf16: the floor of collecting moments") {
  // Reads the moments, gamma, beta and the moving ones; writes the moving ones and four more.
  CHECK(
      kernel::batch_norm_collect_floor(6, 9) == kernel::Floor{4 * (2 * 9 * 6 + 10 * 6), 5 * 9 * 6});
}

TEST_CASE("cuda conv2d bf16: weights are read from the shared copy") {
  const ConvCase c{1, 3, 3, 8, 8, 1, 1, 1, -1};
  const Problem p = conv(c);
  const std::vector<float> weights = grid<float>(100, 1, 2);
  const simt::DeviceArray<float> x(grid<float>(p.in[0].size(), 1, 1));
  simt::DeviceArray<float> slab(weights), first(x.size()), second(x.size());
  CudaBackend backend(nullptr, Precision::bf16);
  OpCall<float> call;
  call.op = &p.op;
  call.batch = 1;
  call.in_shape[0] = p.in[0];
  call.out_shape = p.out;
  call.in[0].data = x.data();
  call.weight = slab.data() + 16;
  call.out = first.data();
  backend.reserve(call);
  const std::size_t before = backend.scratch_bytes();
  backend.reserve_weights(slab.data(), 100);
  CHECK(backend.scratch_bytes() == before + 200);
  backend.forward(call);  // makes its own: nobody has filled the copy
  backend.weights_changed(slab.data());
  set_all(slab, 0.0f);
  call.out = second.data();
  backend.forward(call);
  CHECK(second.values() == first.values());
  backend.weights_changed(slab.data());
  backend.forward(call);
  CHECK(second.values() == std::vector<float>(x.size()));
  simt::upload(slab.data(), weights.data(), weights.size() * sizeof(float));
  simt::synchronize();
  backend.forget_weights(slab.data());
  CHECK(backend.scratch_bytes() == before);
  backend.forward(call);
  CHECK(second.values() == first.values());
}

}  // namespace ocelli::test
