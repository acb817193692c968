// Comparing the kernels over tensors of bfloat16 with the plain loops in double: results may differ
// by one rounding to bfloat16 and by what float makes of the arithmetic before it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstddef>
#include <deque>
#include <map>
#include <vector>

#include "cpu/problem.hpp"
#include "ocelli/core/bfloat16.hpp"
#include "ocelli/cuda/backend.hpp"
#include "ocelli/cuda/memory.hpp"
#include "ocelli/reference/backend.hpp"
#include "ocelli/simt/settings.hpp"

namespace ocelli::test {

inline float rounded(double value) {
  return static_cast<float>(bfloat16(static_cast<float>(value)));
}

/// An operation of the host's floats, with tensors in bfloat16 and all in device memory. What is
/// one array on the host is one there.
class StoredCall {
 public:
  explicit StoredCall(const OpCall<float>& host) {
    call.op = host.op;
    call.batch = host.batch;
    call.mode = host.mode;
    call.out_shape = host.out_shape;
    call.epilogue = host.epilogue;
    call.norm = host.norm;
    call.seed = host.seed;
    call.step = host.step;
    const OpDesc& op = *host.op;
    const bool norm = op.kind == OpKind::batch_norm;
    const long taps = long(op.window.kernel_height) * op.window.kernel_width;
    const int depth = op.kind == OpKind::conv2d ? host.in_shape[0].channels : 1;
    const long channels = host.out_shape.channels, out = host.batch * host.out_shape.size();
    const long weights = norm ? channels : taps * channels * depth;
    for (int k = 0; k < op.input_count; ++k) {
      call.in_shape[k] = host.in_shape[k];
      call.accumulate[k] = host.accumulate[k];
      const long in = host.batch * host.in_shape[k].size();
      call.in[k].activation = host.in[k].activation;
      call.in[k].data = tensor(host.in[k].data, in);
      call.in[k].scale = array(host.in[k].scale, host.in_shape[k].channels);
      call.in[k].shift = array(host.in[k].shift, host.in_shape[k].channels);
      call.din[k] = tensor(host.din[k], in);
    }
    call.out = tensor(host.out, out);
    call.dout = tensor(host.dout, out);
    call.weight = array(host.weight, weights);
    call.bias = array(host.bias, channels);
    call.dweight = array(host.dweight, weights);
    call.dbias = array(host.dbias, channels);
    call.moving_mean = array(host.moving_mean, channels);
    call.moving_variance = array(host.moving_variance, channels);
    call.batch_norm = array(host.batch_norm, 4 * channels);
  }

  /// Brings back all that an operation may write.
  void fetch(const OpCall<float>& host) const {
    const auto widen = [&](float* to) {
      if (to == nullptr) return;
      const cuda::Memory<bfloat16>& from = *tensors_.at(to);
      std::vector<bfloat16> values(from.size());
      from.download(values.data(), values.size());
      for (std::size_t i = 0; i < values.size(); ++i) to[i] = static_cast<float>(values[i]);
    };
    const auto copy = [&](float* to) {
      if (to != nullptr) arrays_.at(to)->download(to, arrays_.at(to)->size());
    };
    widen(host.out);
    for (float* din : host.din) widen(din);
    for (float* p :
         {host.dweight, host.dbias, host.moving_mean, host.moving_variance, host.batch_norm})
      copy(p);
  }

  OpCall<bfloat16> call;

 private:
  bfloat16* tensor(const float* host, long count) {
    if (host == nullptr) return nullptr;
    if (tensors_.count(host) == 0) {
      std::vector<bfloat16> values;
      for (long i = 0; i < count; ++i) values.emplace_back(host[i]);
      tensors_[host] = &tensor_memory_.emplace_back(values.size());
      tensors_[host]->upload(values.data(), values.size());
      simt::synchronize();
    }
    return tensors_[host]->data();
  }
  float* array(const float* host, long count) {
    if (host == nullptr) return nullptr;
    arrays_[host] = &array_memory_.emplace_back(static_cast<std::size_t>(count));
    arrays_[host]->upload(host, arrays_[host]->size());
    simt::synchronize();
    return arrays_[host]->data();
  }

  std::deque<cuda::Memory<bfloat16>> tensor_memory_;
  std::deque<cuda::Memory<float>> array_memory_;
  std::map<const float*, cuda::Memory<bfloat16>*> tensors_;
  std::map<const float*, cuda::Memory<float>*> arrays_;
};

/// The kernels over tensors of bfloat16, for problems of floats.
class StoredKernels {
 public:
  using Scalar = float;
  explicit StoredKernels(ThreadPool&) {}
  void reserve(const OpCall<float>& call) { kernels_.reserve(StoredCall(call).call); }
  void forward(const OpCall<float>& call) {
    const StoredCall stored(call);
    kernels_.forward(stored.call);
    stored.fetch(call);
  }
  void backward(const OpCall<float>& call) {
    const StoredCall stored(call);
    kernels_.backward(stored.call);
    stored.fetch(call);
  }

 private:
  CudaBackendBf16 kernels_;
};

/// The plain loops in double, whose backward reads an output that was rounded, as the kernels'
/// does.
class LoopsOverStored {
 public:
  using Scalar = double;
  explicit LoopsOverStored(ThreadPool&) {}
  void reserve(const OpCall<double>&) {}
  void forward(const OpCall<double>& call) { loops_.forward(call); }
  void backward(const OpCall<double>& call) {
    OpCall<double> stored = call;
    std::vector<double> out;
    if (call.out != nullptr) {
      out.assign(call.out, call.out + call.batch * call.out_shape.size());
      for (double& v : out) v = static_cast<double>(rounded(v));
      stored.out = out.data();
    }
    loops_.backward(stored);
  }

 private:
  ReferenceBackend<double> loops_;
};

/// Half a unit in the last place, relative to the value.
inline constexpr double kBf16Rounding = 0x1p-8;

/// Tensors of bfloat16: within `tolerance` and one rounding; with 0 they are the exact values,
/// rounded.
inline void check_stored_tensor(
    const std::vector<float>& got, const std::vector<double>& want, double tolerance) {
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double error = std::abs(static_cast<double>(got[i]) - want[i]);
    const bool right = tolerance == 0 ? got[i] == rounded(want[i])
                                      : error <= (1 + kBf16Rounding) * tolerance +
                                                     kBf16Rounding * std::abs(want[i]);
    if (right) continue;
    FAIL_CHECK("element ", i, ": ", got[i], ", not ", want[i]);
    return;
  }
}

/// The kernels give the same bits in whatever order blocks and threads run, and the loops' values:
/// tensors within a rounding to bfloat16, parameters' gradients and statistics within `tolerance`
/// (0 for what is exact on the grid of problem.hpp).
inline void check_stored(const Problem& p, double tolerance = 0) {
  const auto got = solve<float, StoredKernels>(p);
#ifndef __CUDACC__
  for (const std::uint64_t seed : {1u, 2u}) {
    const simt::ScheduleSeed shuffled(seed);
    check_close(got, solve<float, StoredKernels>(p), 0);
  }
#endif
  const auto want = solve<double, LoopsOverStored>(p);
  check_stored_tensor(got.out, want.out, tolerance);
  for (int k = 0; k < kMaxInputs; ++k) check_stored_tensor(got.din[k], want.din[k], tolerance);
  CHECK(largest_difference(got.dweight, want.dweight) <= tolerance);
  CHECK(largest_difference(got.dbias, want.dbias) <= tolerance);
  CHECK(largest_difference(got.moving_mean, want.moving_mean) <= tolerance);
  CHECK(largest_difference(got.moving_variance, want.moving_variance) <= tolerance);
  CHECK(largest_difference(got.batch_norm, want.batch_norm) <= tolerance);
}

}  // namespace ocelli::test
