// batch_norm: statistics, the moving averages, the normalised values, and the gradients. Formula
// and shapes: ocelli/op/batch_norm.hpp.
//
// Sums over the pixels are made in two stages of fixed order (column_sums.cuh), about a pivot near
// each channel's mean, so that float is enough for the first stage; the second is in double.
//
// floor, for P = N*H*W pixels of values of T bytes and a layer that is not deferred (a value's
// activation counts as none):
//   moments          bytes = T * P*C + 4 * 2 * chunks * C       flops = 4 * P*C
//   statistics       bytes = 4 * (2 * chunks * C + 10 * C)      flops = 2 * chunks * C
//   apply            bytes = T * 2 * P*C + 4 * 2 * C            flops = 2 * P*C
//   gradient sums    bytes = T * 2 * P*C + 4 * 2 * chunks * C   flops = 8 * P*C
//   data gradient    bytes = T * 3 * P*C + 4 * 6 * C            flops = 9 * P*C
//                    + T * P*C bytes to accumulate
// needs   fewer than 2^31 values in each tensor; V = 16 / T where C is a multiple of that
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/kernels/column_sums.cuh"
#include "ocelli/kernels/divider.cuh"
#include "ocelli/op/batch_norm.hpp"

namespace ocelli::kernel {

template <class T = float>
constexpr Floor batch_norm_moments_floor(long pixels, long channels, long chunks) {
  return {kBytes<T> * pixels * channels + 8 * chunks * channels, 4 * pixels * channels};
}
constexpr Floor batch_norm_statistics_floor(long channels, long chunks) {
  return {4 * (2 * chunks * channels + 10 * channels), 2 * chunks * channels};
}
template <class T = float>
constexpr Floor batch_norm_apply_floor(long pixels, long channels) {
  return {2 * kBytes<T> * pixels * channels + 8 * channels, 2 * pixels * channels};
}
template <class T = float>
constexpr Floor batch_norm_gradient_sums_floor(long pixels, long channels, long chunks) {
  return {2 * kBytes<T> * pixels * channels + 8 * chunks * channels, 8 * pixels * channels};
}
template <class T = float>
constexpr Floor batch_norm_data_gradient_floor(long pixels, long channels, bool accumulate) {
  return {
      kBytes<T> * (accumulate ? 4 : 3) * pixels * channels + 24 * channels, 9 * pixels * channels};
}

/// A number near the mean of channels c .. c + V - 1: that of four rows.
template <int V, class T>
OCELLI_DEVICE Lanes<V> pivot(const Operand<T>& x, int rows, int channels, int c) {
  Lanes<V> sum = lanes_of<V>(0.0f);
  OCELLI_UNROLL
  for (int k = 0; k < 4; ++k) {
    const Lanes<V> value = read<V>(x, long(rows / 4 * k) * channels + c, c);
    OCELLI_UNROLL
    for (int e = 0; e < V; ++e) sum.v[e] += 0.25f * value.v[e];
  }
  return sum;
}

/// Sums of x - pivot and of its square. Launch: see column_partials.
template <int V, class T>
OCELLI_KERNEL_BOUNDS(kColumnThreads)
batch_norm_moments(Operand<T> x, int rows, int channels, int chunk, float* partial) {
  const int c = (block_x() * static_cast<int>(blockDim.x) + thread_x()) * V;
  Lanes<V> middle = lanes_of<V>(0.0f);
  if (c < channels) middle = pivot<V>(x, rows, channels, c);
  column_partials<V, 2, 4>(
      rows, channels, chunk, partial,
      [&](int row, int) { return fetch<V>(x.data + long(row) * channels + c); },
      [&](const Packed<V, T>& fetched, int) {
        const Lanes<V> value = value_of(x, widen(fetched), c);
        Terms<V, 2> terms;
        OCELLI_UNROLL
        for (int e = 0; e < V; ++e) {
          const float d = value.v[e] - middle.v[e];
          terms.sum[0].v[e] = d;
          terms.sum[1].v[e] = d * d;
        }
        return terms;
      });
}

/// The parameters and statistics of a batch norm; gamma and beta may be null.
struct NormTensors {
  const float *gamma, *beta;
  float *moving_mean, *moving_variance;
  float* batch_norm;  ///< [4, C]: mean, 1 / deviation, scale, shift; may be null
  double decay, epsilon;
};

/// Writes batch_norm of channel c.
OCELLI_DEVICE void put_statistics(
    const NormTensors& norm, int channels, int c, double mean, double variance) {
  if (norm.batch_norm == nullptr) return;
  const double gamma = norm.gamma != nullptr ? static_cast<double>(norm.gamma[c]) : 1.0;
  const double beta = norm.beta != nullptr ? static_cast<double>(norm.beta[c]) : 0.0;
  const double inverse = 1.0 / sqrt(variance + norm.epsilon);
  norm.batch_norm[c] = static_cast<float>(mean);
  norm.batch_norm[channels + c] = static_cast<float>(inverse);
  norm.batch_norm[2 * channels + c] = static_cast<float>(gamma * inverse);
  norm.batch_norm[3 * channels + c] = static_cast<float>(beta - mean * gamma * inverse);
}

/// Updates the moving statistics of channel c with those of a batch of `rows` rows.
OCELLI_DEVICE void move_statistics(
    const NormTensors& norm, int rows, int c, double mean, double variance) {
  const double n = rows, d = norm.decay;
  const double unbiased = rows > 1 ? variance * n / (n - 1.0) : variance;
  norm.moving_mean[c] =
      static_cast<float>(d * static_cast<double>(norm.moving_mean[c]) + (1.0 - d) * mean);
  norm.moving_variance[c] =
      static_cast<float>(d * static_cast<double>(norm.moving_variance[c]) + (1.0 - d) * unbiased);
}

/// Moments to statistics; updates the moving ones. Launch: see column_totals.
template <class T>
OCELLI_KERNEL_BOUNDS(kTotalColumns* kTotalRows)
batch_norm_statistics(
    Operand<T> x, int rows, int channels, const float* partial, int chunks, NormTensors norm) {
  const int c = total_channel();
  double total[2];
  if (!column_totals<2>(partial, chunks, channels, c, total)) return;
  const double n = rows;
  const double from_pivot = total[0] / n;
  const double mean = static_cast<double>(pivot<1>(x, rows, channels, c).v[0]) + from_pivot;
  double variance = total[1] / n - from_pivot * from_pivot;
  if (variance < 0.0) variance = 0.0;  // by rounding; NaN stays
  move_statistics(norm, rows, c, mean, variance);
  put_statistics(norm, channels, c, mean, variance);
}

/// The same from the moving statistics. A thread a channel.
OCELLI_KERNEL_BOUNDS(kTotalColumns* kTotalRows)
batch_norm_stored_statistics(int channels, NormTensors norm) {
  const int c = thread_of_grid();
  if (c >= channels) return;
  put_statistics(
      norm, channels, c, static_cast<double>(norm.moving_mean[c]),
      static_cast<double>(norm.moving_variance[c]));
}

/// y = f(scale * x + shift). A thread V values.
/// @param batch_norm  [4, C]
template <int V, class T>
OCELLI_KERNEL_BOUNDS(kColumnThreads)
batch_norm_apply(
    Operand<T> x, int values, int channels, Divider vectors, const float* batch_norm, Activation f,
    T* y) {
  const int at = thread_of_grid();
  if (at >= values / V) return;
  const int c = vectors.remainder(at) * V;
  const Lanes<V> scale = load<V>(batch_norm + 2 * channels + c);
  const Lanes<V> shift = load<V>(batch_norm + 3 * channels + c);
  Lanes<V> value = read<V>(x, long(at) * V, c);
  OCELLI_UNROLL
  for (int e = 0; e < V; ++e) value.v[e] = activate(f, scale.v[e] * value.v[e] + shift.v[e]);
  store<V>(y + long(at) * V, value);
}

/// g = dy * f'(scale * x + shift) and xhat = (x - mean) / deviation of V values.
template <int V>
struct NormTerms {
  Lanes<V> gradient, normalised;

  /// @param in, dy  of x and dy, as they lie in memory
  template <class T>
  OCELLI_DEVICE NormTerms(
      const Operand<T>& x, const Packed<V, T>& in, const Packed<V, T>& dy, const float* batch_norm,
      Activation f, int channels, int c)
      : gradient(widen(dy)), normalised(value_of(x, widen(in), c)) {
    const Lanes<V> mean = load<V>(batch_norm + c), inverse = load<V>(batch_norm + channels + c);
    const Lanes<V> scale = load<V>(batch_norm + 2 * channels + c);
    const Lanes<V> shift = load<V>(batch_norm + 3 * channels + c);
    OCELLI_UNROLL
    for (int e = 0; e < V; ++e) {
      const float value = normalised.v[e];
      gradient.v[e] *= activation_slope(f, scale.v[e] * value + shift.v[e]);
      normalised.v[e] = (value - mean.v[e]) * inverse.v[e];
    }
  }
};

/// What a row's terms are made of.
template <int V, class T>
struct NormSources {
  Packed<V, T> value, dy;
};

/// Sums of g * xhat and of g. Launch: see column_partials.
template <int V, class T>
OCELLI_KERNEL_BOUNDS(kColumnThreads)
batch_norm_gradient_sums(
    Operand<T> x, const T* dy, const float* batch_norm, Activation f, int rows, int channels,
    int chunk, float* partial) {
  column_partials<V, 2, 2>(
      rows, channels, chunk, partial,
      [&](int row, int c) {
        const long i = long(row) * channels + c;
        return NormSources<V, T>{fetch<V>(x.data + i), fetch<V>(dy + i)};
      },
      [&](const NormSources<V, T>& fetched, int c) {
        const NormTerms<V> t(x, fetched.value, fetched.dy, batch_norm, f, channels, c);
        Terms<V, 2> terms;
        OCELLI_UNROLL
        for (int e = 0; e < V; ++e) {
          terms.sum[0].v[e] = t.gradient.v[e] * t.normalised.v[e];
          terms.sum[1].v[e] = t.gradient.v[e];
        }
        return terms;
      });
}

/// Adds the sums to the parameters' gradients where those are wanted (else null), and leaves what
/// flows back through variance and mean, both divided by the rows, in `through` [2, C]. Launch: see
/// column_totals.
OCELLI_KERNEL_BOUNDS(kTotalColumns* kTotalRows)
batch_norm_parameter_gradients(
    const float* partial, int chunks, int rows, int channels, float* dgamma, float* dbeta,
    float* through) {
  const int c = total_channel();
  double total[2];
  if (!column_totals<2>(partial, chunks, channels, c, total)) return;
  if (dgamma != nullptr) dgamma[c] += static_cast<float>(total[0]);
  if (dbeta != nullptr) dbeta[c] += static_cast<float>(total[1]);
  through[c] = static_cast<float>(total[0] / rows);
  through[channels + c] = static_cast<float>(total[1] / rows);
}

/// dx from dy, which may be the same memory. A thread V values.
/// @param through  [2, C], or null with stored statistics
template <int V, class T>
OCELLI_KERNEL_BOUNDS(kColumnThreads)
batch_norm_data_gradient(
    Operand<T> x, const T* dy, const float* batch_norm, Activation f, const float* through,
    int values, int channels, Divider vectors, Gradient<T> dx) {
  const int at = thread_of_grid();
  if (at >= values / V) return;
  const int c = vectors.remainder(at) * V;
  const long i = long(at) * V;
  const NormTerms<V> t(x, fetch<V>(x.data + i), fetch<V>(dy + i), batch_norm, f, channels, c);
  const Lanes<V> scale = load<V>(batch_norm + 2 * channels + c);
  Lanes<V> variance = lanes_of<V>(0.0f), mean = lanes_of<V>(0.0f), value;
  if (through != nullptr) {
    variance = load<V>(through + c);
    mean = load<V>(through + channels + c);
  }
  OCELLI_UNROLL
  for (int e = 0; e < V; ++e)
    value.v[e] = scale.v[e] * (t.gradient.v[e] - (mean.v[e] + t.normalised.v[e] * variance.v[e]));
  deliver<V>(dx, i, value);
}

}  // namespace ocelli::kernel
