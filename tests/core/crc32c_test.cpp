// Tests of crc32c against published values.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/core/crc32c.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace ocelli;

TEST_CASE("crc32c: as published") {
  CHECK(crc32c("123456789") == 0xE3069283U);
  CHECK(masked_crc32c("123456789") == 0xC78AB0E5U);
  CHECK(crc32c("") == 0);
  CHECK(crc32c(std::string(32, '\0')) == 0x8A9136AAU);  // RFC 3720, B.4
  CHECK(crc32c(std::string(32, '\xff')) == 0x62A8AB43U);
  static_assert(crc32c("123456789") == 0xE3069283U);
}
