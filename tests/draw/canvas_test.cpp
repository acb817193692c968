// Tests of the canvas and its font.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/draw/canvas.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <limits>
#include <numbers>

namespace {

using namespace ocelli;
using namespace ocelli::draw;

constexpr Color kWhite = {255, 255, 255};

/// What white has been drawn on black, in pixels.
double covered(const data::Image& image) {
  double sum = 0;
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) sum += image.pixels[i] / 255.0;
  return sum;
}

TEST_CASE("canvas: a rectangle covers what it covers") {
  data::Image image = data::make_image(8, 10);
  Canvas canvas(image);
  canvas.rectangle({2, 3, 5, 6.5F}, {200, 100, 40});
  CHECK(image.at(2, 3)[0] == 200);
  CHECK(image.at(4, 5)[1] == 100);
  CHECK(image.at(4, 6)[0] == 100);  // half a pixel
  CHECK(image.at(1, 3)[0] == 0);
  CHECK(image.at(5, 3)[0] == 0);
  CHECK(image.at(2, 2)[2] == 0);
  CHECK(image.at(2, 7)[2] == 0);
}

TEST_CASE("canvas: areas") {
  const auto drawn = [](auto&& draw) {
    data::Image image = data::make_image(64, 64);
    Canvas canvas(image);
    draw(canvas);
    return covered(image);
  };
  const double pi = std::numbers::pi;
  // Four lines a row: the area is right to the edge's length times a fraction of a pixel.
  CHECK(drawn([](Canvas& c) {
          c.circle({32, 32}, 20, kWhite);
        }) == doctest::Approx(pi * 400).epsilon(0.01));
  CHECK(drawn([](Canvas& c) {
          c.ellipse({30, 31}, 20, 8, 0.7F, kWhite);
        }) == doctest::Approx(pi * 160).epsilon(0.01));
  CHECK(drawn([](Canvas& c) {
          c.line({5, 5}, {45, 35}, 3, kWhite);
        }) == doctest::Approx(150).epsilon(0.02));
  CHECK(drawn([](Canvas& c) { c.frame({10, 10, 30, 40}, 2, kWhite); }) == 2 * (30 + 20) * 2 - 16);
  const std::array<Point, 3> triangle = {{{2, 2}, {42, 2}, {2, 62}}};
  CHECK(drawn([&](Canvas& c) {
          c.polygon(triangle, kWhite);
        }) == doctest::Approx(1200).epsilon(0.01));
  const std::array<Point, 8> ring = {
      {{0, 0}, {20, 0}, {20, 20}, {0, 20}, {0, 0}, {5, 5}, {15, 5}, {15, 15}}};
  CHECK(drawn([&](Canvas& c) { c.polygon(ring, kWhite); }) < 400);  // even-odd: a hole
}

TEST_CASE("canvas: opacity and overlap") {
  data::Image image = data::make_image(4, 4);
  Canvas canvas(image);
  canvas.rectangle({0, 0, 4, 4}, {100, 100, 100});
  canvas.rectangle({0, 0, 4, 4}, {200, 0, 100, 0.5F});
  CHECK(image.at(1, 1)[0] == 150);
  CHECK(image.at(1, 1)[1] == 50);
  CHECK(image.at(1, 1)[2] == 100);
}

TEST_CASE("canvas: what lies outside is cut off") {
  data::Image image = data::make_image(6, 6);
  Canvas canvas(image);
  const float far = 1e9F, infinite = std::numeric_limits<float>::infinity();
  canvas.rectangle({-far, -far, far, 2}, kWhite);
  CHECK(covered(image) == 12);
  canvas.circle({-50, 300}, 10, kWhite);
  canvas.text({-3, 4}, "outside", 2, kWhite);
  canvas.line({infinite, 0}, {0, 0}, 1, kWhite);
  canvas.frame({4, 4, 4, 4}, 2, kWhite);
  data::Image wrong{3, 3, {}};
  CHECK_THROWS_AS(Canvas{wrong}, ShapeError);
}

TEST_CASE("canvas: text") {
  data::Image image = data::make_image(20, 40);
  Canvas canvas(image);
  canvas.text({1, 2}, "I.", 1, kWhite);
  CHECK(image.at(2, 2)[0] == 255);  // the bar on top of I
  CHECK(image.at(5, 3)[0] == 255);
  CHECK(image.at(5, 2)[0] == 0);
  CHECK(image.at(8, 8)[0] == 255);  // the dot
  CHECK(image.at(2, 8)[0] == 0);
  CHECK(Canvas::text_width("abc", 1) == 17);
  CHECK(Canvas::text_width("abc", 2) == 34);
  CHECK(Canvas::text_width("\xC3\xBC", 1) == 5);  // one character of two bytes
  CHECK(Canvas::text_width("", 3) == 0);
}

TEST_CASE("canvas: every printable character has a glyph of its own") {
  for (char32_t a = U'!'; a <= U'~'; ++a) {
    CHECK(glyph(a).rows != glyph(U' ').rows);
    for (char32_t b = a + 1; b <= U'~' + 1; ++b) CHECK(glyph(a).rows != glyph(b).rows);
  }
}

}  // namespace
