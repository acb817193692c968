// column_sums: adds up the rows of a matrix; the gradient of a bias.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "ocelli/core/thread_pool.hpp"
#include "ocelli/cpu/gemm.hpp"
#include "ocelli/cpu/scratch.hpp"
#include "ocelli/cpu/simd.hpp"

namespace ocelli::cpu {

/// Rows are cut into so many parts, whose sums are added in order.
constexpr long column_sum_parts(long rows) { return std::clamp(rows / 64, 1L, 32L); }
constexpr long column_sums_scratch(long rows, int columns) {
  return column_sum_parts(rows) * columns;
}

/// Adds the sum over the rows of m [rows, columns] to `sum`. Uses the shared scratch.
inline void column_sums(
    ThreadPool& pool, Scratch& scratch, const float* m, long rows, int columns, float* sum) {
  const long parts = column_sum_parts(rows);
  float* partial = scratch.shared();
  pool.for_each(parts, [&](long part, int) {
    float* to = partial + part * columns;
    const long first = rows * part / parts, last = rows * (part + 1) / parts;
    std::fill_n(to, columns, 0.0f);
    constexpr long kShort = 64;  // rows added up in one run, which bounds the rounding error
    for (long start = first; start < last; start += kShort)
      each_vector(columns, [&]<class V>(V, int c) OCELLI_LAMBDA {
        V total{};
        for (long r = start; r < std::min(start + kShort, last); ++r)
          total += load<V>(m + r * columns + c);
        store(to + c, load<V>(to + c) + total);
      });
  });
  add_parts(pool, partial, parts, columns, columns, sum);
}

}  // namespace ocelli::cpu
