// Tests of ssd_random_crop: limits, acceptance, which boxes stay, and how often what happens.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/random_crop.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace ocelli::data {
namespace {

Object object_at(float ymin, float xmin, float ymax, float xmax, int label = 1) {
  Object object;
  object.box = {ymin, xmin, ymax, xmax};
  object.label = label;
  return object;
}

float common_area(const PixelBox& a, const PixelBox& b) {
  const float y = std::min(a.ymax, b.ymax) - std::max(a.ymin, b.ymin);
  const float x = std::min(a.xmax, b.xmax) - std::max(a.xmin, b.xmin);
  return y > 0 && x > 0 ? y * x : 0;
}

}  // namespace

TEST_CASE("random_crop: rectangles keep the limits") {
  const std::vector<Object> objects = {object_at(100, 200, 160, 300), object_at(300, 20, 460, 90)};
  for (const float covered : SsdRandomCrop::kOverlaps) {
    int cropped = 0;
    for (std::uint32_t k = 0; k < 500; ++k) {
      Random random(3, Stream::augment, k);
      const CropLimits limits{covered};
      const CropRectangle crop = sample_distorted_crop(480, 640, objects, limits, random);
      CHECK(crop.top >= 0);
      CHECK(crop.left >= 0);
      CHECK(crop.top + crop.height <= 480);
      CHECK(crop.left + crop.width <= 640);
      if (crop.height == 480 && crop.width == 640) continue;
      ++cropped;
      const double aspect = static_cast<double>(crop.width) / crop.height;
      const double area = static_cast<double>(crop.width) * crop.height / (480.0 * 640.0);
      // Heights are at least 124: rounding the width by half a pixel moves the ratio by 0.5 / 124.
      CHECK(aspect >= 0.5 - 0.005);
      CHECK(aspect <= 2.0 + 0.005);
      CHECK(area >= 0.1);
      CHECK(area <= 1.0);
      float best = 0;
      const PixelBox window{
          static_cast<float>(crop.top), static_cast<float>(crop.left),
          static_cast<float>(crop.top + crop.height), static_cast<float>(crop.left + crop.width)};
      for (const Object& object : objects) {
        best = std::max(best, common_area(object.box, window) / object.box.area());
      }
      CHECK(best >= covered);
    }
    CHECK(cropped > 400);
  }
}

TEST_CASE("random_crop: heights are uniform between the area limits") {
  // Aspect 1 in a square of 100: heights round(sqrt(1000)) = 32 .. 100. At 32 the area 1024 is
  // inside the limits, so all 69 heights are as likely.
  const CropLimits limits{0.0f, 1.0f, 1.0f, 0.1f, 1.0f};
  std::vector<int> seen(101);
  const int draws = 69 * 400;
  for (std::uint32_t k = 0; k < static_cast<std::uint32_t>(draws); ++k) {
    Random random(11, Stream::augment, k);
    const CropRectangle crop = sample_distorted_crop(100, 100, {}, limits, random);
    CHECK(crop.height == crop.width);
    ++seen[static_cast<std::size_t>(crop.height)];
  }
  double chi = 0;
  for (std::size_t h = 32; h <= 100; ++h) chi += (seen[h] - 400.0) * (seen[h] - 400.0) / 400.0;
  CHECK(*std::max_element(seen.begin(), seen.begin() + 32) == 0);
  // 68 degrees of freedom: mean 68, deviation 11.7.
  CHECK(chi < 68 + 4 * 11.7);
}

TEST_CASE("random_crop: impossible limits give the whole picture") {
  Random random(1, Stream::augment);
  // Half a pixel of height cannot be had: every attempt fails.
  const CropRectangle crop =
      sample_distorted_crop(10, 10, {}, CropLimits{0.1f, 90.0f, 100.0f, 0.5f, 1.0f}, random);
  CHECK(crop.height == 10);
  CHECK(crop.width == 10);
  // A box without a whole pixel counts for nothing, and no crop covers it.
  const std::vector<Object> speck = {object_at(5.2f, 5.2f, 5.8f, 5.8f)};
  const CropRectangle none = sample_distorted_crop(50, 50, speck, CropLimits{0.5f}, random);
  CHECK(none.height == 50);
}

TEST_CASE("random_crop: cases, and which boxes stay") {
  const std::vector<std::uint8_t> pixels(120 * 160 * 3, 128);
  const std::vector<Object> objects = {
      object_at(10, 10, 50, 60, 1), object_at(60, 100, 110, 150, 2), object_at(0, 0, 120, 160, 3)};
  const SsdRandomCrop transform;
  Sample sample;
  int same = 0;
  const int draws = 4000;
  for (int k = 0; k < draws; ++k) {
    sample.begin({pixels.data(), 120, 160}, 30, 30);
    sample.objects = objects;
    Random random(5, Stream::augment, static_cast<std::uint32_t>(k));
    Random again = random;
    transform.apply(sample, random);
    // The same draws by hand: case, whether to keep, rectangle.
    const float overlap = SsdRandomCrop::kOverlaps[again.below(7)];
    if (again.chance(0.15f)) {
      ++same;
      REQUIRE(sample.objects.size() == 3);
      CHECK(sample.objects[1].box == objects[1].box);
      continue;
    }
    const CropRectangle crop = sample_distorted_crop(120, 160, objects, CropLimits{overlap}, again);
    CHECK(sample.height() == crop.height);
    CHECK(sample.width() == crop.width);
    const PixelBox window{
        static_cast<float>(crop.top), static_cast<float>(crop.left),
        static_cast<float>(crop.top + crop.height), static_cast<float>(crop.left + crop.width)};
    std::vector<Object> expected;
    for (const Object& object : objects) {
      const float common = common_area(object.box, window);
      if (common <= 0 || common / object.box.area() < overlap) continue;
      Object kept = object;
      kept.box = {
          std::max(object.box.ymin, window.ymin) - window.ymin,
          std::max(object.box.xmin, window.xmin) - window.xmin,
          std::min(object.box.ymax, window.ymax) - window.ymin,
          std::min(object.box.xmax, window.xmax) - window.xmin};
      expected.push_back(kept);
    }
    REQUIRE(sample.objects.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      CHECK(sample.objects[i].label == expected[i].label);
      CHECK(sample.objects[i].box == expected[i].box);
    }
  }
  // 0.15 of 4000 is 600, deviation 22.6.
  CHECK(std::abs(same - 600) < 4 * 22.6);
}

TEST_CASE("random_crop: crowds do not steer the crop, and stay while any part does") {
  const std::vector<std::uint8_t> pixels(100 * 100 * 3, 128);
  const SsdRandomCrop transform{.keep = 0};
  Sample with, without;
  Object crowd = object_at(0, 0, 100, 100, 1);
  crowd.crowd = true;
  for (std::uint32_t k = 0; k < 200; ++k) {
    with.begin({pixels.data(), 100, 100}, 30, 30);
    without.begin({pixels.data(), 100, 100}, 30, 30);
    with.objects = {object_at(10, 10, 30, 30), crowd};
    without.objects = {object_at(10, 10, 30, 30)};
    Random a(9, Stream::augment, k), b(9, Stream::augment, k);
    transform.apply(with, a);
    transform.apply(without, b);
    CHECK(with.height() == without.height());
    CHECK(with.width() == without.width());
    CHECK(with.objects.size() == without.objects.size() + 1);
    CHECK(with.objects.back().crowd);
  }
}

TEST_CASE("random_crop: whole pictures are cut by area and shape alone") {
  const std::vector<std::uint8_t> pixels(200 * 300 * 3, 128);
  const RandomResizedCrop crop;
  Sample sample;
  double least = 1, most = 0, narrow = 10, wide = 0;
  for (std::uint32_t k = 0; k < 1000; ++k) {
    sample.begin({pixels.data(), 200, 300}, 64, 64);
    sample.objects = {object_at(0, 0, 1, 1)};
    Random random(7, Stream::augment, k, 3);
    crop.apply(sample, random);
    const double h = sample.height(), w = sample.width();
    const double area = h * w / (200 * 300);
    least = std::min(least, area), most = std::max(most, area);
    narrow = std::min(narrow, w / h), wide = std::max(wide, w / h);
    CHECK(sample.objects.size() <= 1);
  }
  // One pixel of the shorter side is 1 / 105 of it.
  CHECK(least >= 0.35);
  CHECK(least < 0.40);
  CHECK(most > 0.8);  // a crop as high as the picture, 4 : 3
  CHECK(narrow > 0.75 * (1 - 0.01));
  CHECK(narrow < 0.80);
  CHECK(wide < 1.3333 * (1 + 0.01));
  CHECK(wide > 1.28);
  // No part of a strip is of that shape and size: it stays whole.
  sample.begin({pixels.data(), 10, 300}, 64, 64);
  Random random(7, Stream::augment);
  crop.apply(sample, random);
  CHECK(sample.height() == 10);
  CHECK(sample.width() == 300);
}

}  // namespace ocelli::data
