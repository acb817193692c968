// Tests of decoding: whole pictures or none, upright, in RGB.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/image.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "ocelli/data/image_writer.hpp"
#include "ocelli/data/source.hpp"
#include "support/label_fixtures.hpp"
#include "support/message_of.hpp"

namespace ocelli::data {
namespace {

using test::bytes_of;
using test::message_of;
using test::says;

/// Every pixel different.
Image gradient(int height, int width) {
  Image image = make_image(height, width);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      image.at(y, x)[0] = static_cast<std::uint8_t>(y);
      image.at(y, x)[1] = static_cast<std::uint8_t>(x);
      image.at(y, x)[2] = static_cast<std::uint8_t>(7 * y + x);
    }
  }
  return image;
}

std::string little(unsigned value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i));
  return text;
}
std::string big(unsigned value) {
  std::string text;
  for (int i = 3; i >= 0; --i) text += static_cast<char>(value >> (8 * i));
  return text;
}

std::string png_chunk(const std::string& type, const std::string& body) {
  return big(static_cast<unsigned>(body.size())) + type + body +
         big(detail::crc32(bytes_of(type + body)));
}
/// A PNG whose rows are stored, not compressed. @param rows  with their filter bytes
std::string png_of(
    unsigned width, unsigned height, char depth, char colour, const std::string& rows,
    const std::string& more = "") {
  unsigned a = 1, b = 0;  // Adler-32
  for (const char c : rows) {
    a = (a + static_cast<unsigned char>(c)) % 65521;
    b = (b + a) % 65521;
  }
  const auto size = static_cast<unsigned>(rows.size());
  const std::string zlib =
      std::string("\x78\x01\x01", 3) + little(size, 2) + little(~size, 2) + rows + big(b << 16 | a);
  return "\x89PNG\r\n\x1A\n" +
         png_chunk("IHDR", big(width) + big(height) + depth + colour + std::string(3, '\0')) +
         more + png_chunk("IDAT", zlib) + png_chunk("IEND", "");
}

TEST_CASE("image: a PNG comes back to the bit") {
  const Image image = gradient(5, 9);
  const Image again = decode(encode_png(image), "a.png");
  CHECK(again.height == 5);
  CHECK(again.width == 9);
  CHECK(again.pixels == image.pixels);
}

TEST_CASE("image: a JPEG comes back nearly") {
  Image image = make_image(32, 48);
  for (int y = 0; y < 32; ++y) {
    for (int x = 0; x < 48; ++x) image.at(y, x)[0] = static_cast<std::uint8_t>(5 * x);
  }
  const Image again = decode(encode_jpeg(image, 95), "a.jpg");
  REQUIRE(again.pixels.size() == image.pixels.size());
  int worst = 0;
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    worst = std::max(worst, std::abs(int{again.pixels[i]} - int{image.pixels[i]}));
  }
  CHECK(worst <= 12);  // quality 95 quantises the flat frequencies by 1 to 3
}

TEST_CASE("image: EXIF orientations turn and mirror the pixels") {
  // The stored picture is 2 high and 3 wide:  a b c
  //                                           d e f
  Image stored = make_image(2, 3);
  for (int i = 0; i < 6; ++i) stored.at(i / 3, i % 3)[0] = static_cast<std::uint8_t>('a' + i);
  constexpr std::array<const char*, 9> rows = {"",       "abcdef", "cbafed", "fedcba", "defabc",
                                               "adbecf", "daebfc", "fcebda", "cfbead"};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const Image image = oriented(stored, orientation);
    CHECK(image.height == (orientation >= 5 ? 3 : 2));
    std::string seen;
    for (int i = 0; i < 6; ++i)
      seen += static_cast<char>(image.pixels[static_cast<std::size_t>(i) * 3]);
    CHECK(seen == rows[static_cast<std::size_t>(orientation)]);
  }
  Image half = make_image(16, 32);  // left half white
  for (int y = 0; y < 16; ++y) {
    for (int x = 0; x < 16; ++x) half.at(y, x)[0] = half.at(y, x)[1] = half.at(y, x)[2] = 255;
  }
  const Image turned =
      decode(test::with_segment(encode_jpeg(half, 95), 0xE1, test::exif_block(6, true)), "a.jpg");
  CHECK(turned.height == 32);
  CHECK(turned.width == 16);
  CHECK(turned.at(2, 8)[0] > 240);  // left became top
  CHECK(turned.at(29, 8)[0] < 15);
}

TEST_CASE("image: grey, palette, 16 bits and transparency become 8-bit RGB") {
  const auto first = [](const std::string& file) {
    const Image image = decode(bytes_of(file), "a.png");
    return std::vector<int>(image.pixels.begin(), image.pixels.begin() + 3);
  };
  const std::string filter(1, '\0');
  CHECK(first(png_of(1, 1, 8, 0, filter + "\x50")) == std::vector{0x50, 0x50, 0x50});
  CHECK(first(png_of(1, 1, 16, 0, filter + "\x50\xFF")) == std::vector{0x50, 0x50, 0x50});
  CHECK(
      first(png_of(1, 1, 16, 2, filter + "\x10\x01\x20\x02\x30\x03")) ==
      std::vector{0x10, 0x20, 0x30});
  CHECK(
      first(png_of(1, 1, 8, 6, filter + std::string("\x10\x20\x30\x00", 4))) ==
      std::vector{0x10, 0x20, 0x30});
  const std::string palette = png_chunk("PLTE", std::string("\0\0\0\x11\x22\x33", 6));
  CHECK(first(png_of(1, 1, 8, 3, filter + "\x01", palette)) == std::vector{0x11, 0x22, 0x33});
  const std::string exif = png_chunk("eXIf", test::exif_block(6, true).substr(6));
  const Image turned = decode(bytes_of(png_of(2, 1, 8, 0, filter + "\x10\x20", exif)), "a.png");
  CHECK(turned.height == 2);
  CHECK(turned.width == 1);
}

std::vector<std::byte> fixture(const std::string& name) {
  return FolderSource(std::string(OCELLI_TEST_DATA) + "/fixtures").read(name);
}

TEST_CASE("image: JPEGs in grey and in CMYK") {
  const Image grey = decode(fixture("grey_progressive.jpg"), "grey.jpg");
  REQUIRE(grey.pixels.size() == 16 * 16 * 3);
  for (const std::uint8_t value : grey.pixels) CHECK(std::abs(value - 77) <= 1);
  // Ink 40, 200, 90 and black 30 of 255 everywhere: light (255 - ink) * (255 - black) / 255.
  const Image cmyk = decode(fixture("cmyk.jpg"), "cmyk.jpg");
  REQUIRE(cmyk.pixels.size() == 16 * 16 * 3);
  constexpr std::array<int, 3> light = {215 * 225 / 255, 55 * 225 / 255, 165 * 225 / 255};
  for (std::size_t i = 0; i < cmyk.pixels.size(); ++i) {
    CHECK(std::abs(cmyk.pixels[i] - light[i % 3]) <= 2);
  }
}

TEST_CASE("image: BMP") {
  const std::string head = "BM" + little(54 + 8, 4) + little(0, 4) + little(54, 4) + little(40, 4) +
                           little(1, 4) + little(2, 4) + little(1, 2) + little(24, 2) +
                           std::string(24, '\0');
  const std::string file =
      head + std::string("\x30\x20\x10\0\x03\x02\x01\0", 8);  // bottom row first
  const Image image = decode(bytes_of(file), "a.bmp");
  CHECK(image.pixels == std::vector<std::uint8_t>{1, 2, 3, 0x10, 0x20, 0x30});
  CHECK(message_of<DataError>([&] {
          decode(bytes_of(std::string_view(file).substr(0, file.size() - 1)), "a.bmp");
        }) == "a.bmp: the BMP ends too early; the file was cut short: copy it again or remove it");
}

TEST_CASE("image: the content decides, not the name") {
  CHECK(decode(test::png(6, 8), "a.jpg").width == 8);
}

TEST_CASE("image: files cut short anywhere are refused by name") {
  Image image = gradient(40, 56);
  for (const auto& bytes : {encode_jpeg(image, 80), encode_png(image)}) {
    for (std::size_t size = 0; size < bytes.size(); size += 1 + size / 16) {
      const std::string text =
          message_of<DataError>([&] { decode(std::span(bytes).first(size), "pic/cut"); });
      CHECK(text.starts_with("pic/cut: "));
    }
    const auto all_but_one = std::span(bytes).first(bytes.size() - 1);
    CHECK(says(
        message_of<DataError>([&] { decode(all_but_one, "pic/cut"); }),
        "ends too early; the file was cut short: copy it again or remove it"));
  }
}

TEST_CASE("image: bytes after the end of a JPEG do no harm") {
  auto bytes = encode_jpeg(gradient(16, 16));
  bytes.resize(bytes.size() + 100, std::byte{0xFF});
  CHECK(decode(bytes, "a.jpg").width == 16);
}

TEST_CASE("image: a PNG with a flipped bit is refused by its check sum") {
  auto bytes = encode_png(gradient(16, 16));
  bytes[bytes.size() / 2] ^= std::byte{4};
  const std::string text = message_of<DataError>([&] { decode(bytes, "pic/a.png"); });
  CHECK(says(text, "pic/a.png: a damaged PNG (check sum differs in the chunk at byte "));
}

TEST_CASE("image: JPEGs of other kinds are refused by what they are") {
  const auto message = [](const char* marker, std::string_view channels, std::string_view bits) {
    std::string jpeg = "\xFF\xD8";
    jpeg += std::string("\xFF") + marker + std::string("\x00\x0B", 2) + std::string(bits) +
            std::string("\x00\x08\x00\x08", 4) + std::string(channels) +
            std::string("\x01\x11\x00", 3) + "\xFF\xD9";
    return message_of<DataError>([&] { decode(bytes_of(jpeg), "a.jpg"); });
  };
  CHECK(says(message("\xC3", "\x01", "\x08"), "a.jpg: a lossless JPEG is not read; save it as"));
  CHECK(says(message("\xC9", "\x01", "\x08"), "arithmetic coding"));
  CHECK(says(message("\xC1", "\x01", "\x0C"), "a.jpg: a JPEG of 12 bits is not read"));
  CHECK(says(message("\xC0", "\x04", "\x08"), "CMYK without Adobe's mark"));
}

}  // namespace
}  // namespace ocelli::data
