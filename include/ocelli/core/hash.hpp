// Hash64: a streaming 64-bit checksum (XXH64 with seed 0), to tell whether bytes arrived whole.
//
// Yann Collet, "xxHash fast digest algorithm", version 0.1.1. Not for secrets.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace ocelli {

/// Feeds bytes in any number of pieces; the digest depends on the bytes alone, not on the pieces.
class Hash64 {
 public:
  void update(const void* data, std::size_t size) {
    if (size == 0) return;
    const auto* at = static_cast<const unsigned char*>(data);
    total_ += size;
    if (held_ + size < stripe) {
      std::memcpy(rest_.data() + held_, at, size);
      held_ += size;
      return;
    }
    if (held_ > 0) {
      const std::size_t take = stripe - held_;
      std::memcpy(rest_.data() + held_, at, take);
      consume(rest_.data());
      at += take;
      size -= take;
      held_ = 0;
    }
    for (; size >= stripe; size -= stripe, at += stripe) consume(at);
    if (size > 0) std::memcpy(rest_.data(), at, size);
    held_ = size;
  }
  void update(std::string_view text) { update(text.data(), text.size()); }

  /// Of everything fed so far; more may follow.
  std::uint64_t digest() const {
    std::uint64_t h = p5;
    if (total_ >= stripe) {
      h = std::rotl(lane_[0], 1) + std::rotl(lane_[1], 7) + std::rotl(lane_[2], 12) +
          std::rotl(lane_[3], 18);
      for (const std::uint64_t lane : lane_) h = (h ^ round(0, lane)) * p1 + p4;
    }
    h += total_;
    const unsigned char* at = rest_.data();
    std::size_t left = held_;
    for (; left >= 8; left -= 8, at += 8) h = std::rotl(h ^ round(0, load(at, 8)), 27) * p1 + p4;
    if (left >= 4) {
      h = std::rotl(h ^ (load(at, 4) * p1), 23) * p2 + p3;
      at += 4;
      left -= 4;
    }
    for (; left > 0; --left, ++at) h = std::rotl(h ^ (*at * p5), 11) * p1;
    h = (h ^ (h >> 33)) * p2;
    h = (h ^ (h >> 29)) * p3;
    return h ^ (h >> 32);
  }

 private:
  static constexpr std::size_t stripe = 32;  // bytes that the four lanes take at once
  static constexpr std::uint64_t p1 = 0x9E3779B185EBCA87u, p2 = 0xC2B2AE3D27D4EB4Fu,
                                 p3 = 0x165667B19E3779F9u, p4 = 0x85EBCA77C2B2AE63u,
                                 p5 = 0x27D4EB2F165667C5u;

  static std::uint64_t load(const unsigned char* at, int size) {
    static_assert(std::endian::native == std::endian::little);
    std::uint64_t value = 0;
    std::memcpy(&value, at, static_cast<std::size_t>(size));
    return value;
  }
  static std::uint64_t round(std::uint64_t lane, std::uint64_t value) {
    return std::rotl(lane + value * p2, 31) * p1;
  }
  void consume(const unsigned char* at) {
    for (std::size_t k = 0; k < 4; ++k) lane_[k] = round(lane_[k], load(at + 8 * k, 8));
  }

  std::array<std::uint64_t, 4> lane_{p1 + p2, p2, 0, 0 - p1};
  std::array<unsigned char, stripe> rest_{};
  std::size_t held_ = 0;
  std::uint64_t total_ = 0;
};

/// The digest as 16 lower-case hexadecimal digits.
inline std::string hex64(std::uint64_t value) {
  std::string text(16, '0');
  for (std::size_t k = 16; k-- > 0; value >>= 4) text[k] = "0123456789abcdef"[value & 15];
  return text;
}

}  // namespace ocelli
