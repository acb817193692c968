// What the first bytes of a picture file say: format, size, EXIF orientation; and whether it is
// whole.
//
// The decoders behind `decode` hand out partial pictures for files that were cut short, so that is
// found here: JPEG by walking its markers to the end, PNG by its chunks and their check sums, BMP
// by its length.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "ocelli/core/error.hpp"

namespace ocelli::data {

/// Limits on pictures: larger ones are taken for damaged files. 128 Mi pixels are 384 MiB decoded.
inline constexpr int max_picture_side = 65535;
inline constexpr std::int64_t max_picture_pixels = std::int64_t{1} << 27;

/// Height and width in pixels as displayed, that is, after EXIF rotation.
struct ImageSize {
  int height = 0, width = 0;
  friend constexpr bool operator==(const ImageSize&, const ImageSize&) = default;
};

struct ImageHeader {
  enum class Format : std::uint8_t { jpeg, png, bmp };
  Format format = Format::jpeg;
  int height = 0, width = 0;  ///< as stored, before EXIF rotation
  int orientation = 1;        ///< EXIF, 1 .. 8
  bool cmyk = false;          ///< JPEG with four channels, inverted as Adobe writes them

  /// Pixels as displayed.
  constexpr ImageSize size() const {
    return orientation >= 5 ? ImageSize{width, height} : ImageSize{height, width};
  }
};

namespace detail {

using Bytes = std::span<const std::byte>;

inline std::uint32_t byte_at(Bytes bytes, std::size_t i) {
  return std::to_integer<std::uint32_t>(bytes[i]);
}
inline std::uint32_t big16(Bytes b, std::size_t i) {
  return byte_at(b, i) << 8 | byte_at(b, i + 1);
}
inline std::uint32_t big32(Bytes b, std::size_t i) { return big16(b, i) << 16 | big16(b, i + 2); }
inline std::uint32_t little16(Bytes b, std::size_t i) {
  return byte_at(b, i) | byte_at(b, i + 1) << 8;
}
inline std::uint32_t little32(Bytes b, std::size_t i) {
  return little16(b, i) | little16(b, i + 2) << 16;
}
inline bool starts_with(Bytes bytes, std::string_view prefix, std::size_t at = 0) {
  return bytes.size() >= at + prefix.size() &&
         std::memcmp(bytes.data() + at, prefix.data(), prefix.size()) == 0;
}

/// Orientation in a TIFF structure (the inside of an EXIF block); 1 when absent or malformed, which
/// is what viewers make of it too.
inline int exif_orientation(Bytes tiff) {
  if (tiff.size() < 8) return 1;
  const bool little = starts_with(tiff, "II");
  if (!little && !starts_with(tiff, "MM")) return 1;
  const auto u16 = [&](std::size_t i) { return little ? little16(tiff, i) : big16(tiff, i); };
  const std::size_t directory = little ? little32(tiff, 4) : big32(tiff, 4);
  if (u16(2) != 42 || directory > tiff.size() - 2) return 1;
  const std::size_t entries = u16(directory);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t at = directory + 2 + i * 12;
    if (at + 12 > tiff.size()) return 1;
    if (u16(at) != 0x0112) continue;
    const auto value = u16(at + 8);
    return u16(at + 2) == 3 && value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

inline constexpr std::array<std::uint32_t, 256> crc32_table = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t n = 0; n < 256; ++n) {
    std::uint32_t c = n;
    for (int k = 0; k < 8; ++k) c = (c & 1) != 0 ? 0xEDB88320u ^ (c >> 1) : c >> 1;
    table[n] = c;
  }
  return table;
}();

inline std::uint32_t crc32(Bytes bytes) {
  std::uint32_t c = 0xFFFFFFFFu;
  for (const std::byte b : bytes) {
    c = crc32_table[(c ^ std::to_integer<std::uint32_t>(b)) & 0xFF] ^ (c >> 8);
  }
  return c ^ 0xFFFFFFFFu;
}

[[noreturn]] inline void throw_cut_short(const std::string& name, const char* format) {
  throw DataError(
      std::string("the ") + format + " ends too early", name,
      "the file was cut short: copy it again or remove it");
}

inline const char* unsupported_jpeg(std::uint32_t marker) {
  switch (marker) {
    case 0xC3:
    case 0xC7:
    case 0xCB:
    case 0xCF:
      return "a lossless JPEG";
    case 0xC9:
    case 0xCA:
    case 0xCD:
    case 0xCE:
      return "a JPEG with arithmetic coding";
    default:
      return "a hierarchical JPEG";
  }
}

/// A JPEG's Huffman tables must not define more than 256 symbols each: stb_image does not check.
inline void check_huffman_tables(Bytes body, const std::string& name) {
  for (std::size_t at = 0; at < body.size();) {
    std::size_t symbols = 0;
    for (std::size_t i = 1; i <= 16 && at + i < body.size(); ++i) symbols += byte_at(body, at + i);
    if (symbols > 256 || at + 17 + symbols > body.size()) {
      throw DataError(
          "a damaged JPEG (a Huffman table of wrong size)", name,
          "save the picture again or remove it");
    }
    at += 17 + symbols;
  }
}

/// @param whole  walk on to the end of the picture, and refuse one that has none
inline ImageHeader jpeg_header(Bytes bytes, const std::string& name, bool whole) {
  ImageHeader header{.format = ImageHeader::Format::jpeg};
  bool frame = false, adobe = false;
  std::uint32_t components = 0;
  std::size_t at = 2;
  for (;;) {
    while (at < bytes.size() && byte_at(bytes, at) != 0xFF) ++at;  // stray bytes: tolerated
    while (at < bytes.size() && byte_at(bytes, at) == 0xFF) ++at;
    if (at >= bytes.size()) throw_cut_short(name, "JPEG");
    const std::uint32_t marker = byte_at(bytes, at++);
    if (marker == 0xD9) break;
    if (marker == 0 || marker == 1 || (marker >= 0xD0 && marker <= 0xD8)) continue;
    if (at + 2 > bytes.size()) throw_cut_short(name, "JPEG");
    const std::size_t length = big16(bytes, at);
    if (length < 2) {
      throw DataError(
          "a damaged JPEG (segment of length " + std::to_string(length) + ")", name,
          "save the picture again or remove it");
    }
    if (at + length > bytes.size()) throw_cut_short(name, "JPEG");
    const Bytes body = bytes.subspan(at + 2, length - 2);
    at += length;
    if (marker == 0xE1 && starts_with(body, std::string_view("Exif\0\0", 6))) {
      if (!frame) header.orientation = exif_orientation(body.subspan(6));
    } else if (marker == 0xEE && starts_with(body, "Adobe")) {
      adobe = true;
    } else if (marker == 0xC4) {
      check_huffman_tables(body, name);
    } else if (
        marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC) {
      if (marker > 0xC2) {
        throw DataError(
            std::string(unsupported_jpeg(marker)) + " is not read", name,
            "save it as a baseline or progressive JPEG");
      }
      if (body.size() < 6) throw_cut_short(name, "JPEG");
      if (byte_at(body, 0) != 8) {
        throw DataError(
            "a JPEG of " + std::to_string(byte_at(body, 0)) + " bits is not read", name,
            "save it with 8 bits a channel");
      }
      frame = true;
      header.height = static_cast<int>(big16(body, 1));
      header.width = static_cast<int>(big16(body, 3));
      components = byte_at(body, 5);
      if (!whole) break;  // EXIF stands before the frame
    }
  }
  if (!frame) {
    throw DataError("a JPEG without a picture in it", name, "save the picture again or remove it");
  }
  header.cmyk = components == 4;
  if (header.cmyk && whole && !adobe) {
    throw DataError(
        "a JPEG of four channels that does not say which (CMYK without Adobe's mark)", name,
        "save it as RGB");
  }
  return header;
}

inline ImageHeader png_header(Bytes bytes, const std::string& name, bool whole) {
  ImageHeader header{.format = ImageHeader::Format::png};
  std::size_t at = 8;
  for (bool first = true;; first = false) {
    if (bytes.size() - at < 12) throw_cut_short(name, "PNG");
    const std::size_t length = big32(bytes, at);
    const bool data = starts_with(bytes, "IDAT", at + 4);
    if (data && !whole) break;
    if (length > bytes.size() - at - 12) throw_cut_short(name, "PNG");
    if (starts_with(bytes, "CgBI", at + 4)) {
      throw DataError(
          "a PNG in Apple's private form (CgBI) is not read", name, "save it as an ordinary PNG");
    }
#ifndef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION  // or no mutation would get past it
    if (crc32(bytes.subspan(at + 4, length + 4)) != big32(bytes, at + 8 + length)) {
      throw DataError(
          "a damaged PNG (check sum differs in the chunk at byte " + std::to_string(at) + ")", name,
          "copy the file again or remove it");
    }
#endif
    const Bytes body = bytes.subspan(at + 8, length);
    if (first) {
      if (!starts_with(bytes, "IHDR", at + 4) || length < 13) {
        throw DataError("a PNG without a header", name, "save the picture again or remove it");
      }
      if (big32(body, 0) > 0x7FFFFFFFu || big32(body, 4) > 0x7FFFFFFFu) {
        throw DataError("a PNG of absurd size", name, "save the picture again or remove it");
      }
      header.width = static_cast<int>(big32(body, 0));
      header.height = static_cast<int>(big32(body, 4));
    } else if (starts_with(bytes, "eXIf", at + 4)) {
      header.orientation = exif_orientation(body);
    } else if (starts_with(bytes, "IEND", at + 4)) {
      break;
    }
    at += 12 + length;
  }
  return header;
}

inline ImageHeader bmp_header(Bytes bytes, const std::string& name, bool whole) {
  ImageHeader header{.format = ImageHeader::Format::bmp};
  if (bytes.size() < 30) throw_cut_short(name, "BMP");
  const std::uint64_t offset = little32(bytes, 10);
  std::int64_t width = 0, height = 0;
  std::uint64_t bits = 0;
  if (little32(bytes, 14) == 12) {
    width = little16(bytes, 18), height = little16(bytes, 20), bits = little16(bytes, 24);
  } else {
    width = static_cast<std::int32_t>(little32(bytes, 18));
    height = static_cast<std::int32_t>(little32(bytes, 22));
    bits = little16(bytes, 28);
    if (height < 0) height = -height;  // rows from top to bottom
  }
  if (width > max_picture_side || height > max_picture_side || width < 0 || bits > 64) {
    throw DataError("a BMP of absurd size", name, "save the picture again or remove it");
  }
  header.width = static_cast<int>(width), header.height = static_cast<int>(height);
  const std::uint64_t row = (static_cast<std::uint64_t>(width) * bits + 31) / 32 * 4;
  if (whole && offset + row * static_cast<std::uint64_t>(height) > bytes.size()) {
    throw_cut_short(name, "BMP");
  }
  return header;
}

/// The format of bytes that are no JPEG, PNG or BMP, when it is a well-known one.
inline std::string_view foreign_format(Bytes b) {
  if (starts_with(b, "GIF8")) return "a GIF";
  if (starts_with(b, "RIFF") && starts_with(b, "WEBP", 8)) return "a WebP";
  if (starts_with(b, std::string_view("II*\0", 4)) ||
      starts_with(b, std::string_view("MM\0*", 4))) {
    return "a TIFF (or a camera's raw file)";
  }
  if (starts_with(b, "ftypavif", 4)) return "an AVIF";
  if (starts_with(b, "ftyphei", 4) || starts_with(b, "ftypmif1", 4)) return "a HEIC";
  if (starts_with(b, "ftyp", 4)) return "a video";
  if (starts_with(b, "8BPS")) return "a Photoshop file";
  if (starts_with(b, "%PDF")) return "a PDF";
  if (starts_with(b, "version https://git-lfs")) return "a Git LFS pointer (run `git lfs pull`)";
  if (starts_with(b, "<!DOCTYPE") || starts_with(b, "<html") || starts_with(b, "<?xml") ||
      starts_with(b, "<svg")) {
    return "a text (HTML, XML or SVG)";
  }
  return {};
}

inline ImageHeader image_header(Bytes bytes, const std::string& name, bool whole) {
  ImageHeader header;
  if (bytes.empty()) throw DataError("the file is empty", name, "copy it again or remove it");
  if (starts_with(bytes, "\xFF\xD8")) {
    header = jpeg_header(bytes, name, whole);
  } else if (starts_with(bytes, "\x89PNG\r\n\x1A\n")) {
    header = png_header(bytes, name, whole);
  } else if (starts_with(bytes, "BM")) {
    header = bmp_header(bytes, name, whole);
  } else {
    const std::string_view foreign = foreign_format(bytes);
    throw DataError(
        foreign.empty() ? "not a picture that can be read" : std::string(foreign) + " is not read",
        name, "JPEG, PNG and BMP are: convert it or remove it");
  }
  if (header.width <= 0 || header.height <= 0) {
    throw DataError("a picture of size 0", name, "save the picture again or remove it");
  }
  if (header.width > max_picture_side || header.height > max_picture_side ||
      std::int64_t{header.width} * header.height > max_picture_pixels) {
    throw DataError(
        "a picture of " + std::to_string(header.width) + " x " + std::to_string(header.height) +
            " pixels is too large",
        name, "cut it into pieces of at most 128 Mi pixels each");
  }
  return header;
}

}  // namespace detail

/// The header of a picture file. Looks no further than it has to, so the first 64 KiB of a file do
/// unless its metadata are longer.
/// @param name  for messages
/// @throws DataError naming the file, when it is no picture or its header is cut short
inline ImageHeader image_header(std::span<const std::byte> bytes, const std::string& name) {
  return detail::image_header(bytes, name, false);
}

/// Height and width as displayed, after EXIF rotation, without decoding. Errors as `image_header`.
inline ImageSize image_size(std::span<const std::byte> bytes, const std::string& name) {
  return image_header(bytes, name).size();
}

}  // namespace ocelli::data
