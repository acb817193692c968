// batch_norm. Formula and shapes: ocelli/op/batch_norm.hpp.
//
//   forward    one pass for the moments; one more only where the result is not deferred
//   backward   one pass over x and dy for dgamma and dbeta, one for
//              dx = a * g + (b * (x - mean) + d),  a = scale, b = -scale * inv * dgamma / n,
//              d = -scale * dbeta / n;   stored statistics: b = d = 0
//
// bound   memory: forward x once; backward x and dy twice, dx once
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "ocelli/core/thread_pool.hpp"
#include "ocelli/cpu/moments.hpp"
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

/// Sums of each run, and the coefficients of dx.
inline ScratchNeed batch_norm_scratch(const OpCall<float>& call) {
  return {(batch_norm_runs(call).count + 1) * 2 * call.in_shape[0].channels, 0};
}

/// Statistics, moving averages, scale and shift of channel c.
inline void batch_norm_channel(
    const OpCall<float>& call, const Runs& runs, const float* moments, int c) {
  const int C = call.in_shape[0].channels;
  double mean = 0, variance = 0;
  if (moments) {
    const Moments batch(runs, moments, C, c);
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

/// @param moments  of the input's runs if they are known already, else null
inline void batch_norm_forward(
    ThreadPool& pool, Scratch& scratch, const OpCall<float>& call, const Runs& known,
    const float* moments) {
  const int C = call.in_shape[0].channels;
  const float* x = call.in[0].data;
  const Runs own = batch_norm_runs(call);
  const Runs& runs = moments ? known : own;
  if (!takes_batch_statistics(call)) {
    moments = nullptr;
  } else if (!moments) {
    float* made = scratch.shared();
    pool.for_each(own.count, [&](long run, int) {
      run_moments(x + own.first(run) * C, own.length(run), C, made + run * 2 * C);
    });
    moments = made;
  }
  constexpr int kChannels = 64;
  pool.for_each((C + kChannels - 1) / kChannels, [&](long task, int) {
    const int first = static_cast<int>(task) * kChannels, last = std::min(C, first + kChannels);
    for (int c = first; c < last; ++c) batch_norm_channel(call, runs, moments, c);
  });
  if (!call.out) return;
  Operand<float> result = call.in[0];
  result.scale = call.batch_norm + 2 * C;
  result.shift = call.batch_norm + 3 * C;
  result.activation = call.op->activation;
  pool.for_each(own.count, [&](long run, int) {
    const long at = own.first(run) * C;
    read_pixels(result, C, own.length(run), x + at, call.out + at);
  });
}

/// dy * f'(scale * x + shift): how the gradient passes the activation.
/// Kind 0: no activation; 1: a clamp; 2: any other.
template <class V, int Kind>
struct ThroughActivation {
  V scale, shift, low, high;
  Activation activation;

  OCELLI_INLINE ThroughActivation() = default;
  OCELLI_INLINE ThroughActivation(const OpCall<float>& call, int c)
      : scale(load<V>(call.batch_norm + 2 * call.in_shape[0].channels + c)),
        shift(load<V>(call.batch_norm + 3 * call.in_shape[0].channels + c)),
        low(fill<V>(clamp_low(call.op->activation))),
        high(fill<V>(clamp_high(call.op->activation))),
        activation(call.op->activation) {}
  OCELLI_INLINE V operator()(V x, V dy) const {
    if constexpr (Kind == 0) return dy;
    const V z = scale * x + shift;
    if constexpr (Kind == 1) return where_inside(z, low, high, dy);
    return dy * slope_each(activation, z);
  }
};

/// Sums of g and of g * (x - mean) over one run.
template <int Kind>
inline void batch_norm_run_sums(const OpCall<float>& call, long first, long rows, float* to) {
  const int C = call.in_shape[0].channels;
  each_vectors(C, [&]<class V, int N>(int c) {
    constexpr int kV = kWidth<V>;
    ThroughActivation<V, Kind> through[N];
    V mean[N], sum[N] = {}, product[N] = {};
    repeat<N>([&](auto i) OCELLI_LAMBDA {
      through[i] = ThroughActivation<V, Kind>(call, c + i * kV);
      mean[i] = load<V>(call.batch_norm + c + i * kV);
    });
    const float* x = call.in[0].data + first * C + c;
    const float* dy = call.dout + first * C + c;
    for (long r = 0; r < rows; ++r, x += C, dy += C)
      repeat<N>([&](auto i) OCELLI_LAMBDA {
        const V value = load<V>(x + i * kV);
        const V g = through[i](value, load<V>(dy + i * kV));
        sum[i] += g;
        product[i] += g * (value - mean[i]);
      });
    repeat<N>([&](auto i) OCELLI_LAMBDA {
      store(to + c + i * kV, sum[i]);
      store(to + C + c + i * kV, product[i]);
    });
  });
}

/// dx of one run. `b_d`: [2, C].
template <int Kind>
inline void batch_norm_run_dx(const OpCall<float>& call, const float* b_d, long first, long rows) {
  const int C = call.in_shape[0].channels;
  const float* x = call.in[0].data + first * C;
  const float* dy = call.dout + first * C;
  float* dx = call.din[0] + first * C;
  for (long r = 0; r < rows; ++r, x += C, dy += C, dx += C)
    each_vector(C, [&]<class V>(V, int c) OCELLI_LAMBDA {
      const ThroughActivation<V, Kind> through(call, c);
      const V value = load<V>(x + c);
      const V g = through(value, load<V>(dy + c));
      const V centred = value - load<V>(call.batch_norm + c);
      const V result = through.scale * g + (load<V>(b_d + c) * centred + load<V>(b_d + C + c));
      store(dx + c, call.accumulate[0] ? load<V>(dx + c) + result : result);
    });
}

template <int Kind>
inline void batch_norm_backward_kind(
    ThreadPool& pool, Scratch& scratch, const OpCall<float>& call) {
  const int C = call.in_shape[0].channels;
  const Runs runs = batch_norm_runs(call);
  float* sums = scratch.shared();
  float* b_d = sums + runs.count * 2 * C;
  pool.for_each(runs.count, [&](long run, int) {
    batch_norm_run_sums<Kind>(call, runs.first(run), runs.length(run), sums + run * 2 * C);
  });
  const double n = static_cast<double>(runs.total);
  for (int c = 0; c < C; ++c) {
    double dbeta = 0, product = 0;
    for (long run = 0; run < runs.count; ++run) {
      dbeta += static_cast<double>(sums[run * 2 * C + c]);
      product += static_cast<double>(sums[run * 2 * C + C + c]);
    }
    const double inverse = static_cast<double>(call.batch_norm[C + c]);
    const double scale = static_cast<double>(call.batch_norm[2 * C + c]);
    const double dgamma = product * inverse;
    if (call.dweight) call.dweight[c] += static_cast<float>(dgamma);
    if (call.dbias) call.dbias[c] += static_cast<float>(dbeta);
    const bool stored = call.op->stored_statistics;
    b_d[c] = stored ? 0.0f : static_cast<float>(-scale * inverse * dgamma / n);
    b_d[C + c] = stored ? 0.0f : static_cast<float>(-scale * dbeta / n);
  }
  if (!call.din[0]) return;
  pool.for_each(runs.count, [&](long run, int) {
    batch_norm_run_dx<Kind>(call, b_d, runs.first(run), runs.length(run));
  });
}

inline void batch_norm_backward(ThreadPool& pool, Scratch& scratch, const OpCall<float>& call) {
  const Activation f = call.op->activation;
  if (f == Activation::none) return batch_norm_backward_kind<0>(pool, scratch, call);
  if (is_clamp(f)) return batch_norm_backward_kind<1>(pool, scratch, call);
  batch_norm_backward_kind<2>(pool, scratch, call);
}

}  // namespace ocelli::cpu
