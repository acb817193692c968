// crc32c: the checksum of TFRecord files (Castagnoli, reflected 0x82F63B78), and its masked form.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ocelli {

namespace detail {
inline constexpr std::array<std::uint32_t, 256> kCrc32cTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ ((value & 1U) != 0 ? 0x82F63B78U : 0U);
    table[byte] = value;
  }
  return table;
}();
}  // namespace detail

constexpr std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t value = 0xFFFFFFFFU;
  for (char byte : bytes)
    value = value >> 8 ^ detail::kCrc32cTable[(value ^ static_cast<unsigned char>(byte)) & 0xFFU];
  return ~value;
}

/// What TFRecord files hold, so that a checksum of data that holds checksums stays good.
constexpr std::uint32_t masked_crc32c(std::string_view bytes) {
  const std::uint32_t value = crc32c(bytes);
  return (value >> 15 | value << 17) + 0xA282EAD8U;
}

}  // namespace ocelli
