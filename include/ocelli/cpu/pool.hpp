// pool: max and average. Formula: ocelli/op/pool.hpp.
//
// Tasks are bands of output rows forward, and whole pictures backward, where windows overlap.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "ocelli/cpu/elementwise.hpp"
#include "ocelli/op/pool.hpp"

namespace ocelli::cpu {

/// The taps of an output pixel that lie inside the picture.
struct PoolTaps {
  int top, bottom, left, right;

  PoolTaps(const PoolGeometry& g, int i, int j)
      : top(std::max(0, i * g.stride - g.pad_top)),
        bottom(std::min(g.height, i * g.stride - g.pad_top + g.kernel_height)),
        left(std::max(0, j * g.stride - g.pad_left)),
        right(std::min(g.width, j * g.stride - g.pad_left + g.kernel_width)) {}
  float count() const { return static_cast<float>(long(bottom - top) * (right - left)); }
};

/// body(V{}, y, first, taps, c): one vector of an output pixel, `first` being the place of the
/// picture's channel c.
template <class Body>
inline void pool_rows(const PoolGeometry& g, long first_row, long last_row, Body&& body) {
  const int C = g.channels;
  for (long row = first_row; row < last_row; ++row) {
    const long n = row / g.out_height;
    for (int j = 0; j < g.out_width; ++j) {
      const PoolTaps taps(g, static_cast<int>(row % g.out_height), j);
      each_vector(C, [&]<class V>(V, int c) {
        body(V{}, (row * g.out_width + j) * C + c, n * g.pixels() * C + c, taps, c);
      });
    }
  }
}

/// body(h * W + w) for each tap.
template <class Body>
OCELLI_ALWAYS_INLINE void each_tap(const PoolGeometry& g, const PoolTaps& taps, Body&& body) {
  for (int h = taps.top; h < taps.bottom; ++h)
    for (int w = taps.left; w < taps.right; ++w) body(long(h) * g.width + w);
}

inline PoolGeometry pool_geometry_of(const OpCall<float>& call) {
  return pool_geometry(*call.op, call.in_shape[0], call.out_shape);
}

inline void max_pool_forward(ThreadPool& pool, const OpCall<float>& call) {
  const PoolGeometry g = pool_geometry_of(call);
  const Operand<float>& x = call.in[0];
  pool.for_each(long(call.batch) * g.out_height, [&](long row, int) {
    pool_rows(g, row, row + 1, [&]<class V>(V, long y, long first, const PoolTaps& taps, int c) {
      V most{};
      bool any = false;
      each_tap(g, taps, [&](long pixel) {
        const V value = read_any<V>(x, c, x.data + first + pixel * g.channels);
        // A NaN wins and stays.
        const V larger = value <= most ? most : value;
        most = any ? (most == most ? larger : most) : value;
        any = true;
      });
      store(call.out + y, most);
    });
  });
}

/// Runs body on each picture's output rows, after zeroing its part of din unless it is added to.
template <class Body>
inline void pool_backward(ThreadPool& pool, const OpCall<float>& call, Body&& body) {
  if (!call.din[0]) return;
  const PoolGeometry g = pool_geometry_of(call);
  const long size = g.pixels() * g.channels;
  pool.for_each(call.batch, [&](long n, int) {
    if (!call.accumulate[0]) std::fill_n(call.din[0] + n * size, size, 0.0f);
    pool_rows(g, n * g.out_height, (n + 1) * g.out_height, body);
  });
}

inline void max_pool_backward(ThreadPool& pool, const OpCall<float>& call) {
  const PoolGeometry g = pool_geometry_of(call);
  const Operand<float>& x = call.in[0];
  const int C = g.channels;
  pool_backward(pool, call, [&]<class V>(V, long y, long first, const PoolTaps& taps, int c) {
    for (int e = 0; e < kWidth<V>; ++e) {  // each channel has a largest tap of its own
      long best = -1;
      float most = 0;
      each_tap(g, taps, [&](long pixel) {
        const long at = first + e + pixel * C;
        const float value = x.at(at, c + e);
        if (best < 0 || (most == most && !(value <= most))) best = at, most = value;
      });
      call.din[0][best] += call.dout[y + e];
    }
  });
}

inline void average_pool_forward(ThreadPool& pool, const OpCall<float>& call) {
  const PoolGeometry g = pool_geometry_of(call);
  const Operand<float>& x = call.in[0];
  pool.for_each(long(call.batch) * g.out_height, [&](long row, int) {
    pool_rows(g, row, row + 1, [&]<class V>(V, long y, long first, const PoolTaps& taps, int c) {
      V sum{};
      each_tap(g, taps, [&](long pixel) {
        sum += read_any<V>(x, c, x.data + first + pixel * g.channels);
      });
      store(call.out + y, sum / taps.count());
    });
  });
}

inline void average_pool_backward(ThreadPool& pool, const OpCall<float>& call) {
  const PoolGeometry g = pool_geometry_of(call);
  pool_backward(pool, call, [&]<class V>(V, long y, long first, const PoolTaps& taps, int) {
    const V share = load<V>(call.dout + y) / taps.count();
    each_tap(g, taps, [&](long pixel) {
      float* to = call.din[0] + first + pixel * g.channels;
      store(to, load<V>(to) + share);
    });
  });
}

}  // namespace ocelli::cpu
