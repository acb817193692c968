// SHA-256 of texts whose digests the standard gives.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/bucket/sha256.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "ocelli/bucket/transfer.hpp"

using namespace ocelli::bucket;

TEST_CASE("sha256: the examples of FIPS 180") {
  CHECK(Sha256::hex_of("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(
      Sha256::hex_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(
      Sha256::hex_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(
      Sha256::hex_of(std::string(1'000'000, 'a')) ==
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("sha256: pieces do not matter, nor that a body is read in several") {
  std::string text(700'001, ' ');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * i % 251);
  const std::string whole = Sha256::hex_of(text);
  Sha256 pieces;
  for (std::size_t i = 0; i < text.size(); i += 9973)
    pieces.update(std::string_view(text).substr(i, 9973));
  CHECK(hex(pieces.digest()) == whole);
  CHECK(Sha256::hex_of(BytesBody(text)) == whole);
  CHECK(Sha256::hex_of(BytesBody(text), 5, 300'000) == Sha256::hex_of(text.substr(5, 300'000)));
}
