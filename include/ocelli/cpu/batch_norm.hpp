// batch_norm. Formula and shapes: ocelli/op/batch_norm.hpp.
//
//   forward    one pass for the moments; one more only where the result is not deferred
//   backward   one pass over x and dy for dgamma and dbeta, one for
//              dx = a * g + (b * (x - mean) + d),  a = scale, b = -scale * inv * dgamma / n,
//              d = -scale * dbeta / n;   stored statistics: b = d = 0
//
// The first passes fall away where the operation before left the sums (see carry.hpp).
//
// bound   memory: forward x once; backward x and dy twice, dx once
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "ocelli/core/thread_pool.hpp"
#include "ocelli/cpu/carry.hpp"
#include "ocelli/cpu/moments.hpp"
#include "ocelli/cpu/norm_gradient.hpp"
#include "ocelli/cpu/operand.hpp"
#include "ocelli/cpu/scratch.hpp"
#include "ocelli/op/batch_norm.hpp"
#include "ocelli/op/call.hpp"

namespace ocelli::cpu {

inline Runs batch_norm_runs(const OpCall<float>& call) {
  return runs_of(call.batch * call.in_shape[0].pixels(), call.in_shape[0].channels);
}

inline bool takes_batch_statistics(const OpCall<float>& call) {
  return call.mode == Mode::train && !call.op->stored_statistics;
}

/// Records of the runs, and the coefficients of dx.
inline ScratchNeed batch_norm_scratch(const OpCall<float>& call) {
  const int C = call.in_shape[0].channels;
  return {batch_norm_runs(call).count * gradient_sums_size(C) + 2L * C, 0, 0};
}

/// x as the readers of a deferred norm see it.
inline Operand<float> normalised(const OpCall<float>& call) {
  const int C = call.in_shape[0].channels;
  return {call.in[0].data, call.batch_norm + 2 * C, call.batch_norm + 3 * C, call.op->activation};
}

/// Tasks over the channels, for the work between the passes.
template <class Body>
inline void for_each_channel(ThreadPool& pool, int channels, Body&& body) {
  constexpr int kChannels = 32;
  pool.for_each((channels + kChannels - 1) / kChannels, [&](long task, int) {
    const int first = static_cast<int>(task) * kChannels;
    for (int c = first; c < std::min(channels, first + kChannels); ++c) body(c);
  });
}

/// Statistics, moving averages, scale and shift of channel c. `records` null: stored statistics.
inline void batch_norm_channel(
    const OpCall<float>& call, const Runs& runs, const float* records, int c) {
  const int C = call.in_shape[0].channels;
  double mean = 0, variance = 0;
  if (records) {
    const Moments batch(runs, records, C, c);
    mean = batch.mean, variance = batch.variance;
    const double n = static_cast<double>(runs.total), d = call.norm.decay;
    const double unbiased = n > 1 ? variance * n / (n - 1) : variance;
    call.moving_mean[c] =
        static_cast<float>(d * static_cast<double>(call.moving_mean[c]) + (1 - d) * mean);
    call.moving_variance[c] =
        static_cast<float>(d * static_cast<double>(call.moving_variance[c]) + (1 - d) * unbiased);
  } else {
    mean = static_cast<double>(call.moving_mean[c]);
    variance = static_cast<double>(call.moving_variance[c]);
  }
  const double gamma = call.weight ? static_cast<double>(call.weight[c]) : 1.0;
  const double beta = call.bias ? static_cast<double>(call.bias[c]) : 0.0;
  const double inverse = 1 / std::sqrt(variance + call.norm.epsilon);
  call.batch_norm[c] = static_cast<float>(mean);
  call.batch_norm[C + c] = static_cast<float>(inverse);
  call.batch_norm[2 * C + c] = static_cast<float>(gamma * inverse);
  call.batch_norm[3 * C + c] = static_cast<float>(beta - mean * gamma * inverse);
}

/// @param carry  what the operation before left
inline void batch_norm_forward(
    ThreadPool& pool, Scratch& scratch, const OpCall<float>& call, const Carry& carry) {
  const int C = call.in_shape[0].channels;
  const float* x = call.in[0].data;
  const Runs own = batch_norm_runs(call);
  const bool carried = carry.holds_moments(call);
  const Runs& runs = carried ? carry.runs : own;
  const float* records = nullptr;
  if (takes_batch_statistics(call)) {
    float* made = scratch.shared();
    if (!carried)
      pool.for_each(own.count, [&](long run, int) {
        run_moments(x + own.first(run) * C, own.length(run), C, made + run * moments_size(C));
      });
    records = carried ? scratch.carried() : made;
  }
  for_each_channel(pool, C, [&](int c) { batch_norm_channel(call, runs, records, c); });
  if (!call.out) return;
  const Operand<float> result = normalised(call);
  pool.for_each(own.count, [&](long run, int) {
    const long at = own.first(run) * C;
    read_pixels(result, C, own.length(run), x + at, call.out + at);
  });
}

/// dx of one run. `b_d`: [2, C].
template <int Kind>
inline void batch_norm_run_dx(const OpCall<float>& call, const float* b_d, long first, long rows) {
  const int C = call.in_shape[0].channels;
  const Operand<float> norm = normalised(call);
  const float* x = call.in[0].data + first * C;
  const float* dy = call.dout + first * C;
  float* dx = call.din[0] + first * C;
  for (long r = 0; r < rows; ++r, x += C, dy += C, dx += C)
    each_vector(C, [&]<class V>(V, int c) OCELLI_LAMBDA {
      const ThroughActivation<V, Kind> through(norm, c);
      const V value = load<V>(x + c);
      const V g = through(value, load<V>(dy + c));
      const V centred = value - load<V>(call.batch_norm + c);
      const V result = through.scale * g + (load<V>(b_d + c) * centred + load<V>(b_d + C + c));
      store(dx + c, call.accumulate[0] ? load<V>(dx + c) + result : result);
    });
}

/// @param carry  what the operation before left
inline void batch_norm_backward(
    ThreadPool& pool, Scratch& scratch, const OpCall<float>& call, const Carry& carry) {
  const int C = call.in_shape[0].channels;
  const Runs own = batch_norm_runs(call);
  const bool carried = carry.holds_gradient_sums(call);
  const Runs& runs = carried ? carry.runs : own;
  const float* records = carried ? scratch.carried() : scratch.shared();
  if (!carried)
    pool.for_each(own.count, [&](long run, int) {
      const long at = own.first(run) * C;
      float* record = scratch.shared() + run * gradient_sums_size(C);
      start_gradient_sums(call.batch_norm, C, record);
      add_gradient_sums(
          normalised(call), call.in[0].data + at, call.dout + at, own.length(run), C, record);
    });
  const double n = static_cast<double>(own.total);
  float* b_d = scratch.shared() + own.count * gradient_sums_size(C);
  for_each_channel(pool, C, [&](int c) {
    const GradientSums sums(runs, records, C, c, call.batch_norm[c]);
    const double inverse = static_cast<double>(call.batch_norm[C + c]);
    const double scale = static_cast<double>(call.batch_norm[2 * C + c]);
    const double dgamma = sums.product * inverse;
    if (call.dweight) call.dweight[c] += static_cast<float>(dgamma);
    if (call.dbias) call.dbias[c] += static_cast<float>(sums.dbeta);
    const bool stored = call.op->stored_statistics;
    b_d[c] = stored ? 0.0f : static_cast<float>(-scale * inverse * dgamma / n);
    b_d[C + c] = stored ? 0.0f : static_cast<float>(-scale * sums.dbeta / n);
  });
  if (!call.din[0]) return;
  const int kind = kind_of(call.op->activation);
  pool.for_each(own.count, [&](long run, int) {
    const long first = own.first(run), rows = own.length(run);
    if (kind == 0) return batch_norm_run_dx<0>(call, b_d, first, rows);
    if (kind == 1) return batch_norm_run_dx<1>(call, b_d, first, rows);
    batch_norm_run_dx<2>(call, b_d, first, rows);
  });
}

}  // namespace ocelli::cpu
