// Sha256: the checksum by which objects are named, signed and compared.
//
// FIPS 180-4, by OpenSSL's EVP.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ocelli/bucket/transfer.hpp"
#include "ocelli/core/error.hpp"

namespace ocelli::bucket {

/// Feeds bytes in any number of pieces.
class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    check(context_ != nullptr && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
  }
  void update(std::span<const std::byte> bytes) {
    check(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
  }
  void update(std::string_view text) { update(std::as_bytes(std::span(text))); }

  /// 64 lower-case hexadecimal digits; nothing may be fed afterwards.
  std::string hex() {
    std::array<unsigned char, 32> digest{};
    check(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1);
    std::string text;
    for (const unsigned char byte : digest) {
      text += "0123456789abcdef"[byte >> 4];
      text += "0123456789abcdef"[byte & 15];
    }
    return text;
  }

 private:
  static void check(bool good) {
    if (!good) throw Error("SHA-256 cannot be computed", "OpenSSL", "repair its installation");
  }

  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

inline std::string sha256_hex(std::string_view text) {
  Sha256 hash;
  hash.update(text);
  return hash.hex();
}

/// Of all bytes of a body, read a mebibyte at a time. @throws what reading throws
inline std::string sha256_hex(const Body& body) {
  Sha256 hash;
  std::vector<std::byte> piece(std::min<std::uint64_t>(body.size(), 1u << 20));
  for (std::uint64_t at = 0; at < body.size();) {
    const std::span<std::byte> part =
        std::span(piece).first(std::min<std::uint64_t>(piece.size(), body.size() - at));
    body.read(at, part);
    hash.update(part);
    at += part.size();
  }
  return hash.hex();
}

}  // namespace ocelli::bucket
