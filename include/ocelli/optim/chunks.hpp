// Chunks: how the optimizers cut a run of numbers into tasks: by length alone, so that sums have
// one order and results one set of bits on any number of threads.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <type_traits>

#include "ocelli/core/thread_pool.hpp"

namespace ocelli {

inline constexpr long kChunk =
    16384;  ///< numbers a task; a multiple of every vector and lane count

constexpr long chunk_count(long size) { return (size + kChunk - 1) / kChunk; }

/// Calls body(chunk, begin, end) for each chunk of 0 .. size - 1.
template <class Body>
void for_each_chunk(ThreadPool& pool, long size, Body&& body) {
  pool.for_each(chunk_count(size), [&](long chunk, int) {
    body(chunk, chunk * kChunk, std::min(size, (chunk + 1) * kChunk));
  });
}

/// All ones where x is infinite or NaN, else 0; integer arithmetic, so that loops of it vectorise.
inline std::uint32_t not_finite_mask(float x) {
  return (std::bit_cast<std::uint32_t>(x) & 0x7F800000u) == 0x7F800000u ? ~0u : 0u;
}
inline std::uint64_t not_finite_mask(double x) {
  constexpr std::uint64_t kExponent = 0x7FF0000000000000u;
  return (std::bit_cast<std::uint64_t>(x) & kExponent) == kExponent ? ~std::uint64_t{0} : 0;
}
template <class T>
using FiniteMask = decltype(not_finite_mask(T{}));

/// The gradient as an optimizer sees it: scale * g + l2 * w.
template <class T>
struct GradientRule {
  T scale = 1;  ///< 1 / (accumulated steps), times the clipping factor
  T l2 = 0;     ///< coefficient c of the term c / 2 * sum(w^2); 0: none
  /// Clipping acts on the sum of both terms, so it multiplies both.
  GradientRule clipped(double factor) const {
    return {static_cast<T>(scale * factor), static_cast<T>(l2 * factor)};
  }
  T operator()(T g, T w) const { return scale * g + l2 * w; }
};

}  // namespace ocelli
