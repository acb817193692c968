// Sha256: the checksum by which requests are signed and published objects named.
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

/// Lower-case hexadecimal digits.
inline std::string hex(std::span<const unsigned char> bytes) {
  std::string text;
  for (const unsigned char byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

/// SHA-256, fed in any number of pieces.
class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    check(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
  }
  void update(std::span<const std::byte> bytes) {
    check(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
  }
  void update(std::string_view text) { update(std::as_bytes(std::span(text))); }
  /// Once, at the end.
  std::array<unsigned char, 32> digest() {
    std::array<unsigned char, 32> out{};
    check(EVP_DigestFinal_ex(context_.get(), out.data(), nullptr) == 1);
    return out;
  }

  static std::string hex_of(std::string_view text) {
    Sha256 sha;
    sha.update(text);
    return hex(sha.digest());
  }
  /// Of a whole body.
  static std::string hex_of(const Body& body) { return hex_of(body, 0, body.size()); }
  /// Of a part of a body, read a piece at a time.
  static std::string hex_of(const Body& body, std::uint64_t offset, std::uint64_t size) {
    Sha256 sha;
    std::vector<std::byte> piece(
        static_cast<std::size_t>(std::min<std::uint64_t>(size, 256u << 10)));
    for (std::uint64_t done = 0; done < size;) {
      const auto take =
          static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), size - done));
      body.read(offset + done, std::span(piece).first(take));
      sha.update(std::span(piece).first(take));
      done += take;
    }
    return hex(sha.digest());
  }

 private:
  static void check(bool good) {
    if (!good) throw StoreError("OpenSSL cannot compute SHA-256", {}, "check its installation");
  }
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace ocelli::bucket
