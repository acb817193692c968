// dropout: in training, zeroes values at random and scales up the others.
//
//   training    y = x * mask / keep,  mask = 1 with probability keep, else 0
//   inference   y = x
//   dx = dy * mask / keep
//
// The mask is a function of (seed, step, operation, element), so backward makes it again, and any
// thread or device can make any part of it. `out` may be an undeferred input's memory, `din` may be
// `dout`. Backward reads neither the input nor `out`.
//
// Srivastava et al., JMLR 15 (2014); scaled in training ("inverted"), as TensorFlow does.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "ocelli/core/random.hpp"
#include "ocelli/op/op.hpp"

namespace ocelli {

/// The mask of one dropout in one step. Elements are counted over the batch, [N,H,W,C]; element e
/// takes word e of Random(seed, Stream::dropout, step, operation).
class DropoutMask {
 public:
  static constexpr int kBlock = 4;  ///< elements that one call of `block` decides

  /// The operation is told by its output tensor's number, which no other operation has.
  constexpr DropoutMask(std::uint64_t seed, std::uint32_t step, const OpDesc& op)
      : seed_(seed),
        step_(step),
        op_(static_cast<std::uint32_t>(op.output)),
        below_(static_cast<std::uint32_t>(op.keep * 0x1p24f)) {}

  /// The mask of the same operation in another step.
  constexpr DropoutMask of(std::uint64_t seed, std::uint32_t step) const {
    DropoutMask other = *this;
    other.seed_ = seed;
    other.step_ = step;
    return other;
  }

  /// Whether elements 4 * b .. 4 * b + 3 are kept: one Philox block.
  constexpr std::array<bool, kBlock> block(long b) const {
    const auto bits = philox(
        {static_cast<std::uint32_t>(b), op_, step_, static_cast<std::uint32_t>(Stream::dropout)},
        seed_);
    return {kept(bits[0]), kept(bits[1]), kept(bits[2]), kept(bits[3])};
  }

 private:
  constexpr bool kept(std::uint32_t bits) const { return (bits >> 8) < below_; }

  std::uint64_t seed_;
  std::uint32_t step_, op_;
  std::uint32_t below_;  ///< keep * 2^24
};

}  // namespace ocelli
