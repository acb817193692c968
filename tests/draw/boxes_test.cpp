// Tests of the boxes drawn on pictures.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/draw/boxes.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

namespace {

using namespace ocelli;
using namespace ocelli::draw;

Color color_at(const data::Image& image, int y, int x) {
  const std::uint8_t* pixel = image.at(y, x);
  return {pixel[0], pixel[1], pixel[2]};
}

TEST_CASE("boxes: a frame and a tag in the class's colour") {
  data::Image image = data::make_image(100, 200);
  Canvas canvas(image);
  const std::vector<std::string> labels = {"cat", "dog"};
  const std::vector<DrawnBox> boxes = {{{40, 20, 80, 100}, 2, 0.87F}};
  draw_detections(canvas, boxes, labels);
  CHECK(color_at(image, 40, 60) == class_color(2));
  CHECK(color_at(image, 79, 60) == class_color(2));
  CHECK(color_at(image, 60, 21) == class_color(2));
  CHECK(color_at(image, 60, 60) == Color{});
  CHECK(color_at(image, 30, 21) == class_color(2));  // the tag stands on the box
  CHECK(color_at(image, 45, 30) == Color{});
}

TEST_CASE("boxes: the score decides what is drawn, and what is on top") {
  data::Image image = data::make_image(100, 100);
  Canvas canvas(image);
  const std::vector<DrawnBox> boxes = {{{20, 20, 80, 80}, 1, 0.9F}, {{20, 20, 80, 80}, 2, 0.6F}};
  draw_detections(canvas, boxes, {}, {.labels = false, .min_score = 0.5F});
  CHECK(color_at(image, 20, 50) == class_color(1));
  draw_detections(canvas, boxes, {}, {.labels = false, .min_score = 0.95F});
  CHECK(color_at(image, 20, 50) == class_color(1));
  data::Image none = data::make_image(100, 100);
  Canvas empty(none);
  draw_detections(empty, boxes, {}, {.min_score = 0.95F});
  CHECK(none.pixels == data::make_image(100, 100).pixels);
}

TEST_CASE("boxes: normalised detections land in pixels") {
  data::Image image = data::make_image(100, 200);
  Canvas canvas(image);
  const std::vector<Detection> detections = {{{0.5F, 0.25F, 0.9F, 0.75F}, 1, 0.5F}};
  draw_detections(canvas, detections, {}, {.labels = false});
  CHECK(color_at(image, 50, 100) == class_color(1));
  CHECK(color_at(image, 70, 50) == class_color(1));
  CHECK(color_at(image, 70, 149) == class_color(1));
}

TEST_CASE("boxes: tags stay inside the picture") {
  data::Image image = data::make_image(60, 60);
  Canvas canvas(image);
  const std::vector<DrawnBox> boxes = {{{0, 50, 60, 60}, 7, 0.5F}};  // no name, no room
  draw_detections(canvas, boxes, {});
  CHECK(color_at(image, 1, 0) == class_color(7));
}

TEST_CASE("boxes: ground truth is dashed") {
  data::Image image = data::make_image(100, 100);
  Canvas canvas(image);
  const std::vector<DrawnBox> boxes = {{{20, 20, 80, 80}, 1}};
  draw_ground_truth(canvas, boxes);
  CHECK(color_at(image, 20, 22) == class_color(1));
  CHECK(color_at(image, 20, 27) == Color{230, 230, 230});
  CHECK(color_at(image, 50, 50) == Color{});
}

TEST_CASE("boxes: boxes of any size") {
  data::Image image = data::make_image(50, 50);
  Canvas canvas(image);
  const float huge = 1e30F, nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<DrawnBox> boxes = {{{nan, 0, 9, 9}, 1}, {{-huge, -huge, huge, huge}, 1, 0.5F}};
  draw_ground_truth(canvas, boxes);
  draw_detections(canvas, boxes, {}, {.labels = false});
  CHECK(image.pixels == data::make_image(50, 50).pixels);
}

TEST_CASE("boxes: colours differ") {
  for (int a = 1; a <= 40; ++a)
    for (int b = a + 1; b <= 40; ++b) {
      const Color x = class_color(a), y = class_color(b);
      const int distance =
          std::abs(x.red - y.red) + std::abs(x.green - y.green) + std::abs(x.blue - y.blue);
      CAPTURE(a);
      CAPTURE(b);
      CHECK(distance >= (b <= 12 ? 60 : 5));
    }
  CHECK(ink_on({255, 255, 0}) == Color{20, 20, 24});
  CHECK(ink_on({0, 0, 160}) == Color{255, 255, 255});
}

}  // namespace
