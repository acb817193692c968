// PythonRandom: the numbers of Python's `random` module, to repeat splits that were made with it.
//
// Matsumoto and Nishimura, "Mersenne Twister", ACM TOMACS 8(1), 1998: MT19937, seeded by an array.
// For nothing else: ocelli's own random numbers are in core/random.hpp.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace ocelli::data {

class PythonRandom {
 public:
  /// As random.seed(seed) of a whole number.
  explicit PythonRandom(std::uint64_t seed) {
    std::array<std::uint32_t, 2> key = {
        static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)};
    const std::uint32_t length = key[1] != 0 ? 2 : 1;
    state_[0] = 19650218u;
    for (std::uint32_t i = 1; i < n; ++i) {
      state_[i] = 1812433253u * (state_[i - 1] ^ (state_[i - 1] >> 30)) + i;
    }
    std::uint32_t i = 1, j = 0;
    const auto step = [&] {
      if (++i >= n) {
        state_[0] = state_[n - 1];
        i = 1;
      }
    };
    for (std::uint32_t k = 0; k < n; ++k) {
      state_[i] = (state_[i] ^ ((state_[i - 1] ^ (state_[i - 1] >> 30)) * 1664525u)) + key[j] + j;
      step();
      if (++j >= length) j = 0;
    }
    for (std::uint32_t k = 0; k < n - 1; ++k) {
      state_[i] = (state_[i] ^ ((state_[i - 1] ^ (state_[i - 1] >> 30)) * 1566083941u)) - i;
      step();
    }
    state_[0] = 0x80000000u;
  }

  /// The next 32 bits.
  std::uint32_t word() {
    if (at_ == n) refill();
    std::uint32_t y = state_[at_++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
  }
  /// Uniform in [0, 1), a multiple of 2^-53: random.random().
  double uniform() {
    const double a = word() >> 5, b = word() >> 6;
    return (a * 67108864.0 + b) / 9007199254740992.0;
  }
  /// Uniform in 0 .. count - 1; count from 1.
  std::uint32_t below(std::uint32_t count) {
    const int bits = static_cast<int>(std::bit_width(count));
    std::uint32_t value = count;
    while (value >= count) value = word() >> (32 - bits);
    return value;
  }
  /// As random.shuffle.
  template <class T>
  void shuffle(std::vector<T>& values) {
    for (std::size_t i = values.size(); i-- > 1;) {
      std::swap(values[i], values[below(static_cast<std::uint32_t>(i + 1))]);
    }
  }

 private:
  static constexpr std::uint32_t n = 624, m = 397;

  void refill() {
    for (std::uint32_t k = 0; k < n; ++k) {
      const std::uint32_t y = (state_[k] & 0x80000000u) | (state_[(k + 1) % n] & 0x7fffffffu);
      state_[k] = state_[(k + m) % n] ^ (y >> 1) ^ ((y & 1) != 0 ? 0x9908b0dfu : 0u);
    }
    at_ = 0;
  }

  std::array<std::uint32_t, n> state_{};
  std::uint32_t at_ = n;
};

}  // namespace ocelli::data
