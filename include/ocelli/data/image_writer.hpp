// Pictures to the bytes of a JPEG or PNG file.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/data/image.hpp"
#include "ocelli/data/stb.hpp"

namespace ocelli::data {

namespace detail {
inline void append_bytes(void* context, void* data, int size) {
  const auto* first = static_cast<const std::byte*>(data);
  auto& bytes = *static_cast<std::vector<std::byte>*>(context);
  bytes.insert(bytes.end(), first, first + size);
}
inline void check_writable(const Image& image) {
  if (image.height <= 0 || image.width <= 0 ||
      image.pixels.size() !=
          static_cast<std::size_t>(image.height) * static_cast<std::size_t>(image.width) * 3) {
    throw ShapeError(
        "picture of " + std::to_string(image.height) + " x " + std::to_string(image.width) +
        " with " + std::to_string(image.pixels.size()) + " bytes of pixels cannot be written");
  }
}
}  // namespace detail

/// A baseline JPEG. @param quality  1 .. 100
inline std::vector<std::byte> encode_jpeg(const Image& image, int quality = 90) {
  detail::check_writable(image);
  std::vector<std::byte> bytes;
  if (stb::stbi_write_jpg_to_func(
          detail::append_bytes, &bytes, image.width, image.height, 3, image.pixels.data(),
          quality) == 0) {
    throw DataError("writing a JPEG failed");
  }
  return bytes;
}

/// A PNG of 8-bit RGB, lossless.
inline std::vector<std::byte> encode_png(const Image& image) {
  detail::check_writable(image);
  std::vector<std::byte> bytes;
  if (stb::stbi_write_png_to_func(
          detail::append_bytes, &bytes, image.width, image.height, 3, image.pixels.data(),
          image.width * 3) == 0) {
    throw DataError("writing a PNG failed");
  }
  return bytes;
}

}  // namespace ocelli::data
