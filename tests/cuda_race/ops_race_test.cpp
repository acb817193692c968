// The operations' kernels in race mode, on small shapes: no two threads touch the same memory
// without a barrier between, and nothing is read before it was written.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <deque>
#include <vector>

#include "cpu/problem.hpp"
#include "ocelli/cuda/backend.hpp"
#include "ocelli/cuda/memory.hpp"
#include "ocelli/simt/settings.hpp"

namespace ocelli::test {
namespace {

/// Device memory of known contents, which race mode watches.
class Device {
 public:
  template <class T = float>
  T* filled(long count, std::uint32_t index) {
    std::vector<T> host;
    for (const float v : grid<float>(count, 1, index)) host.push_back(static_cast<T>(v));
    T* const at = unwritten<T>(count);
    all_.back().upload(reinterpret_cast<const unsigned char*>(host.data()), all_.back().size());
    return at;
  }
  template <class T = float>
  T* unwritten(long count) {
    all_.emplace_back(static_cast<std::size_t>(count) * sizeof(T));
    return reinterpret_cast<T*>(all_.back().data());
  }

 private:
  std::deque<cuda::Memory<unsigned char>> all_;
};

/// Forward and backward over tensors of T; the emulator throws where the kernels break a rule.
template <class T>
void run_over(const Problem& p, Precision precision) {
  Device device;
  OpCall<T> call;
  call.op = &p.op;
  call.batch = p.batch;
  call.out_shape = p.out;
  for (int k = 0; k < p.op.input_count; ++k) {
    const long size = p.batch * p.in[k].size();
    call.in_shape[k] = p.in[k];
    call.in[k].data = device.filled<T>(size, 1);
    if (p.deferred >> k & 1) {
      call.in[k].scale = device.filled(p.in[k].channels, 2);
      call.in[k].shift = device.filled(p.in[k].channels, 3);
      call.in[k].activation = Activation::relu6;
    }
    call.din[k] = device.unwritten<T>(size);
  }
  if (p.weights > 0) {
    call.weight = device.filled(p.weights, 4);
    call.dweight = device.filled(p.weights, 5);
    call.bias = device.filled(p.out.channels, 6);
    call.dbias = device.filled(p.out.channels, 7);
  }
  if (p.op.kind == OpKind::batch_norm) {
    call.moving_mean = device.filled(p.out.channels, 8);
    call.moving_variance = device.filled(p.out.channels, 9);
    call.batch_norm = device.unwritten(4L * p.out.channels);
  }
  call.out = device.unwritten<T>(p.batch * p.out.size());
  call.dout = device.filled<T>(p.batch * p.out.size(), 10);
  for (const std::uint64_t seed : {0u, 1u}) {
    const simt::ScheduleSeed schedule(seed);
    BasicCudaBackend<T> backend(nullptr, precision);
    backend.reserve(call);
    CHECK_NOTHROW(backend.forward(call));
    CHECK_NOTHROW(backend.backward(call));
  }
}

/// Over tensors of both kinds.
void run(const Problem& p, Precision precision = Precision::float32) {
  run_over<float>(p, precision);
  if (precision != Precision::tf32) run_over<bfloat16>(p, Precision::bf16);
}

Problem one_input(OpKind kind, int height, int width, int channels) {
  Problem p;
  p.op.kind = kind;
  p.op.input_count = 1;
  p.batch = 2;
  p.in[0] = p.out = {height, width, channels};
  p.deferred = 1;
  return p;
}

Problem window(OpKind kind, int channels, int kernel, int stride, int out_channels) {
  Problem p = one_input(kind, 5, 6, channels);
  set_window(p, kernel, stride, 1, -1);
  p.out.channels = out_channels;
  return p;
}

}  // namespace

TEST_CASE("cuda race mode: convolutions") {
  for (const Precision precision : {Precision::float32, Precision::tf32, Precision::bf16})
    for (const int stride : {1, 2}) {
      CAPTURE(name(precision));
      CAPTURE(stride);
      Problem p = window(OpKind::conv2d, 8, 3, stride, 36);
      p.weights = 9L * 8 * 36;
      run(p, precision);
    }
  Problem p = window(OpKind::conv2d, 3, 2, 1, 5);
  p.weights = 4L * 3 * 5;
  run(p);
}

TEST_CASE("cuda race mode: depthwise convolutions") {
  for (const int channels : {4, 3})
    for (const int kernel : {3, 5, 2})
      for (const int stride : {1, 2}) {
        CAPTURE(channels);
        CAPTURE(kernel);
        CAPTURE(stride);
        Problem p = window(OpKind::depthwise_conv2d, channels, kernel, stride, channels);
        p.weights = long(kernel) * kernel * channels;
        run(p);
      }
}

TEST_CASE("cuda race mode: norms, pools, softmax and what goes value by value") {
  for (const int channels : {4, 8, 5}) {
    CAPTURE(channels);
    for (const OpKind kind :
         {OpKind::batch_norm, OpKind::activation, OpKind::softmax, OpKind::dropout}) {
      Problem p = one_input(kind, 9, 7, channels);
      p.op.activation = Activation::relu6;
      p.op.keep = 0.5f;
      p.weights = kind == OpKind::batch_norm ? channels : 0;
      run(p);
    }
    for (const OpKind kind : {OpKind::max_pool, OpKind::average_pool})
      run(window(kind, channels, 3, 2, channels));
    for (const OpKind kind : {OpKind::add, OpKind::concat}) {
      Problem p = one_input(kind, 3, 5, channels);
      p.op.input_count = 2;
      p.op.activation = Activation::relu;
      p.in[1] = p.in[0];
      if (kind == OpKind::concat) p.out.channels = 2 * channels;
      run(p);
    }
  }
}

}  // namespace ocelli::test
