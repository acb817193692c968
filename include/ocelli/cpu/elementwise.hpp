// elementwise: what the loops over single values share: tasks of pixels, and the way a gradient is
// delivered.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "ocelli/core/thread_pool.hpp"
#include "ocelli/cpu/operand.hpp"
#include "ocelli/cpu/simd.hpp"
#include "ocelli/op/call.hpp"

namespace ocelli::cpu {

/// body(V{}, at, c) for each vector of a tensor [pixels, channels]: `at` the first value's place, c
/// its channel.
template <class Body>
inline void for_each_value(ThreadPool& pool, long pixels, int channels, Body&& body) {
  const long rows = std::max(1L, 16 * 1024L / channels);
  pool.for_each((pixels + rows - 1) / rows, [&](long task, int) {
    const long last = std::min(pixels, (task + 1) * rows);
    for (long p = task * rows; p < last; ++p)
      each_vector(
          channels, [&]<class V>(V, int c) OCELLI_LAMBDA { body(V{}, p * channels + c, c); });
  });
}

inline long pixels_of(const OpCall<float>& call) { return call.batch * call.out_shape.pixels(); }

/// Adds to din[k], or overwrites it.
template <class V>
OCELLI_ALWAYS_INLINE void deliver(const OpCall<float>& call, int k, long at, V value) {
  float* to = call.din[k] + at;
  store(to, call.accumulate[k] ? load<V>(to) + value : value);
}

/// f'(z), told from the value z before the activation.
template <class V>
OCELLI_ALWAYS_INLINE V slope(Activation f, V z) {
  if (f == Activation::none) return fill<V>(1.0f);
  if (is_clamp(f)) return where_inside(z, V{}, fill<V>(clamp_high(f)), fill<V>(1.0f));
  return slope_each(f, z);
}
/// f'(z), told from y = f(z), where slope_from_output(f).
template <class V>
OCELLI_ALWAYS_INLINE V slope_at_output(Activation f, V y) {
  return f == Activation::sigmoid ? y * (1.0f - y) : slope(f, y);
}
template <class V>
OCELLI_ALWAYS_INLINE V activate_any(Activation f, V z) {
  if (is_clamp(f)) return clamp(z, fill<V>(clamp_low(f)), fill<V>(clamp_high(f)));
  return activate_each(f, z);
}

}  // namespace ocelli::cpu
