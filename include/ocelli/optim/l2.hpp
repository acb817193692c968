// L2 regularisation of a weight: c / 2 * sum(w^2), added to the loss, so its gradient c w passes
// through clipping and the optimizer (GradientRule adds it). Sums of squares have one order.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "ocelli/optim/chunks.hpp"

namespace ocelli {

namespace detail {
/// sum of value(i)^2 over begin .. end - 1 in double, in sixteen lanes.
template <class Value>
double sum_of_squares(long begin, long end, Value&& value) {
  constexpr long kLanes = 16;
  double lanes[kLanes] = {};
  long i = begin;
  for (; i + kLanes <= end; i += kLanes)
    for (long k = 0; k < kLanes; ++k) {
      const double x = static_cast<double>(value(i + k));
      lanes[k] += x * x;
    }
  for (long k = 0; i + k < end; ++k) {
    const double x = static_cast<double>(value(i + k));
    lanes[k] += x * x;
  }
  double sum = 0;
  for (double lane : lanes) sum += lane;
  return sum;
}
}  // namespace detail

/// Sums of squares over runs of numbers: a sum a chunk, then the chunks in order. Sized once.
class SquareSum {
 public:
  /// @param largest  most numbers of a call
  explicit SquareSum(long largest) : sums_(static_cast<std::size_t>(chunk_count(largest))) {}

  /// sum of value(i)^2 for i in 0 .. size - 1, in double.
  template <class Value>
  double operator()(ThreadPool& pool, long size, Value&& value) {
    for_each_chunk(pool, size, [&](long chunk, long begin, long end) {
      sums_[static_cast<std::size_t>(chunk)] = detail::sum_of_squares(begin, end, value);
    });
    double sum = 0;
    for (long chunk = 0; chunk < chunk_count(size); ++chunk)
      sum += sums_[static_cast<std::size_t>(chunk)];
    return sum;
  }

 private:
  std::vector<double> sums_;
};

/// c / 2 * sum(w^2) of w [size].
template <class T>
double l2_loss(ThreadPool& pool, const T* w, long size, double coefficient, SquareSum& sums) {
  if (coefficient == 0) return 0;
  return 0.5 * coefficient * sums(pool, size, [w](long i) { return w[i]; });
}

}  // namespace ocelli
