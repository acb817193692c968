// Exponential moving average of the weights, after each update:
//
//   shadow <- shadow - (1 - decay) (shadow - w)      shadow starts at the starting weight; no ramp
//
// Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "ocelli/optim/chunks.hpp"

namespace ocelli {

inline constexpr double kEmaDecay = 0.9999;

/// shadow [size] takes a step towards w [size].
template <class T>
void ema_update(T* __restrict shadow, const T* __restrict w, long size, double decay = kEmaDecay) {
  const T step = static_cast<T>(1 - decay);
  for (long i = 0; i < size; ++i) shadow[i] -= step * (shadow[i] - w[i]);
}

/// The same on all threads of a pool, with the same bits.
template <class T>
void ema_update(ThreadPool& pool, T* shadow, const T* w, long size, double decay = kEmaDecay) {
  for_each_chunk(pool, size, [&](long, long begin, long end) {
    ema_update(shadow + begin, w + begin, end - begin, decay);
  });
}

/// A decay that suits a run of `steps`: the average then spans about the last tenth of it; at most
/// kEmaDecay, which spans 10,000 steps.
inline double ema_decay_for(long steps) {
  const double span = static_cast<double>(steps) / 10;
  return span <= 1 ? 0.0 : std::fmin(kEmaDecay, 1 - 1 / span);
}

}  // namespace ocelli
