// Pictures in memory, and decoding them from the bytes of a file.
//
// JPEG, PNG and BMP, told apart by content, never by name. Grey, palette and 16-bit pictures become
// 8-bit RGB, transparency is dropped (the colour below it stays), CMYK is converted, and the
// picture is turned as its EXIF orientation says, so that pixels are where an annotator saw them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/data/image_header.hpp"
#include "ocelli/data/stb.hpp"

#ifdef OCELLI_WITH_TURBOJPEG
#include <turbojpeg.h>
#endif

namespace ocelli::data {

/// An RGB picture: pixels[(y * width + x) * 3 + channel].
struct Image {
  int height = 0, width = 0;
  std::vector<std::uint8_t> pixels;

  const std::uint8_t* at(int y, int x) const { return pixels.data() + offset(y, x); }
  std::uint8_t* at(int y, int x) { return pixels.data() + offset(y, x); }

 private:
  std::size_t offset(int y, int x) const {
    return (static_cast<std::size_t>(y) * static_cast<std::size_t>(width) +
            static_cast<std::size_t>(x)) *
           3;
  }
};

/// A black picture.
inline Image make_image(int height, int width) {
  Image image{height, width, {}};
  image.pixels.resize(static_cast<std::size_t>(height) * static_cast<std::size_t>(width) * 3);
  return image;
}

/// The stored picture as it is to be displayed.
/// @param orientation  EXIF, 1 .. 8: 2, 4 mirrored; 3 upside down; 6, 8 turned; 5, 7 both
inline Image oriented(Image stored, int orientation) {
  if (orientation <= 1 || orientation > 8) return stored;
  const int H = stored.height, W = stored.width;
  const bool turned = orientation >= 5;
  Image image = make_image(turned ? W : H, turned ? H : W);
  // Row and column that a step to the right, and a step down, move in the stored picture.
  const bool from_bottom =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const bool from_right =
      orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  std::uint8_t* out = image.pixels.data();
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x, out += 3) {
      const int row = turned ? x : y, column = turned ? y : x;
      const std::uint8_t* in =
          stored.at(from_bottom ? H - 1 - row : row, from_right ? W - 1 - column : column);
      out[0] = in[0], out[1] = in[1], out[2] = in[2];
    }
  }
  return image;
}

namespace detail {

[[noreturn]] inline void throw_damaged(
    const ImageHeader& header, const std::string& reason, const std::string& name) {
  constexpr const char* names[] = {"JPEG", "PNG", "BMP"};
  throw DataError(
      std::string("a damaged ") + names[static_cast<int>(header.format)] + " (" + reason + ")",
      name, "copy the file again or remove it");
}

inline Image decode_stb(Bytes bytes, const ImageHeader& header, const std::string& name) {
  int width = 0, height = 0, channels = 0;
  const std::unique_ptr<stb::stbi_uc, decltype(&stb::stbi_image_free)> pixels(
      stb::stbi_load_from_memory(
          reinterpret_cast<const stb::stbi_uc*>(bytes.data()), static_cast<int>(bytes.size()),
          &width, &height, &channels, 3),
      stb::stbi_image_free);
  if (pixels == nullptr) throw_damaged(header, stb::stbi_failure_reason(), name);
  if (width != header.width || height != header.height) {
    throw_damaged(header, "two sizes in one file", name);
  }
  const std::size_t count = static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3;
  return {height, width, {pixels.get(), pixels.get() + count}};
}

#ifdef OCELLI_WITH_TURBOJPEG
inline Image decode_turbojpeg(Bytes bytes, const ImageHeader& header, const std::string& name) {
  struct Destroy {
    void operator()(void* handle) const { tjDestroy(handle); }
  };
  thread_local const std::unique_ptr<void, Destroy> handle(tjInitDecompress());
  if (handle == nullptr)
    throw DataError("libturbojpeg does not start", name, tjGetErrorStr2(nullptr));
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  const auto size = static_cast<unsigned long>(bytes.size());
  Image image = make_image(header.height, header.width);
  std::vector<std::uint8_t> cmyk(header.cmyk ? image.pixels.size() / 3 * 4 : 0);
  const int failed = tjDecompress2(
      handle.get(), data, size, header.cmyk ? cmyk.data() : image.pixels.data(), header.width, 0,
      header.height, header.cmyk ? TJPF_CMYK : TJPF_RGB, 0);
  if (failed != 0) {
    // Stray bytes before a marker are harmless; other warnings mean that pixels were made up.
    const std::string reason = tjGetErrorStr2(handle.get());
    if (tjGetErrorCode(handle.get()) != TJERR_WARNING ||
        reason.find("extraneous bytes") == std::string::npos) {
      throw_damaged(header, reason, name);
    }
  }
  for (std::size_t i = 0, o = 0; i < cmyk.size(); i += 4) {
    for (std::size_t c = 0; c < 3; ++c) {  // inverted: 255 is no ink
      image.pixels[o++] = static_cast<std::uint8_t>((cmyk[i + c] * cmyk[i + 3] + 127) / 255);
    }
  }
  return image;
}
#endif

}  // namespace detail

/// Decodes a picture file.
/// @param name  for messages: the file's path or key
/// @throws DataError naming the file, when it is no picture, of a format that is not read, cut
/// short,
///         damaged, or larger than `max_picture_pixels`. A JPEG that is damaged inside but has an
///         end is told by libturbojpeg only; stb_image fills in grey.
inline Image decode(std::span<const std::byte> bytes, const std::string& name) {
  if (bytes.size() > (std::size_t{1} << 30)) {
    throw DataError("a picture file of more than 1 GiB", name, "save it smaller or remove it");
  }
  const ImageHeader header = detail::image_header(bytes, name, true);
#ifdef OCELLI_WITH_TURBOJPEG
  if (header.format == ImageHeader::Format::jpeg) {
    return oriented(detail::decode_turbojpeg(bytes, header, name), header.orientation);
  }
#endif
  return oriented(detail::decode_stb(bytes, header, name), header.orientation);
}

}  // namespace ocelli::data
