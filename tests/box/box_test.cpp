// Boxes in their two frames.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/box/box.hpp"

#include <doctest/doctest.h>

using namespace ocelli;

TEST_CASE("box: extents of both frames") {
  constexpr Box box{0.25f, 0.125f, 0.75f, 0.375f};
  static_assert(box.height() == 0.5f && box.width() == 0.25f && box.area() == 0.125f);
  constexpr PixelBox pixels{10, 20, 40, 25};
  static_assert(pixels.height() == 30 && pixels.width() == 5 && pixels.area() == 150);
  CHECK(Box{}.area() == 0);
}

TEST_CASE("box: from pixels and back") {
  // Height goes with y, width with x: a picture that is no square tells them apart.
  constexpr int height = 64, width = 256;
  constexpr PixelBox pixels{16, 64, 48, 192};
  constexpr Box box = normalised(pixels, height, width);
  CHECK(box == Box{0.25f, 0.25f, 0.75f, 0.75f});
  CHECK(in_pixels(box, height, width) == pixels);
  // The whole picture is [0, 0, 1, 1]; what lies outside stays outside.
  CHECK(normalised(PixelBox{0, 0, 64, 256}, height, width) == Box{0, 0, 1, 1});
  CHECK(in_pixels(Box{-0.5f, -0.25f, 1.5f, 2}, height, width) == PixelBox{-32, -64, 96, 512});
}
