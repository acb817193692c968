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

/// Rows (pixels) cut into runs: groups of `group_rows` rows, each in runs of `rows`, its last one
/// shorter.
struct Runs {
  long group_rows = 0, rows = 1;
  long per_group = 0;  ///< runs
  long count = 0;      ///< runs in all
  long total = 0;      ///< rows in all

  Runs() = default;
  Runs(long groups, long rows_of_group, long rows_of_run)
      : group_rows(rows_of_group),
        rows(rows_of_run),
        per_group((rows_of_group + rows_of_run - 1) / rows_of_run),
        count(groups * per_group),
        total(groups * rows_of_group) {}
  long first(long run) const { return run / per_group * group_rows + run % per_group * rows; }
  long length(long run) const { return std::min(rows, group_rows - run % per_group * rows); }
};

/// Runs of the passes over a whole tensor: a run's rows fit into the L2 cache.
inline Runs runs_of(long rows, int channels) {
  return {1, rows, std::clamp(64 * 1024L / channels, 16L, 512L)};
}

/// f.template operator()<V, N>(c): N vectors V of neighbouring channels from c on, N * V being 256
/// bytes where there are as many channels: whole cache lines, and enough sums side by side.
template <class F>
OCELLI_ALWAYS_INLINE void each_vectors(int channels, F&& f) {
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

/// Floats of a run's record: here [2, C], sums of d and of d * d, d = x - x0; then mean and M2.
constexpr long moments_size(int channels) { return 2L * channels; }

/// Adds rows of x [rows, channels] to the sums of a run whose first row is `origin`.
inline void add_moments(
    const float* x, long rows, int channels, const float* origin, float* record) {
  each_vectors(channels, [&]<class V, int N>(int c) {
    constexpr int kV = kWidth<V>;
    V zero[N], sum[N] = {}, squares[N] = {};
    repeat<N>([&](auto i) OCELLI_LAMBDA { zero[i] = load<V>(origin + c + i * kV); });
    const float* at = x + c;
    for (long r = 0; r < rows; ++r, at += channels)
      repeat<N>([&](auto i) OCELLI_LAMBDA {
        const V d = load<V>(at + i * kV) - zero[i];
        sum[i] += d;
        squares[i] += d * d;
      });
    repeat<N>([&](auto i) OCELLI_LAMBDA {
      float* to = record + c + i * kV;
      store(to, load<V>(to) + sum[i]);
      store(to + channels, load<V>(to + channels) + squares[i]);
    });
  });
}

/// Turns a run's sums into its mean and M2.
inline void finish_moments(long rows, int channels, const float* origin, float* record) {
  const float inverse = 1.0f / static_cast<float>(rows);
  for (int c = 0; c < channels; ++c) {
    const float sum = record[c], mean = inverse * sum;
    record[c] = origin[c] + mean;
    record[channels + c] -= mean * sum;
  }
}

/// Mean and M2 of a run x [rows, channels].
inline void run_moments(const float* x, long rows, int channels, float* record) {
  std::fill_n(record, moments_size(channels), 0.0f);
  add_moments(x, rows, channels, x, record);
  finish_moments(rows, channels, x, record);
}

/// Joins the runs' records for one channel.
struct Moments {
  double mean = 0, variance = 0;  ///< biased

  Moments(const Runs& runs, const float* records, int channels, int c) {
    const long size = moments_size(channels);
    for (long run = 0; run < runs.count; ++run)
      mean += static_cast<double>(runs.length(run)) * static_cast<double>(records[run * size + c]);
    mean /= static_cast<double>(runs.total);
    for (long run = 0; run < runs.count; ++run) {
      const float* at = records + run * size + c;
      const double d = static_cast<double>(at[0]) - mean;
      variance += std::max(0.0, static_cast<double>(at[channels])) +
                  static_cast<double>(runs.length(run)) * d * d;
    }
    variance /= static_cast<double>(runs.total);
  }
};

}  // namespace ocelli::cpu
