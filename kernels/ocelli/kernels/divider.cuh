// Divider: division by a number that one launch keeps, as a multiplication and a shift.
//
//   q = floor(n / d) = (n * m >> 32) >> (s - 1),   s = ceil(log2 d),  m = ceil(2^(31+s) / d)
//
// for 0 <= n < 2^31: m * d exceeds 2^(31+s) by less than d <= 2^s, which n < 2^31 cannot amplify to
// the next quotient. Granlund and Montgomery, "Division by Invariant Integers using
// Multiplication", PLDI 1994.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/simt/device.hpp"

namespace ocelli::kernel {

/// Made on the host, passed by value. The divisor is at least 1.
class Divider {
 public:
  constexpr explicit Divider(int divisor) : divisor_(divisor) {
    int log = 0;
    while ((1ull << log) < static_cast<unsigned long long>(divisor)) ++log;
    const auto d = static_cast<unsigned long long>(divisor);
    factor_ = static_cast<unsigned>(((1ull << (31 + log)) + d - 1) / d);
    shift_ = log - 1;
  }

  /// n / divisor, for n >= 0.
  OCELLI_DEVICE int quotient(int n) const {
    if (divisor_ == 1) return n;
    return static_cast<int>(__umulhi(static_cast<unsigned>(n), factor_) >> shift_);
  }
  OCELLI_DEVICE int remainder(int n) const { return n - quotient(n) * divisor_; }

 private:
  int divisor_, shift_ = 0;
  unsigned factor_ = 0;
};

}  // namespace ocelli::kernel
