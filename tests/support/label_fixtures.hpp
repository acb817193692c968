// What the tests of the label readers share: small pictures, and finding one's way in a data set.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "ocelli/data/dataset.hpp"
#include "ocelli/data/image_writer.hpp"
#include "ocelli/data/source.hpp"

namespace ocelli::test {

inline std::vector<std::byte> png(int height, int width, std::uint8_t shade = 0) {
  data::Image image = data::make_image(height, width);
  std::fill(image.pixels.begin(), image.pixels.end(), shade);
  return data::encode_png(image);
}

inline std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

/// An EXIF block that says nothing but the orientation.
inline std::string exif_block(int orientation, bool big_endian) {
  const char o = static_cast<char>(orientation);
  const std::string tiff =
      big_endian ? std::string("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0", 19) + o +
                       std::string(6, '\0')
                 : std::string("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", 18) + o +
                       std::string(7, '\0');
  return std::string("Exif\0\0", 6) + tiff;
}

/// A JPEG with a segment (marker 0xFF `marker`) put behind its first two bytes.
inline std::vector<std::byte> with_segment(
    const std::vector<std::byte>& jpeg, unsigned char marker, const std::string& body) {
  const std::size_t length = body.size() + 2;
  std::string segment = "\xFF";
  segment += static_cast<char>(marker);
  segment += static_cast<char>(length >> 8);
  segment += static_cast<char>(length & 0xFF);
  const std::vector<std::byte> inserted = bytes_of(segment + body);
  std::vector<std::byte> out = jpeg;
  out.insert(out.begin() + 2, inserted.begin(), inserted.end());
  return out;
}

/// A black JPEG of this stored size, to be turned by viewers.
inline std::vector<std::byte> turned_jpeg(int height, int width, int orientation) {
  return with_segment(
      data::encode_jpeg(data::make_image(height, width)), 0xE1, exif_block(orientation, true));
}

inline std::size_t count(const data::Dataset& data, const std::string& reason) {
  return static_cast<std::size_t>(std::count_if(
      data.findings.begin(), data.findings.end(),
      [&](const data::Finding& finding) { return finding.reason == reason; }));
}

/// The first finding of this reason; throws when there is none.
inline const data::Finding& finding(const data::Dataset& data, const std::string& reason) {
  for (const data::Finding& finding : data.findings) {
    if (finding.reason == reason) return finding;
  }
  throw std::runtime_error("no finding " + reason);
}

/// Severity, place and text of the first finding of a reason in a line: "dropped a.xml:3: ...".
inline std::string told(const data::Dataset& data, const std::string& reason) {
  for (const data::Finding& finding : data.findings) {
    if (finding.reason != reason) continue;
    constexpr const char* severities[] = {"note", "repaired", "dropped", "error"};
    return std::string(severities[static_cast<int>(finding.severity)]) + " " + finding.where +
           ": " + finding.text;
  }
  return "(no finding " + reason + ")";
}

inline const data::Picture& picture(const data::Dataset& data, const std::string& key) {
  for (const data::Picture& picture : data.pictures) {
    if (picture.key == key) return picture;
  }
  throw std::runtime_error("no picture " + key);
}

}  // namespace ocelli::test
