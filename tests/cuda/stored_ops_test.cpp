// Every operation's kernels over tensors of bfloat16 against the plain loops in double.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "agree.hpp"
#include "ocelli/kernels/activation.cuh"
#include "ocelli/kernels/add.cuh"
#include "ocelli/kernels/batch_norm.cuh"
#include "ocelli/kernels/column_sums.cuh"
#include "ocelli/kernels/concat.cuh"
#include "ocelli/kernels/conv2d.cuh"
#include "ocelli/kernels/depthwise_conv2d.cuh"
#include "ocelli/kernels/dropout.cuh"
#include "ocelli/kernels/pool.cuh"
#include "ocelli/kernels/softmax.cuh"
#include "ocelli/simt/device_array.hpp"
#include "stored.hpp"

namespace ocelli::test {
namespace {

// Lanes of 8, of 4 where a kernel has those, and of 1.
constexpr int kStoredChannels[] = {1, 7, 8, 12, 24, 33};

/// Of the arithmetic in float: sums and clamps are exact on the grid, curves are not.
double tolerance(Activation f) { return is_exact(f) ? 0 : rounding(64); }

Problem windowed(
    OpKind kind, int batch, int height, int width, int channels, int kernel, int stride,
    int dilation = 1, int padding = -1) {
  Problem p = of_one_input(kind, batch, height, width, channels);
  set_window(p, kernel, stride, dilation, padding);
  return p;
}

}  // namespace

TEST_CASE("cuda bfloat16: activation") {
  for (const int channels : kStoredChannels)
    for (const Activation f : kActivations) {
      CAPTURE(channels);
      CAPTURE(name(f));
      Problem p = of_one_input(OpKind::activation, 1, 3, 7, channels);
      p.op.activation = f;
      check_stored(p, tolerance(f));
      p.accumulate = true;
      p.deferred = 1;
      check_stored(p, tolerance(f));
      p.in_place = true;
      check_stored(p, tolerance(f));
    }
}

TEST_CASE("cuda bfloat16: add") {
  for (const int channels : kStoredChannels)
    for (const Activation f : kActivations) {
      CAPTURE(channels);
      CAPTURE(name(f));
      Problem p = of_one_input(OpKind::add, 1, 7, 3, channels);
      p.op.activation = f;
      p.op.input_count = 3;
      p.in[1] = p.in[2] = p.in[0];
      check_stored(p, tolerance(f));
      p.deferred = 2;
      p.accumulate = true;
      p.in_place = true;
      check_stored(p, tolerance(f));
    }
}

TEST_CASE("cuda bfloat16: concat") {
  for (const int middle : {17, 16}) {  // 16: lanes of 8 throughout
    CAPTURE(middle);
    Problem p = of_one_input(OpKind::concat, 3, 3, 5, 8);
    p.op.input_count = 3;
    p.in[1] = {3, 5, middle}, p.in[2] = {3, 5, 24};
    p.out.channels = 32 + middle;
    p.deferred = 5;
    check_stored(p);
    p.accumulate = true;
    check_stored(p);
    p.in[1] = {2, 2, middle};  // flat
    p.out = {1, 1, 120 + 4 * middle + 360};
    check_stored(p);
  }
}

TEST_CASE("cuda bfloat16: dropout") {
  for (const int channels : {1, 3, 4, 8, 33}) {
    CAPTURE(channels);
    Problem p = of_one_input(OpKind::dropout, 3, 7, 5, channels);
    p.op.keep = 0.5f;
    check_stored(p);
    p.deferred = 1;
    p.accumulate = true;
    check_stored(p);
    p.in_place = true;
    check_stored(p);
    p.in_place = false;
    p.mode = Mode::infer;
    check_stored(p);
  }
}

TEST_CASE("cuda bfloat16: softmax") {
  for (const int channels : {1, 7, 33, 91}) {
    CAPTURE(channels);
    Problem p = of_one_input(OpKind::softmax, 3, 3, 7, channels);
    check_stored(p, rounding(4));
    p.accumulate = true;
    p.deferred = 1;
    check_stored(p, rounding(64));
    p.in_place = true;
    check_stored(p, rounding(64));
  }
}

TEST_CASE("cuda bfloat16: pools") {
  for (const int channels : kStoredChannels)
    for (const OpKind kind : {OpKind::max_pool, OpKind::average_pool}) {
      CAPTURE(channels);
      CAPTURE(name(kind));
      // Means of up to 9 values are rounded by float before.
      const double off = kind == OpKind::max_pool ? 0 : rounding(4);
      Problem p = windowed(kind, 2, 7, 6, channels, 3, 2);
      check_stored(p, off);
      p.accumulate = true;
      p.deferred = 1;
      check_stored(p, 4 * off);
    }
}

TEST_CASE("cuda bfloat16: batch_norm") {
  constexpr double off = rounding(1 << 8);  // as in batch_norm_test.cpp
  for (const int channels : kStoredChannels)
    for (const Activation f : {Activation::none, Activation::relu6, Activation::swish}) {
      CAPTURE(channels);
      CAPTURE(name(f));
      Problem p = of_one_input(OpKind::batch_norm, 3, 7, 7, channels);
      p.op.activation = f;
      p.weight = p.bias = true;
      p.weights = p.biases = channels;
      check_stored(p, off);
      p.accumulate = true;
      p.deferred = 1;
      p.deferred_activation = Activation::relu;
      check_stored(p, off);
      p.deferred = 0;
      p.makes_out = p.accumulate = false;
      p.in_place = true;
      check_stored(p, off);
      p.op.stored_statistics = true;
      check_stored(p, off);
    }
  Problem p = of_one_input(OpKind::batch_norm, 2, 25, 30, 40);  // more rows than a block takes
  p.weight = p.bias = true;
  p.weights = p.biases = 40;
  check_stored(p, off);
}

TEST_CASE("cuda bfloat16: depthwise_conv2d") {
  struct Case {
    int height, width, kernel, stride, dilation, padding;
  };
  // Both hot windows at both strides, and those that have no kernel of their own.
  for (const Case& c :
       {Case{7, 7, 3, 1, 1, -1},
        {7, 8, 3, 2, 1, -1},
        {1, 1, 3, 2, 1, -1},
        {7, 6, 5, 1, 1, -1},
        {7, 8, 5, 2, 1, -1},
        {9, 9, 3, 1, 2, -1},
        {6, 7, 2, 1, 1, -1},
        {19, 67, 3, 1, 1, -1}})
    for (const int channels : {1, 7, 8, 12}) {
      CAPTURE(c.height);
      CAPTURE(c.kernel);
      CAPTURE(c.stride);
      CAPTURE(c.dilation);
      CAPTURE(channels);
      Problem p = windowed(
          OpKind::depthwise_conv2d, 1, c.height, c.width, channels, c.kernel, c.stride, c.dilation,
          c.padding);
      p.weight = p.bias = true;
      p.weights = long(c.kernel) * c.kernel * channels;
      p.biases = channels;
      check_stored(p);
      p.deferred = 1;
      p.accumulate = true;
      check_stored(p);
      p.mode = Mode::infer;
      p.epilogue = Activation::relu6;
      check_stored(p);
    }
}

TEST_CASE("cuda bfloat16: conv2d") {
  for (const int stride : {1, 2})
    for (const int channels : {3, 8, 12})
      for (const int out : {5, 24}) {
        CAPTURE(stride);
        CAPTURE(channels);
        CAPTURE(out);
        Problem p = windowed(OpKind::conv2d, 2, 7, 5, channels, 3, stride);
        p.out.channels = out;
        p.weight = p.bias = true;
        p.weights = 9L * channels * out;
        p.biases = out;
        check_stored(p);
        p.accumulate = true;
        check_stored(p);
        // Tensor cores round what a deferred norm makes, up to 6, before it meets factors up to 2;
        // the longest sums are of 9 * 12 of these, and of 2 * 7 * 5.
        p.deferred = 1;
        check_stored(p, 9 * 12 * 6 * 2 * 0x1p-9);
      }
}

TEST_CASE("cuda bfloat16: lanes of 8 are not taken at crooked addresses") {
  Problem p = of_one_input(OpKind::activation, 1, 3, 3, 8);
  p.op.activation = Activation::relu;
  std::vector<bfloat16> x;
  for (int i = 0; i < 73; ++i) x.emplace_back(static_cast<float>(i - 36));
  const simt::DeviceArray<bfloat16> from(x);
  simt::DeviceArray<bfloat16> to(x);
  OpCall<bfloat16> call;
  call.op = &p.op;
  call.batch = 1;
  call.in_shape[0] = call.out_shape = p.in[0];
  call.in[0].data = from.data() + 1;
  call.out = to.data() + 1;
  CudaBackendBf16().forward(call);
  const std::vector<bfloat16> y = to.values();
  CHECK(static_cast<float>(y[0]) == -36);
  for (int i = 1; i < 73; ++i)
    CHECK(static_cast<float>(y[static_cast<std::size_t>(i)]) == std::max(0, i - 36));
}

TEST_CASE("cuda bfloat16: the floors count two bytes a value, four a parameter") {
  using namespace kernel;
  using T = bfloat16;
  const long n = 2 * 7 * 5 * 6, C = 6, chunks = 3, P = n / C;
  CHECK(activation_forward_floor<T>(n) == Floor{2 * (n + n), n});
  CHECK(activation_backward_floor<T>(n, true) == Floor{2 * (n + n + n + n), 2 * n});
  CHECK(add_forward_floor<T>(n, 3) == Floor{2 * (3 * n + n), 3 * n});
  CHECK(add_backward_floor<T>(n, 3, Activation::relu, 2, 1) == Floor{2 * 5 * n, 3 * n});
  CHECK(concat_forward_floor<T>(n) == Floor{2 * (n + n), 0});
  CHECK(concat_backward_floor<T>(n, true) == Floor{2 * 3 * n, n});
  CHECK(dropout_forward_floor<T>(n) == Floor{2 * (n + n), n});
  CHECK(dropout_backward_floor<T>(n, true) == Floor{2 * 3 * n, n});
  CHECK(softmax_forward_floor<T>(P, C) == Floor{2 * (n + n), 5 * n});
  CHECK(softmax_backward_floor<T>(P, C, true) == Floor{2 * 4 * n, 4 * n});
  CHECK(column_partials_floor<T>(P, C, chunks) == Floor{2 * n + 4 * chunks * C, n});
  // Partial sums [chunks, 2, C], statistics and parameters are floats.
  CHECK(batch_norm_moments_floor<T>(P, C, chunks) == Floor{2 * n + 4 * chunks * 2 * C, 4 * n});
  CHECK(batch_norm_apply_floor<T>(P, C) == Floor{2 * (n + n) + 4 * 2 * C, 2 * n});
  CHECK(
      batch_norm_gradient_sums_floor<T>(P, C, chunks) ==
      Floor{2 * (n + n) + 4 * chunks * 2 * C, 8 * n});
  CHECK(batch_norm_data_gradient_floor<T>(P, C, true) == Floor{2 * 4 * n + 4 * 6 * C, 9 * n});

  const Problem p = windowed(OpKind::depthwise_conv2d, 2, 7, 5, 6, 3, 2);
  const DepthwiseConv2dGeometry g = depthwise_conv2d_geometry(p.op, p.in[0], p.out);
  const long in = 2 * p.in[0].size(), out = 2 * p.out.size(), w = 9 * 6, products = out * 9;
  CHECK(
      depthwise_conv2d_forward_floor<T>(g, 2, true) ==
      Floor{2 * (in + out) + 4 * (w + 6), 2 * products});
  CHECK(
      depthwise_conv2d_data_gradient_floor<T>(g, 2, true) ==
      Floor{2 * (in + in + out) + 4 * w, 2 * products});
  CHECK(
      depthwise_conv2d_weight_gradient_floor<T>(g, 2) ==
      Floor{2 * (in + out) + 4 * 2 * w, 2 * products});

  const Problem pool = windowed(OpKind::max_pool, 2, 7, 5, 6, 3, 2);
  const PoolGeometry q = pool_geometry(pool.op, pool.in[0], pool.out);
  const long pooled = 2 * pool.out.size();
  CHECK(pool_forward_floor<T>(q, 2) == Floor{2 * (in + pooled), 9 * pooled});
  CHECK(pool_backward_floor<T>(q, 2, true, true) == Floor{2 * (3 * in + pooled), 9 * pooled});

  const Problem c = windowed(OpKind::conv2d, 2, 7, 5, 6, 3, 2);
  const Conv2dGeometry h = conv2d_geometry(c.op, c.in[0], c.out);
  CHECK(
      conv2d_forward_floor<T>(h, 2, true) ==
      Floor{2 * (in + out) + 4 * (9 * 6 * 6 + 6), 2 * products * 6});
  CHECK(
      conv2d_data_gradient_floor<T>(h, 2, true) ==
      Floor{2 * (in + in + out) + 4 * 9 * 6 * 6, 2 * products * 6});
  CHECK(
      conv2d_weight_gradient_floor<T>(h, 2) ==
      Floor{2 * (in + out) + 4 * 2 * 9 * 6 * 6, 2 * products * 6});
}

}  // namespace ocelli::test
