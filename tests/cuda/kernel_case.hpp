// What the tests of kernels share: numbers, runs under several schedules, comparisons.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "ocelli/core/random.hpp"
#include "ocelli/simt/device_array.hpp"

namespace ocelli::kernel_test {

using simt::DeviceArray;

/// Where a compiler may fuse multiplications and additions, a result may differ in its last places.
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA) || defined(__CUDACC__)
inline constexpr float kFused = 1;
#else
inline constexpr float kFused = 0;
#endif

inline std::vector<float> numbers(
    std::size_t count, std::uint32_t index, float low = -1, float high = 1) {
  Random random(7, Stream::demo, 0, index);
  std::vector<float> x(count);
  for (float& v : x) v = random.uniform(low, high);
  return x;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

/// run(), and that it gives the same bits again: on the emulator in other orders of threads and
/// blocks. What run() gives compares by operator==.
template <class Run>
auto in_any_order(Run&& run, int schedules = 2) {
  auto result = run();
  for (int seed = 1; seed <= schedules; ++seed) {
#ifndef __CUDACC__
    const simt::ScheduleSeed schedule(static_cast<std::uint64_t>(seed));
#endif
    CAPTURE(seed);
    CHECK(result == run());
  }
  return result;
}

/// Exactly equal, or within `ulps` of the larger where operations may be fused.
inline void check_equal(
    const std::vector<float>& got, const std::vector<float>& wanted, float ulps = 4,
    float floor = 0) {
  REQUIRE(got.size() == wanted.size());
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const float a = got[i], b = wanted[i];
    if (std::memcmp(&a, &b, sizeof a) == 0 || a == b) continue;
    if (std::isnan(a) && std::isnan(b)) continue;
    const float size = std::fmax(std::fmax(std::fabs(a), std::fabs(b)), floor);
    const float limit = kFused * ulps * std::numeric_limits<float>::epsilon() * size;
    if (std::fabs(a - b) <= limit) continue;
    if (wrong++ == 0) FAIL_CHECK("element ", i, ": ", a, ", not ", b);
  }
  CHECK(wrong == 0);
}

}  // namespace ocelli::kernel_test
