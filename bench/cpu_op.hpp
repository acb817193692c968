// cpu_op: one operation on the fast backend with memory of its own, to be timed.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <benchmark/benchmark.h>

#include <thread>
#include <vector>

#include "ocelli/core/buffer.hpp"
#include "ocelli/core/random.hpp"
#include "ocelli/core/thread_pool.hpp"
#include "ocelli/cpu/backend.hpp"
#include "ocelli/op/call.hpp"
#include "ocelli/op/window.hpp"

namespace ocelli::bench {

/// An operation of a detector's training step: batch 8, the input a deferred norm with relu6.
struct CpuOp {
  static constexpr int kBatch = 8;

  OpDesc op;
  OpCall<float> call;
  ThreadPool pool;
  CpuBackend backend{pool};
  std::vector<Buffer<float>> memory;

  /// @param in, out  channels
  CpuOp(OpKind kind, int size, int in, int out, int kernel, int stride) {
    op.kind = kind;
    op.input_count = 1;
    op.activation = Activation::relu6;
    const PaddedExtent e = padded_extent(size, kernel, stride, 1, -1);
    op.window = {kernel, kernel, stride, 1, e.before, e.before};
    call.op = &op;
    call.batch = kBatch;
    call.in_shape[0] = {size, size, in};
    call.out_shape = {e.out, e.out, out};
    const long x = kBatch * call.in_shape[0].size(), y = kBatch * call.out_shape.size();
    const long taps = kind == OpKind::batch_norm ? 1 : long(kernel) * kernel;
    const long weights = taps * in * (kind == OpKind::conv2d ? out : 1);
    call.in[0].data = take(x);
    if (kind != OpKind::batch_norm) {
      call.in[0].scale = take(in);
      call.in[0].shift = take(in);
      call.in[0].activation = Activation::relu6;
      call.out = take(y);
    }
    call.dout = take(y);
    call.din[0] = take(x);
    call.weight = take(weights);
    call.dweight = take(weights);
    if (kind == OpKind::batch_norm) {
      call.bias = take(in);
      call.dbias = take(in);
      call.moving_mean = take(in);
      call.moving_variance = take(in);
      call.batch_norm = take(4L * in);
    }
    backend.reserve(call);
    backend.forward(call);
  }

  /// Rates of `passes` moves of each of the input and the output, and of `flops`, per iteration.
  void report(benchmark::State& state, double floats, double flops) const {
    const double n = static_cast<double>(state.iterations());
    state.counters["GB/s"] = benchmark::Counter(4e-9 * floats * n, benchmark::Counter::kIsRate);
    if (flops > 0)
      state.counters["GFLOP/s"] = benchmark::Counter(1e-9 * flops * n, benchmark::Counter::kIsRate);
  }
  double in_floats() const { return static_cast<double>(kBatch * call.in_shape[0].size()); }
  double out_floats() const { return static_cast<double>(kBatch * call.out_shape.size()); }

 private:
  float* take(long count) {
    Random random(1, Stream::init, 0, static_cast<std::uint32_t>(memory.size()));
    Buffer<float>& buffer = memory.emplace_back(static_cast<std::size_t>(count));
    for (float& v : buffer.span()) v = random.uniform(-1.0f, 1.0f);
    return buffer.data();
  }
};

}  // namespace ocelli::bench
