// Hash64 against the published values of XXH64, and whole against in pieces.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/core/hash.hpp"

#include <doctest/doctest.h>

#include <string>

using ocelli::Hash64;

namespace {
std::uint64_t hash_of(std::string_view text) {
  Hash64 hash;
  hash.update(text);
  return hash.digest();
}
}  // namespace

TEST_CASE("hash64: as published") {
  CHECK(hash_of("") == 0xEF46DB3751D8E999u);
  CHECK(hash_of("a") == 0xD24EC4F1A98C6E5Bu);
  CHECK(hash_of("abc") == 0x44BC2CF5AD770999u);
  CHECK(hash_of("Nobody inspects the spammish repetition") == 0xFBCEA83C8A378BF1u);
}

TEST_CASE("hash64: pieces make no difference") {
  std::string text;
  for (int k = 0; k < 300; ++k) text += static_cast<char>(k * 37 % 251);
  for (std::size_t size = 0; size <= text.size(); size += 7) {
    const std::string_view whole = std::string_view(text).substr(0, size);
    for (const std::size_t piece : {1u, 5u, 31u, 32u, 33u, 100u}) {
      Hash64 hash;
      for (std::size_t at = 0; at < size; at += piece) hash.update(whole.substr(at, piece));
      CHECK(hash.digest() == hash_of(whole));
    }
  }
}

TEST_CASE("hash64: hexadecimal digits") {
  CHECK(ocelli::hex64(0) == "0000000000000000");
  CHECK(ocelli::hex64(0xEF46DB3751D8E999u) == "ef46db3751d8e999");
}
