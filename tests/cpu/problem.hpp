// Problem: one operation with everything it reads, to be run on any backend and compared.
//
// Values lie on a coarse binary grid, so that every product and sum of a convolution is exact in
// float whatever its order: backends must then agree to the bit, also at the corners of relu6.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "ocelli/core/random.hpp"
#include "ocelli/core/thread_pool.hpp"
#include "ocelli/op/call.hpp"
#include "ocelli/op/window.hpp"
#include "support/far_call.hpp"

namespace ocelli::test {

struct Problem {
  OpDesc op;
  int batch = 1;
  Mode mode = Mode::train;
  Shape in[kMaxInputs], out;
  int deferred = 0;  ///< bit k: input k is a deferred norm
  Activation deferred_activation = Activation::relu6;
  bool accumulate = false;   ///< din and parameter gradients hold something already
  bool in_place = false;     ///< din[0] is dout
  bool wants_input = true;   ///< din of all inputs
  bool wants_weight = true;  ///< dweight and dbias
  bool weight = false, bias = false;
  bool makes_out = true;  ///< false: a deferred batch norm
  long weights = 0, biases = 0;
  Activation epilogue = Activation::none;
  float offset = 0;       ///< added to the inputs
  float bias_offset = 0;  ///< added to the bias
  std::uint64_t seed = 1;
};

template <class T>
struct Result {
  std::vector<T> out, dweight, dbias, moving_mean, moving_variance, batch_norm;
  std::vector<T> din[kMaxInputs];
};

/// Multiples of 1/16 in [-2, 2).
template <class T>
inline std::vector<T> grid(long count, std::uint64_t seed, std::uint32_t index) {
  Random random(seed, Stream::init, 7, index);
  std::vector<T> values(static_cast<std::size_t>(count));
  for (T& v : values) v = T(int(random.below(64)) - 32) / T(16);
  return values;
}

template <class T, class Backend>
Result<T> solve(const Problem& p, int threads = 1) {
  Result<T> r;
  const std::uint64_t s = p.seed;
  OpCall<T> call;
  call.op = &p.op;
  call.batch = p.batch;
  call.mode = p.mode;
  call.out_shape = p.out;
  call.epilogue = p.epilogue;
  call.seed = 11, call.step = 3;
  std::vector<T> x[kMaxInputs], scale[kMaxInputs], shift[kMaxInputs];
  for (int k = 0; k < p.op.input_count; ++k) {
    const std::uint32_t id = static_cast<std::uint32_t>(k) * 8;
    call.in_shape[k] = p.in[k];
    x[k] = grid<T>(p.batch * p.in[k].size(), s, id);
    for (T& v : x[k]) v += T(p.offset);
    call.in[k].data = x[k].data();
    if (p.deferred >> k & 1) {
      scale[k] = grid<T>(p.in[k].channels, s, id + 1);
      shift[k] = grid<T>(p.in[k].channels, s, id + 2);
      for (T& v : scale[k]) v = v * 16 / 4;  // multiples of 1/4
      for (T& v : shift[k]) v = v * 16 / 4;
      call.in[k].scale = scale[k].data();
      call.in[k].shift = shift[k].data();
      call.in[k].activation = p.deferred_activation;
    }
    if (p.wants_input) {
      r.din[k] = grid<T>(p.batch * p.in[k].size(), s, id + 3);
      call.din[k] = r.din[k].data();
      call.accumulate[k] = p.accumulate;
    }
  }
  std::vector<T> weight = grid<T>(p.weights, s, 100), bias = grid<T>(p.biases, s, 101);
  for (T& v : bias) v += T(p.bias_offset);
  if (p.weight) call.weight = weight.data();
  if (p.bias) call.bias = bias.data();
  r.dweight = grid<T>(p.weights, s, 102);
  r.dbias = grid<T>(p.biases, s, 103);
  if (p.weight && p.wants_weight) call.dweight = r.dweight.data();
  if (p.bias && p.wants_weight) call.dbias = r.dbias.data();
  r.out.assign(static_cast<std::size_t>(p.batch * p.out.size()), T(0));
  if (p.makes_out) call.out = r.out.data();
  if (p.op.kind == OpKind::batch_norm) {
    const long C = p.in[0].channels;
    r.moving_mean = grid<T>(C, s, 104);
    r.moving_variance = grid<T>(C, s, 105);
    for (T& v : r.moving_variance) v = v * v + T(0.5);
    r.batch_norm.assign(static_cast<std::size_t>(4 * C), T(0));
    call.moving_mean = r.moving_mean.data();
    call.moving_variance = r.moving_variance.data();
    call.batch_norm = r.batch_norm.data();
  }
  std::vector<T> dy = grid<T>(p.batch * p.out.size(), s, 106);
  call.dout = dy.data();
  if (p.in_place) {
    r.din[0] = dy;
    call.din[0] = r.din[0].data();
    call.dout = call.din[0];
    call.accumulate[0] = false;
  }

  ThreadPool pool(threads);
  Backend backend(pool);
  const auto run = [&](const OpCall<T>& its) {
    backend.reserve(its);
    backend.forward(its);
    if (p.mode == Mode::train) backend.backward(its);
  };
  if constexpr (requires { typename Backend::Memory; }) {  // of its own
    const FarCall<T, typename Backend::Memory> far(call);
    run(far.call);
    far.fetch();
  } else {
    run(call);
  }
  return r;
}

template <class T, class U>
inline double largest_difference(const std::vector<T>& a, const std::vector<U>& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = std::abs(double(a[i]) - double(b[i]));
    if (!(d <= worst)) worst = d;  // a NaN counts
  }
  return worst;
}

/// Checks every result of two runs; tolerance 0 asks for the same values.
template <class T, class U>
inline void check_close(const Result<T>& a, const Result<U>& b, double tolerance) {
  CHECK(largest_difference(a.out, b.out) <= tolerance);
  CHECK(largest_difference(a.dweight, b.dweight) <= tolerance);
  CHECK(largest_difference(a.dbias, b.dbias) <= tolerance);
  CHECK(largest_difference(a.moving_mean, b.moving_mean) <= tolerance);
  CHECK(largest_difference(a.moving_variance, b.moving_variance) <= tolerance);
  CHECK(largest_difference(a.batch_norm, b.batch_norm) <= tolerance);
  for (int k = 0; k < kMaxInputs; ++k) CHECK(largest_difference(a.din[k], b.din[k]) <= tolerance);
}

/// A window of one size in both directions over p.in[0]; sets p.out but for its channels.
inline void set_window(Problem& p, int kernel, int stride, int dilation, int padding) {
  const auto y = padded_extent(p.in[0].height, kernel, stride, dilation, padding);
  const auto x = padded_extent(p.in[0].width, kernel, stride, dilation, padding);
  p.op.window = {kernel, kernel, stride, dilation, y.before, x.before};
  p.out.height = y.out;
  p.out.width = x.out;
}

/// The fast backend and the reference give the same values, on 1, 2 and 3 threads.
template <class Fast, class Slow>
inline void check_agreement(const Problem& p, double tolerance) {
  const auto fast = solve<float, Fast>(p, 1);
  check_close(fast, solve<float, Fast>(p, 2), 0);
  check_close(fast, solve<float, Fast>(p, 3), 0);
  check_close(fast, solve<typename Slow::Scalar, Slow>(p, 1), tolerance);
}

}  // namespace ocelli::test
