// moments: mean and variance of each channel over many pixels, from runs of rows.
//
// A run's mean and sum of squares about it come from sums of x - x0, x0 being the run's first row,
// so that a mean far from zero costs no digits; runs are joined in double, always in one order:
//   mean = sum n_i mean_i / n      M2 = sum M2_i + n_i (mean_i - mean)^2
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "ocelli/cpu/simd.hpp"

namespace ocelli::cpu {

/// Rows in runs of `rows`, the last one shorter.
struct Runs {
  long total, rows, count;

  Runs(long total_rows, long run_rows)
      : total(total_rows), rows(run_rows), count((total_rows + run_rows - 1) / run_rows) {}
  long first(long run) const { return run * rows; }
  long length(long run) const { return std::min(rows, total - run * rows); }
};

/// Runs of the passes over a whole tensor: a run's rows fit into the L2 cache.
inline Runs runs_of(long rows, int channels) {
  return {rows, std::clamp(64 * 1024L / channels, 16L, 512L)};
}

/// f.template operator()<V, N>(c): N vectors V of neighbouring channels from c on, N * V being 256
/// bytes where there are as many channels: whole cache lines, and enough sums side by side.
template <class F>
OCELLI_INLINE void each_vectors(int channels, F&& f) {
  int c = 0;
  for (; c + 4 * kWide <= channels; c += 4 * kWide) f.template operator()<Wide, 4>(c);
  for (; c + kWide <= channels; c += kWide) f.template operator()<Wide, 1>(c);
  if constexpr (kWide >= 8) {
    if (c + kWide / 2 <= channels) {
      f.template operator()<Half, 1>(c);
      c += kWide / 2;
    }
  }
  for (; c < channels; ++c) f.template operator()<float, 1>(c);
}

/// Moments of one run x [rows, channels]: to[0 .. C-1] means, to[C .. 2C-1] sums of squares.
inline void run_moments(const float* x, long rows, int channels, float* to) {
  const float inverse = 1.0f / static_cast<float>(rows);
  each_vectors(channels, [&]<class V, int N>(int c) {
    V origin[N], sum[N] = {}, squares[N] = {};
    repeat<N>([&](auto i) OCELLI_LAMBDA { origin[i] = load<V>(x + c + i * kWidth<V>); });
    const float* at = x + c;
    for (long r = 0; r < rows; ++r, at += channels)
      repeat<N>([&](auto i) OCELLI_LAMBDA {
        const V d = load<V>(at + i * kWidth<V>) - origin[i];
        sum[i] += d;
        squares[i] += d * d;
      });
    repeat<N>([&](auto i) OCELLI_LAMBDA {
      const V mean = inverse * sum[i];
      store(to + c + i * kWidth<V>, origin[i] + mean);
      store(to + channels + c + i * kWidth<V>, squares[i] - mean * sum[i]);
    });
  });
}

/// Joins the runs' moments at `from` [runs, 2, C] for one channel.
struct Moments {
  double mean = 0, variance = 0;  ///< biased

  Moments(const Runs& runs, const float* from, int channels, int c) {
    for (long run = 0; run < runs.count; ++run)
      mean +=
          static_cast<double>(runs.length(run)) * static_cast<double>(from[run * 2 * channels + c]);
    mean /= static_cast<double>(runs.total);
    for (long run = 0; run < runs.count; ++run) {
      const float* at = from + run * 2 * channels + c;
      const double d = static_cast<double>(at[0]) - mean;
      variance += std::max(0.0, static_cast<double>(at[channels])) +
                  static_cast<double>(runs.length(run)) * d * d;
    }
    variance /= static_cast<double>(runs.total);
  }
};

}  // namespace ocelli::cpu
