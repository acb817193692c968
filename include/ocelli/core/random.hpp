// Counter-based random numbers: each is a function of (seed, stream, step, index), so nothing needs
// saving, and no draw depends on how many were made before it or on the number of threads.
//
// Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011: Philox4x32-10.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace ocelli {

/// What a random number is for; equal seeds in different streams are unrelated.
enum class Stream : std::uint32_t {
  init = 1,     ///< initial weights: step = parameter, index = element
  order = 2,    ///< data order: step = epoch
  augment = 3,  ///< augmentation: step = training step, index = place in the batch
  dropout = 4,  ///< dropout: step = training step, index = operation
  demo = 5,     ///< drawn pictures: index = picture
  split = 6,    ///< splits of a data set
};

/// One Philox4x32-10 block: four words from a 128-bit counter and a 64-bit key.
constexpr std::array<std::uint32_t, 4> philox(
    std::array<std::uint32_t, 4> counter, std::uint64_t key) {
  auto k0 = static_cast<std::uint32_t>(key);
  auto k1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57u} * counter[2];
    counter = {
        static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ k0, static_cast<std::uint32_t>(b),
        static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ k1, static_cast<std::uint32_t>(a)};
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return counter;
}

/// A cursor over the numbers that belong to (seed, stream, step, index). Two cursors made alike
/// give the same numbers. At most 2^34 words each.
class Random {
 public:
  constexpr Random(
      std::uint64_t seed, Stream stream, std::uint32_t step = 0, std::uint32_t index = 0)
      : seed_(seed), base_{0, index, step, static_cast<std::uint32_t>(stream)} {}

  /// 32 random bits.
  constexpr std::uint32_t bits() {
    if (used_ == 4) {
      block_ = philox(base_, seed_);
      ++base_[0];
      used_ = 0;
    }
    return block_[used_++];
  }
  /// Uniform in [0, 1), a multiple of 2^-24.
  constexpr float uniform() { return static_cast<float>(bits() >> 8) * 0x1p-24f; }
  /// Uniform in [low, high).
  constexpr float uniform(float low, float high) { return low + (high - low) * uniform(); }
  /// Uniform in 0 .. count - 1; the bias is below count / 2^32.
  constexpr std::uint32_t below(std::uint32_t count) {
    return static_cast<std::uint32_t>((std::uint64_t{bits()} * count) >> 32);
  }
  constexpr bool chance(float probability) { return uniform() < probability; }
  /// Standard normal (Box and Muller); draws two words.
  double normal() {
    const double u = (bits() + 0.5) * 0x1p-32;
    const double v = (bits() + 0.5) * 0x1p-32;
    return std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586 * v);
  }
  /// Standard normal, redrawn outside [-2, 2] (its deviation is 0.8796).
  double truncated_normal() {
    for (;;) {
      const double x = normal();
      if (x >= -2.0 && x <= 2.0) return x;
    }
  }

 private:
  std::uint64_t seed_;
  std::array<std::uint32_t, 4> base_;
  std::array<std::uint32_t, 4> block_{};
  std::size_t used_ = 4;
};

/// A keyed permutation of 0 .. count - 1: the data order of one epoch, with no state to save. A
/// four-round Feistel network over the next even power of two, walked until inside.
class Permutation {
 public:
  constexpr Permutation(std::uint64_t seed, std::uint32_t epoch, std::uint32_t count)
      : seed_(seed), epoch_(epoch), count_(count) {
    while ((std::uint64_t{1} << (2 * half_)) < count) ++half_;
  }
  constexpr std::uint32_t operator()(std::uint32_t i) const {
    do {
      i = walk(i);
    } while (i >= count_);
    return i;
  }

 private:
  constexpr std::uint32_t walk(std::uint32_t i) const {
    const std::uint32_t mask = (std::uint32_t{1} << half_) - 1;
    std::uint32_t left = i >> half_, right = i & mask;
    for (std::uint32_t round = 0; round < 4; ++round) {
      const auto mixed =
          philox({right, round, epoch_, static_cast<std::uint32_t>(Stream::order)}, seed_);
      const std::uint32_t next = left ^ (mixed[0] & mask);
      left = right;
      right = next;
    }
    return left << half_ | right;
  }

  std::uint64_t seed_;
  std::uint32_t epoch_, count_;
  int half_ = 1;
};

}  // namespace ocelli
