// norm_gradient: how a gradient passes a batch norm and its activation.
//
//   g = dy * f'(scale * x + shift)      sums of g and of g * (x - x0) over runs of rows
//
// x0 is any value near the mean, such as the run's first row; the sums are joined in double, where
// x0 is exchanged for the mean.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "ocelli/cpu/moments.hpp"
#include "ocelli/cpu/operand.hpp"
#include "ocelli/cpu/simd.hpp"
#include "ocelli/op/call.hpp"

namespace ocelli::cpu {

/// Kind 0: no activation; 1: a clamp; 2: any other.
constexpr int kind_of(Activation f) { return f == Activation::none ? 0 : is_clamp(f) ? 1 : 2; }

template <class V, int Kind>
struct ThroughActivation {
  V scale, shift, low, high;
  Activation activation;

  OCELLI_ALWAYS_INLINE ThroughActivation() = default;
  OCELLI_ALWAYS_INLINE ThroughActivation(const Operand<float>& norm, int c)
      : scale(load<V>(norm.scale + c)),
        shift(load<V>(norm.shift + c)),
        low(fill<V>(clamp_low(norm.activation))),
        high(fill<V>(clamp_high(norm.activation))),
        activation(norm.activation) {}
  OCELLI_ALWAYS_INLINE V operator()(V x, V dy) const {
    if constexpr (Kind == 0) return dy;
    const V z = scale * x + shift;
    if constexpr (Kind == 1) return where_inside(z, low, high, dy);
    return dy * slope_each(activation, z);
  }
};

/// Floats of a run's record [3, C]: sum of g, sum of g * (x - x0), x0.
constexpr long gradient_sums_size(int channels) { return 3L * channels; }

/// Clears a record. `origin`: x0.
inline void start_gradient_sums(const float* origin, int channels, float* record) {
  std::fill_n(record, 2L * channels, 0.0f);
  std::copy_n(origin, channels, record + 2L * channels);
}

template <int Kind>
inline void add_gradient_sums_kind(
    const Operand<float>& norm, const float* from, const float* gradient, long rows, int channels,
    float* record) {
  each_vectors(channels, [&]<class V, int N>(int c) {
    constexpr int kV = kWidth<V>;
    ThroughActivation<V, Kind> through[N];
    V zero[N], sum[N] = {}, product[N] = {};
    repeat<N>([&](auto i) OCELLI_LAMBDA {
      through[i] = ThroughActivation<V, Kind>(norm, c + i * kV);
      zero[i] = load<V>(record + 2L * channels + c + i * kV);
    });
    const float* x = from + c;
    const float* dy = gradient + c;
    for (long r = 0; r < rows; ++r, x += channels, dy += channels)
      repeat<N>([&](auto i) OCELLI_LAMBDA {
        const V value = load<V>(x + i * kV);
        const V g = through[i](value, load<V>(dy + i * kV));
        sum[i] += g;
        product[i] += g * (value - zero[i]);
      });
    repeat<N>([&](auto i) OCELLI_LAMBDA {
      float* to = record + c + i * kV;
      store(to, load<V>(to) + sum[i]);
      store(to + channels, load<V>(to + channels) + product[i]);
    });
  });
}

/// Adds rows of x and dy [rows, channels] to a run's record. `norm`: scale, shift and activation.
inline void add_gradient_sums(
    const Operand<float>& norm, const float* x, const float* dy, long rows, int channels,
    float* record) {
  const int kind = kind_of(norm.activation);
  if (kind == 0) return add_gradient_sums_kind<0>(norm, x, dy, rows, channels, record);
  if (kind == 1) return add_gradient_sums_kind<1>(norm, x, dy, rows, channels, record);
  add_gradient_sums_kind<2>(norm, x, dy, rows, channels, record);
}

/// Joins the runs' records for one channel: dbeta = sum g, product = sum g * (x - mean).
struct GradientSums {
  double dbeta = 0, product = 0;

  GradientSums(const Runs& runs, const float* records, int channels, int c, float mean) {
    for (long run = 0; run < runs.count; ++run) {
      const float* at = records + run * gradient_sums_size(channels) + c;
      const double sum = static_cast<double>(at[0]);
      dbeta += sum;
      product += static_cast<double>(at[channels]) +
                 sum * (static_cast<double>(at[2L * channels]) - static_cast<double>(mean));
    }
  }
};

}  // namespace ocelli::cpu
