// bfloat16: rounding, widening and pairs on the host.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/core/bfloat16.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>

using namespace ocelli;

TEST_CASE("bfloat16: every pattern of bits survives the way through float") {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const bfloat16 b = bfloat16::from_bits(static_cast<std::uint16_t>(bits));
    const float value = static_cast<float>(b);
    if (std::isnan(value))
      CHECK(bfloat16(value).bits == 0x7FFF);
    else if (bfloat16(value).bits != bits)
      FAIL_CHECK(bits);
  }
}

TEST_CASE("bfloat16: rounds to the nearer neighbour, a tie to the even one") {
  CHECK(bfloat16(1.0f + 0x1p-8f).bits == 0x3F80);
  CHECK(bfloat16(1.0f + 0x3p-8f).bits == 0x3F82);
  CHECK(bfloat16(1.0f + 0x1.01p-8f).bits == 0x3F81);
  CHECK(bfloat16(std::numeric_limits<float>::max()).bits == 0x7F80);
  CHECK(bfloat16(-0.0f).bits == 0x8000);
}

TEST_CASE("bfloat16: pairs") {
  const std::uint32_t two = pack(bfloat16(1.0f), bfloat16(-2.0f));
  CHECK(two == 0xC0003F80u);
  CHECK(static_cast<float>(low_half(two)) == 1.0f);
  CHECK(static_cast<float>(high_half(two)) == -2.0f);
  CHECK(pack_rounded(1.0f + 0x1p-9f, -2.0f) == two);
}
