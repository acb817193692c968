// Tests of writing pictures; that they read back is in image_test.cpp.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/image_writer.hpp"

#include <doctest/doctest.h>

namespace ocelli::data {
namespace {

TEST_CASE("image_writer: quality decides the size of a JPEG") {
  Image image = make_image(64, 64);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = static_cast<std::uint8_t>(i * i * 31 >> 4);
  }
  CHECK(encode_jpeg(image, 30).size() < encode_jpeg(image, 95).size());
}

TEST_CASE("image_writer: a picture whose pixels do not fit its size is refused") {
  Image image = make_image(4, 4);
  image.pixels.pop_back();
  CHECK_THROWS_WITH_AS(
      encode_png(image), "picture of 4 x 4 with 47 bytes of pixels cannot be written", ShapeError);
  CHECK_THROWS_AS(encode_jpeg(Image{}), ShapeError);
}

}  // namespace
}  // namespace ocelli::data
