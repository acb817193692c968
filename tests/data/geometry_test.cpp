// Tests of mirroring, turning, zooming out and cutting: boxes and polygons follow the pixels.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/geometry.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

namespace ocelli::data {
namespace {

/// 2 x 3 pixels whose red is 0 .. 5 in reading order.
const std::vector<std::uint8_t>& six() {
  static const std::vector<std::uint8_t> pixels = {0, 0, 0, 1, 0, 0, 2, 0, 0,
                                                   3, 0, 0, 4, 0, 0, 5, 0, 0};
  return pixels;
}

Sample six_sample() {
  Sample sample;
  sample.begin({six().data(), 2, 3}, 2, 3);
  Object object;  // the pixel of value 3: row 1, column 0
  object.box = {1, 0, 2, 1};
  object.polygon = {{0, 1, 1, 1, 1, 2, 0, 2}};
  sample.objects.push_back(object);
  return sample;
}

std::vector<int> reds(Sample& sample) {
  const float* v = sample.render();
  std::vector<int> result;
  for (int k = 0; k < sample.height() * sample.width(); ++k) {
    result.push_back(static_cast<int>(v[k * 3]));
  }
  return result;
}

}  // namespace

TEST_CASE("geometry: mirrorings by hand") {
  Random random(1, Stream::augment);
  SUBCASE("left and right") {
    Sample sample = six_sample();
    HorizontalFlip{}.apply(sample, random);
    CHECK(reds(sample) == std::vector<int>{2, 1, 0, 5, 4, 3});
    CHECK(sample.objects[0].box == PixelBox{1, 2, 2, 3});
    // Pixel edges: x -> W - x, not W - 1 - x.
    CHECK(sample.objects[0].polygon[0] == Ring{3, 1, 2, 1, 2, 2, 3, 2});
  }
  SUBCASE("top and bottom") {
    Sample sample = six_sample();
    VerticalFlip{}.apply(sample, random);
    CHECK(reds(sample) == std::vector<int>{3, 4, 5, 0, 1, 2});
    CHECK(sample.objects[0].box == PixelBox{0, 0, 1, 1});
    CHECK(sample.objects[0].polygon[0] == Ring{0, 1, 1, 1, 1, 0, 0, 0});
  }
}

TEST_CASE("geometry: turns by hand") {
  Sample sample = six_sample();
  sample.turn();  // against the clock: the right column becomes the top row
  CHECK(sample.height() == 3);
  CHECK(sample.width() == 2);
  CHECK(reds(sample) == std::vector<int>{2, 5, 1, 4, 0, 3});
  CHECK(sample.objects[0].box == PixelBox{2, 1, 3, 2});
  CHECK(sample.objects[0].polygon[0] == Ring{1, 3, 1, 2, 2, 2, 2, 3});
  for (int turn = 0; turn < 3; ++turn) sample.turn();
  CHECK(reds(sample) == std::vector<int>{0, 1, 2, 3, 4, 5});
  CHECK(sample.objects[0].box == PixelBox{1, 0, 2, 1});

  // All four outcomes of the transform occur.
  bool seen[4] = {};
  for (std::uint32_t k = 0; k < 60; ++k) {
    Sample turned = six_sample();
    Random random(2, Stream::augment, k);
    RandomRotate90{}.apply(turned, random);
    const int first = reds(turned)[0];
    seen[first == 0 ? 0 : first == 2 ? 1 : first == 5 ? 2 : 3] = true;
  }
  CHECK((seen[0] && seen[1] && seen[2] && seen[3]));
}

TEST_CASE("geometry: crops of mirrored pictures") {
  Sample sample = six_sample();
  sample.flip_x();
  sample.crop(0, 1, 2, 2);
  CHECK(reds(sample) == std::vector<int>{1, 0, 4, 3});
  CHECK(sample.objects[0].box == PixelBox{1, 1, 2, 2});
  sample.flip_y();
  sample.crop(0, 0, 1, 2);
  CHECK(reds(sample) == std::vector<int>{4, 3});
  CHECK(sample.objects[0].box == PixelBox{0, 1, 1, 2});
}

TEST_CASE("geometry: expand lays the picture on a canvas") {
  for (std::uint32_t k = 0; k < 50; ++k) {
    Sample sample = six_sample();
    Random random(4, Stream::augment, k);
    Expand{.fill = 77}.apply(sample, random);
    const int h = sample.height(), w = sample.width();
    CHECK(h >= 2);
    CHECK(h <= 8);
    CHECK(w <= 12);
    const auto values = reds(sample);
    const PixelBox box = sample.objects[0].box;
    const int y = static_cast<int>(box.ymin), x = static_cast<int>(box.xmin);
    CHECK(values[static_cast<std::size_t>(y * w + x)] == 3);
    CHECK(values[static_cast<std::size_t>((y - 1) * w + x + 2)] == 2);
    CHECK(sample.objects[0].polygon[0][0] == box.xmin);
    int ground = 0;
    for (const int v : values) ground += v == 77;
    CHECK(ground == h * w - 6);
  }
  // Without a colour the canvas has the picture's mean: red (0 + ... + 5) / 6.
  Sample sample = six_sample();
  CHECK(sample.mean()[0] == doctest::Approx(2.5));
  sample.crop(1, 0, 1, 3);
  CHECK(sample.mean()[0] == doctest::Approx(4.0));
  // What a crop has cut off does not come back on a larger canvas.
  Sample cut = six_sample();
  cut.crop(0, 1, 1, 1);
  cut.set_fill({9, 9, 9});
  cut.crop(0, -1, 1, 3);
  CHECK(reds(cut) == std::vector<int>{9, 1, 9});
  // A second canvas has its own colour, the first keeps it.
  sample.set_fill({10, 10, 10});
  sample.crop(0, -1, 1, 4);
  sample.set_fill({20, 20, 20});
  sample.crop(0, 0, 1, 5);
  CHECK(reds(sample) == std::vector<int>{10, 3, 4, 5, 20});
}

TEST_CASE("geometry: resize inside the list") {
  const std::vector<std::uint8_t> pixels(8 * 12 * 3, 100);
  Sample sample;
  sample.begin({pixels.data(), 8, 12}, 4, 3);
  Object object;
  object.box = {2, 4, 6, 8};
  object.polygon = {{4, 2, 8, 2, 8, 6}};
  sample.objects.push_back(object);
  Random random(1, Stream::augment);
  Resize{}.apply(sample, random);
  CHECK(sample.height() == 4);
  CHECK(sample.width() == 3);
  CHECK(sample.objects[0].box == PixelBox{1, 1, 3, 2});
  CHECK(sample.objects[0].polygon[0] == Ring{1, 1, 2, 1, 2, 3});
  std::vector<float> out(4 * 3 * 3);
  sample.finish(out.data(), {1, 0});
  CHECK(out == std::vector<float>(4 * 3 * 3, 100));
}

TEST_CASE("geometry: objects are cut at the edges") {
  const std::vector<std::uint8_t> pixels(10 * 10 * 3);
  Sample sample;
  const auto cut = [&](PixelBox box, std::vector<Ring> polygon, float least = 0) {
    sample.begin({pixels.data(), 10, 10}, 10, 10);
    Object object;
    object.box = box;
    object.polygon = std::move(polygon);
    sample.objects.push_back(object);
    sample.clip_objects([&](const Object&, float part) { return part >= least; });
    return sample.objects.size();
  };
  CHECK(cut({-5, 2, 5, 6}, {}) == 1);
  CHECK(sample.objects[0].box == PixelBox{0, 2, 5, 6});
  CHECK(cut({-5, 2, 0, 6}, {}) == 0);        // touching is outside
  CHECK(cut({-5, 2, 5, 6}, {}, 0.5f) == 1);  // exactly half
  CHECK(cut({-6, 2, 5, 6}, {}, 0.5f) == 0);
  // A triangle that sticks out to the left loses its tip and gains a corner.
  CHECK(cut({0, -4, 8, 4}, {{-4, 4, 4, 0, 4, 8}}) == 1);
  CHECK(sample.objects[0].polygon[0] == Ring{0, 2, 4, 0, 4, 8, 0, 6});
  CHECK(sample.objects[0].box == PixelBox{0, 0, 8, 4});
  // Of two rings one is outside; of one ring nothing is left, though its box reaches in.
  CHECK(cut({0, -9, 9, 9}, {{-9, 0, -2, 0, -2, 9}, {2, 2, 9, 2, 9, 9}}) == 1);
  CHECK(sample.objects[0].polygon.size() == 1);
  CHECK(cut({-6, -6, 6, 6}, {{-6, 6, -6, -6, 6, -6}}) == 0);
}

TEST_CASE("geometry: dropped objects leave the others in order") {
  const std::vector<std::uint8_t> pixels(10 * 10 * 3);
  Sample sample;
  sample.begin({pixels.data(), 10, 10}, 10, 10);
  for (int k = 0; k < 6; ++k) {
    Object object;
    object.label = k;
    const auto at = static_cast<float>(k % 2 == 0 ? 2 : 20);
    object.box = {at, at, at + 3, at + 3};
    sample.objects.push_back(object);
  }
  sample.clip_objects([](const Object&, float) { return true; });
  REQUIRE(sample.objects.size() == 3);
  for (int k = 0; k < 3; ++k) CHECK(sample.objects[static_cast<std::size_t>(k)].label == 2 * k);
}

}  // namespace ocelli::data
