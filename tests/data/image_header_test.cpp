// Tests of what the first bytes of a picture file say.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/image_header.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/label_fixtures.hpp"
#include "support/message_of.hpp"

namespace ocelli::data {
namespace {

using test::bytes_of;
using test::exif_block;
using test::message_of;
using test::says;

TEST_CASE("image_header: size and orientation without decoding") {
  const auto jpeg = encode_jpeg(make_image(6, 8));
  CHECK(image_size(jpeg, "a.jpg") == ImageSize{6, 8});
  CHECK(image_size(test::png(6, 8), "a.png") == ImageSize{6, 8});
  for (int orientation = 1; orientation <= 8; ++orientation) {
    for (const bool big : {false, true}) {
      const auto turned = test::with_segment(jpeg, 0xE1, exif_block(orientation, big));
      const ImageHeader header = image_header(turned, "a.jpg");
      CHECK(header.orientation == orientation);
      CHECK(header.size() == (orientation >= 5 ? ImageSize{8, 6} : ImageSize{6, 8}));
    }
  }
}

TEST_CASE("image_header: a malformed EXIF block is no orientation") {
  const auto jpeg = encode_jpeg(make_image(6, 8));
  for (const std::string& body :
       {exif_block(9, true), exif_block(0, false), exif_block(6, true).substr(0, 20),
        std::string("Exif\0\0XX", 8), std::string("Exif\0\0MM\0*\xFF\xFF\xFF\xFF", 14)}) {
    CHECK(image_header(test::with_segment(jpeg, 0xE1, body), "a.jpg").orientation == 1);
  }
}

TEST_CASE("image_header: the beginning of a file is enough") {
  const auto jpeg = encode_jpeg(make_image(64, 64));
  CHECK(image_size(std::span(jpeg).first(400), "a.jpg") == ImageSize{64, 64});
  const auto png = test::png(64, 64);
  CHECK(image_size(std::span(png).first(45), "a.png") == ImageSize{64, 64});
}

TEST_CASE("image_header: other formats are refused by their names") {
  const auto message = [](std::string_view text) {
    return message_of<DataError>([&] { image_size(bytes_of(text), "pic/a.jpg"); });
  };
  CHECK(
      message("GIF89a............") ==
      "pic/a.jpg: a GIF is not read; JPEG, PNG and BMP are: convert it or remove it");
  CHECK(says(message("RIFF....WEBPVP8 "), "a WebP"));
  CHECK(says(message({"II*\0....", 8}), "a TIFF"));
  CHECK(says(message("....ftypheic...."), "a HEIC"));
  CHECK(says(message("....ftypavif...."), "an AVIF"));
  CHECK(says(message("<html>not found</html>"), "HTML"));
  CHECK(says(message("version https://git-lfs.github.com/spec/v1"), "git lfs pull"));
  CHECK(says(message("some words"), "pic/a.jpg: not a picture"));
  CHECK(message("") == "pic/a.jpg: the file is empty; copy it again or remove it");
}

TEST_CASE("image_header: absurd sizes are refused before anything is allocated") {
  auto png = test::png(6, 8);
  png[16] = std::byte{0x00}, png[17] = std::byte{0x00}, png[18] = std::byte{0xFF};  // width 65288
  png[22] = std::byte{0xFF};                                                        // height 65286
  const std::string text = message_of<DataError>(
      [&] { detail::bmp_header(bytes_of("BM" + std::string(60, '\xFF')), "a.bmp", false); });
  CHECK(says(text, "a.bmp: a BMP of absurd size"));
  // The check sum is looked at first, so a damaged header never gets as far as its size.
  CHECK(says(message_of<DataError>([&] { image_size(png, "a.png"); }), "check sum"));
  const auto sof = [](int height, int width) {
    std::string jpeg("\xFF\xD8\xFF\xC0\x00\x11\x08", 7);
    for (const int value : {height >> 8, height & 255, width >> 8, width & 255}) {
      jpeg += static_cast<char>(value);
    }
    return jpeg + std::string("\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01\xFF\xD9", 12);
  };
  CHECK(says(
      message_of<DataError>([&] { image_size(bytes_of(sof(60000, 60000)), "a.jpg"); }),
      "a.jpg: a picture of 60000 x 60000 pixels is too large"));
  CHECK(says(message_of<DataError>([&] { image_size(bytes_of(sof(0, 8)), "a.jpg"); }), "size 0"));
}

}  // namespace
}  // namespace ocelli::data
