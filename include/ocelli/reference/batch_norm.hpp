// batch_norm as plain loops. Formula and shapes: ocelli/op/batch_norm.hpp.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "ocelli/op/batch_norm.hpp"
#include "ocelli/op/call.hpp"
#include "ocelli/reference/gradient.hpp"

namespace ocelli::reference {

/// Writes `batch_norm` (mean, 1 / deviation, scale, shift; may be null in inference) and, unless
/// the norm is deferred, `out`, which may be an undeferred input's memory. Sums are made in double.
template <class T>
inline void batch_norm_forward(const OpCall<T>& call) {
  const BatchNormGeometry g = batch_norm_geometry(call.in_shape[0]);
  const Operand<T>& x = call.in[0];
  const int C = g.channels;
  const long n = call.batch * g.pixels;
  const bool batch_statistics = call.mode == Mode::train && !call.op->stored_statistics;

  for (int c = 0; c < C; ++c) {
    double mean = 0, variance = 0;
    if (batch_statistics) {
      for (long p = 0; p < n; ++p) mean += double(x.at(p * C + c, c));
      mean /= double(n);
      for (long p = 0; p < n; ++p) {
        const double d = double(x.at(p * C + c, c)) - mean;
        variance += d * d;
      }
      variance /= double(n);
      const double d = call.norm.decay;
      const double unbiased = n > 1 ? variance * double(n) / double(n - 1) : variance;
      call.moving_mean[c] = T(d * double(call.moving_mean[c]) + (1 - d) * mean);
      call.moving_variance[c] = T(d * double(call.moving_variance[c]) + (1 - d) * unbiased);
    } else {
      mean = double(call.moving_mean[c]);
      variance = double(call.moving_variance[c]);
    }
    const double gamma = call.weight ? double(call.weight[c]) : 1;
    const double beta = call.bias ? double(call.bias[c]) : 0;
    const double inverse = 1 / std::sqrt(variance + call.norm.epsilon);
    const T scale = T(gamma * inverse), shift = T(beta - mean * gamma * inverse);
    if (call.batch_norm) {
      call.batch_norm[c] = T(mean);
      call.batch_norm[C + c] = T(inverse);
      call.batch_norm[2 * C + c] = scale;
      call.batch_norm[3 * C + c] = shift;
    }
    if (!call.out) continue;
    for (long p = 0; p < n; ++p) {
      const T value = scale * x.at(p * C + c, c) + shift;
      call.out[p * C + c] = activate(call.op->activation, value);
    }
  }
}

/// `dout` is the gradient after the activation, whether the norm is deferred or not. Reads the
/// input and `batch_norm`, not `out`. `din` may be `dout`.
template <class T>
inline void batch_norm_backward(const OpCall<T>& call) {
  const BatchNormGeometry g = batch_norm_geometry(call.in_shape[0]);
  const Operand<T>& x = call.in[0];
  const Activation f = call.op->activation;
  const int C = g.channels;
  const long n = call.batch * g.pixels;

  for (int c = 0; c < C; ++c) {
    const T mean = call.batch_norm[c], inverse = call.batch_norm[C + c];
    const T scale = call.batch_norm[2 * C + c], shift = call.batch_norm[3 * C + c];
    const auto before_activation = [&](long i) {
      return call.dout[i] * activation_slope(f, scale * x.at(i, c) + shift);
    };
    double dgamma = 0, dbeta = 0;
    for (long p = 0; p < n; ++p) {
      const double dy = double(before_activation(p * C + c));
      dgamma += dy * double((x.at(p * C + c, c) - mean) * inverse);
      dbeta += dy;
    }
    if (call.dweight) call.dweight[c] += T(dgamma);
    if (call.dbias) call.dbias[c] += T(dbeta);
    if (!call.din[0]) continue;

    // Stored statistics do not depend on x, so nothing flows back through them.
    const T through_mean = call.op->stored_statistics ? T(0) : T(dbeta / double(n));
    const T through_variance = call.op->stored_statistics ? T(0) : T(dgamma / double(n));
    for (long p = 0; p < n; ++p) {
      const long i = p * C + c;
      const T normalised = (x.at(i, c) - mean) * inverse;
      deliver(
          call, 0, i,
          scale * (before_activation(i) - (through_mean + normalised * through_variance)));
    }
  }
}

}  // namespace ocelli::reference
