// SGD with momentum as TensorFlow 1 defines it, neither Nesterov nor damped:
//
//   v <- mu v + g         v starts at 0
//   w <- w - lr v         lr outside v: a later rate rescales what v holds
//
// Polyak, "Some methods of speeding up the convergence of iteration methods", 1964.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <string>

#include "ocelli/core/error.hpp"
#include "ocelli/optim/chunks.hpp"

namespace ocelli {

struct SgdMomentumOptions {
  double momentum = 0.9;  ///< mu, `momentum_optimizer_value`

  /// Throws ConfigError.
  void check() const {
    if (!(momentum >= 0) || !(momentum <= 1))
      throw ConfigError(
          "sgd momentum: the value is " + std::to_string(momentum), "momentum_optimizer_value",
          "give 0 to 1");
  }
};

/// One update of w and v [size]. Returns whether all gradients were finite; the update is made in
/// any case.
template <class T>
bool sgd_momentum_update(
    T* __restrict w, const T* __restrict gradient, T* __restrict v, long size, double learning_rate,
    const SgdMomentumOptions& options, const GradientRule<T>& rule = {}) {
  const T mu = static_cast<T>(options.momentum), rate = static_cast<T>(learning_rate);
  FiniteMask<T> bad = 0;
  for (long i = 0; i < size; ++i) {
    const T g = rule(gradient[i], w[i]);
    bad |= not_finite_mask(g);
    v[i] = mu * v[i] + g;
    w[i] -= rate * v[i];
  }
  return bad == 0;
}

/// The same on all threads of a pool, with the same bits.
template <class T>
bool sgd_momentum_update(
    ThreadPool& pool, T* w, const T* gradient, T* v, long size, double learning_rate,
    const SgdMomentumOptions& options, const GradientRule<T>& rule = {}) {
  std::atomic<bool> finite{true};
  for_each_chunk(pool, size, [&](long, long begin, long end) {
    if (!sgd_momentum_update(
            w + begin, gradient + begin, v + begin, end - begin, learning_rate, options, rule))
      finite.store(false, std::memory_order_relaxed);
  });
  return finite.load(std::memory_order_relaxed);
}

}  // namespace ocelli
