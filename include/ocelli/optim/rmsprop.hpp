// RMSProp as TensorFlow 1 defines it, not centred:
//
//   r <- rho r + (1 - rho) g^2         r starts at 1, not 0
//   m <- mu m + lr g / sqrt(r + eps)   eps inside the root; lr inside m
//   w <- w - m
//
// With eps = 1 it is momentum SGD with large gradients softly clipped.
// Tieleman and Hinton, "Neural Networks for Machine Learning", lecture 6.5, 2012.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cmath>
#include <string>

#include "ocelli/core/error.hpp"
#include "ocelli/core/fast_math.hpp"
#include "ocelli/optim/chunks.hpp"

namespace ocelli {

struct RmsPropOptions {
  double decay = 0.9;     ///< rho, `momentum_decay`
  double momentum = 0.9;  ///< mu, `momentum_optimizer_value`
  double epsilon = 1.0;   ///< `momentum_epsilon`

  /// Throws ConfigError.
  void check() const {
    const auto refuse = [](const char* option, double value, const char* advice) {
      throw ConfigError("rmsprop: the value is " + std::to_string(value), option, advice);
    };
    if (!(decay >= 0) || !(decay <= 1)) refuse("momentum_decay", decay, "give 0 to 1");
    if (!(momentum >= 0) || !(momentum <= 1))
      refuse("momentum_optimizer_value", momentum, "give 0 to 1");
    if (!(epsilon >= 1e-30) || !std::isfinite(epsilon))
      refuse("momentum_epsilon", epsilon, "give 1e-30 or more");
  }
};

/// What r starts from.
inline constexpr double kRmsPropMeanSquareStart = 1.0;

/// One update of w, r and m [size]. Returns whether all gradients were finite; the update is made
/// in any case.
template <class T>
bool rmsprop_update(
    T* __restrict w, const T* __restrict gradient, T* __restrict r, T* __restrict m, long size,
    double learning_rate, const RmsPropOptions& options, const GradientRule<T>& rule = {}) {
  const T rho = static_cast<T>(options.decay), rest = static_cast<T>(1 - options.decay);
  const T mu = static_cast<T>(options.momentum), epsilon = static_cast<T>(options.epsilon);
  const T rate = static_cast<T>(learning_rate);
  FiniteMask<T> bad = 0;
  for (long i = 0; i < size; ++i) {
    const T g = rule(gradient[i], w[i]);
    bad |= not_finite_mask(g);
    r[i] = rho * r[i] + rest * g * g;
    m[i] = mu * m[i] + rate * g * fast_rsqrt(r[i] + epsilon);
    w[i] -= m[i];
  }
  return bad == 0;
}

/// The same on all threads of a pool, with the same bits.
template <class T>
bool rmsprop_update(
    ThreadPool& pool, T* w, const T* gradient, T* r, T* m, long size, double learning_rate,
    const RmsPropOptions& options, const GradientRule<T>& rule = {}) {
  std::atomic<bool> finite{true};
  for_each_chunk(pool, size, [&](long, long begin, long end) {
    if (!rmsprop_update(
            w + begin, gradient + begin, r + begin, m + begin, end - begin, learning_rate, options,
            rule))
      finite.store(false, std::memory_order_relaxed);
  });
  return finite.load(std::memory_order_relaxed);
}

}  // namespace ocelli
