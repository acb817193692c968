// Tests of the list of transforms: its text form, its messages, and that boxes follow the pixels
// through every transform.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/augment.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace ocelli::data {
namespace {

std::string message_of(const char* text) {
  try {
    Augmentation::parse(text, "my.params");
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

constexpr int kHeight = 90, kWidth = 120;

/// A grey picture with weak noise and one red rectangle, which is also an outline.
std::vector<std::uint8_t> picture_with(const PixelBox& box) {
  std::vector<std::uint8_t> pixels(kHeight * kWidth * 3);
  Random random(3, Stream::demo);
  for (int i = 0; i < kHeight; ++i) {
    for (int j = 0; j < kWidth; ++j) {
      const bool inside = static_cast<float>(i) >= box.ymin && static_cast<float>(i) < box.ymax &&
                          static_cast<float>(j) >= box.xmin && static_cast<float>(j) < box.xmax;
      for (int c = 0; c < 3; ++c) {
        const int grey = 90 + static_cast<int>(random.below(9));
        pixels[static_cast<std::size_t>((i * kWidth + j) * 3 + c)] =
            static_cast<std::uint8_t>(inside ? (c == 0 ? 230 : 30) : grey);
      }
    }
  }
  return pixels;
}

/// The box around all pixels that are at least half as red as the reddest.
PixelBox red_box(const float* v, int height, int width) {
  const auto red = [v](int k) { return v[k * 3] - std::max(v[k * 3 + 1], v[k * 3 + 2]); };
  float reddest = 0;
  for (int k = 0; k < height * width; ++k) reddest = std::max(reddest, red(k));
  int top = height, left = width, bottom = 0, right = 0;
  for (int i = 0; i < height; ++i) {
    for (int j = 0; j < width; ++j) {
      if (red(i * width + j) < reddest / 2) continue;
      top = std::min(top, i), bottom = std::max(bottom, i + 1);
      left = std::min(left, j), right = std::max(right, j + 1);
    }
  }
  return {
      static_cast<float>(top), static_cast<float>(left), static_cast<float>(bottom),
      static_cast<float>(right)};
}

PixelBox polygon_box(const std::vector<Ring>& rings) {
  PixelBox box{1e9f, 1e9f, -1e9f, -1e9f};
  for (const Ring& ring : rings) {
    for (std::size_t k = 0; k < ring.size(); k += 2) {
      box.xmin = std::min(box.xmin, ring[k]), box.xmax = std::max(box.xmax, ring[k]);
      box.ymin = std::min(box.ymin, ring[k + 1]), box.ymax = std::max(box.ymax, ring[k + 1]);
    }
  }
  return box;
}

float farthest_edge(const PixelBox& a, const PixelBox& b) {
  return std::max(
      {std::abs(a.ymin - b.ymin), std::abs(a.xmin - b.xmin), std::abs(a.ymax - b.ymax),
       std::abs(a.xmax - b.xmax)});
}

/// Augments the red rectangle `draws` times. Its box must be where the red is, within a pixel, in
/// the picture's own size and in the size for the net. Returns how often it was still there.
int follow(
    const Augmentation& augmentation, int draws, Resampling resampling = Resampling::bilinear) {
  const PixelBox box{31, 42, 64, 83};
  const auto pixels = picture_with(box);
  constexpr int H = 100, W = 100;
  std::vector<float> out(H * W * 3);
  Sample sample;
  int seen = 0;
  for (int k = 0; k < draws; ++k) {
    CAPTURE(augmentation.text());
    CAPTURE(k);
    sample.begin({pixels.data(), kHeight, kWidth}, H, W, resampling);
    Object object;
    object.box = box;
    object.label = 1;
    object.polygon = {
        {box.xmin, box.ymin, box.xmax, box.ymin, box.xmax, box.ymax, box.xmin, box.ymax}};
    sample.objects.push_back(object);
    Random random(1, Stream::augment, static_cast<std::uint32_t>(k));
    augmentation.apply(sample, random);
    if (sample.objects.empty()) continue;
    ++seen;
    const Object& moved = sample.objects[0];
    const Box there = normalised(moved.box, sample.height(), sample.width());
    sample.finish(out.data(), {1, 0});
    const PixelBox found = red_box(out.data(), H, W);
    const float scale = std::max(
        static_cast<float>(H) / static_cast<float>(sample.height()),
        static_cast<float>(W) / static_cast<float>(sample.width()));
    // Bilinear, without half-pixel centres, shifts an enlarged picture by (scale - 1) / 2.
    const float shift = resampling == Resampling::area ? 0 : std::max(scale - 1, 0.0f) / 2;
    CHECK(farthest_edge(found, in_pixels(there, H, W)) <= 1 + shift);
    const float* v = sample.render();
    CHECK(farthest_edge(red_box(v, sample.height(), sample.width()), moved.box) <= 1);
    CHECK(farthest_edge(polygon_box(moved.polygon), moved.box) < 1e-3f);
  }
  return seen;
}

}  // namespace

TEST_CASE("augment: boxes and polygons follow the pixels through every transform") {
  for (const std::string& name : Augmentation::names()) {
    const int seen = follow(Augmentation::parse(name + "(p=1)"), 40);
    // Only a crop can lose the object.
    CHECK(seen >= (name == "ssd_random_crop" || name == "random_resized_crop" ? 20 : 40));
  }
}

TEST_CASE("augment: boxes and polygons follow the pixels through whole lists") {
  CHECK(follow(Augmentation::ssd(), 100) > 50);
  CHECK(follow(Augmentation::workflow(), 100) == 100);
  CHECK(
      follow(
          Augmentation::parse(
              "random_rotate90(p=1), expand(p=1, fill=50), ssd_random_crop, gauss_noise, "
              "vertical_flip, expand(p=1, max_ratio=2, fill=200), horizontal_flip, "
              "random_rotate90, ssd_random_crop"),
          100) > 30);
  // These resize twice; area has half-pixel centres, so shifts do not add up.
  CHECK(follow(Augmentation::ssd_distort(), 100, Resampling::area) > 50);
  CHECK(
      follow(
          Augmentation::parse("random_rotate90, ssd_random_crop, resize, vertical_flip"), 100,
          Resampling::area) > 50);
}

TEST_CASE("augment: a draw of probability 0 never happens, 1 always does") {
  const PixelBox box{10, 10, 20, 20};
  const auto pixels = picture_with(box);
  Sample sample;
  for (std::uint32_t k = 0; k < 50; ++k) {
    sample.begin({pixels.data(), kHeight, kWidth}, 30, 30);
    sample.objects.resize(1);
    sample.objects[0].box = box;
    Random random(1, Stream::augment, k);
    Augmentation::parse("horizontal_flip(p=0), vertical_flip(p=1)").apply(sample, random);
    CHECK(sample.objects[0].box == PixelBox{70, 10, 80, 20});
  }
}

TEST_CASE("augment: text and back") {
  CHECK(
      Augmentation::ssd().text() ==
      "horizontal_flip(p=0.5), ssd_random_crop(p=1, keep=0.15, min_area=0.1, max_area=1, "
      "min_aspect=0.5, max_aspect=2)");
  for (const auto& list :
       {Augmentation::ssd(), Augmentation::ssd_distort(), Augmentation::workflow(),
        Augmentation::whole_picture(), Augmentation()}) {
    CHECK(Augmentation::parse(list.text()).text() == list.text());
  }
  CHECK(Augmentation().text() == "none");
  CHECK(Augmentation::parse("").transforms().empty());
  CHECK(Augmentation::parse("none").transforms().empty());
  CHECK(Augmentation::parse("workflow").transforms().size() == 5);
  CHECK(Augmentation::parse("WholePicture").text() == Augmentation::whole_picture().text());
  CHECK(Augmentation::parse("ssd, gauss_noise").transforms().size() == 3);

  const auto list = Augmentation::parse(
      "# flips first\n"
      "HorizontalFlip( p = 0.25 )\n"
      "\n"
      "gaussian-blur(min_kernel=5, max-kernel=5), random_horizontal_flip  # the same again\n"
      "Resize()");
  REQUIRE(list.transforms().size() == 4);
  CHECK(std::get<HorizontalFlip>(list.transforms()[0]).p == 0.25);
  CHECK(std::get<GaussianBlur>(list.transforms()[1]).max_kernel == 5);
  CHECK(std::get<HorizontalFlip>(list.transforms()[2]).p == 0.5);
  CHECK(std::holds_alternative<Resize>(list.transforms()[3]));
}

TEST_CASE("augment: messages") {
  CHECK(contains(message_of("horizontal_flop"), "my.params: no transform is called"));
  CHECK(contains(message_of("horizontal_flop"), "did you mean horizontal_flip?"));
  CHECK(contains(message_of("sdd"), "did you mean ssd?"));
  CHECK(contains(message_of("expand(max_ration=2)"), "expand has no parameter \"max_ration\""));
  CHECK(contains(message_of("expand(max_ration=2)"), "did you mean max_ratio?"));
  CHECK(contains(message_of("expand(0.5)"), "Write name=value"));
  CHECK(contains(message_of("expand(p=2)"), "expand: p is \"2\"; give it a number from 0 to 1"));
  CHECK(contains(message_of("expand(p=nan)"), "expand: p is"));
  CHECK(contains(message_of("expand(p=0,5)"), "no parameter \"5\""));
  CHECK(contains(message_of("expand(p=)"), "expand: p is \"\""));
  CHECK(contains(message_of("expand(p=0.5"), "no closing bracket after \"expand\""));
  CHECK(contains(message_of("expand(p=1) resize"), "separate transforms"));
  CHECK(contains(message_of("expand resize"), "no transform is called"));
  CHECK(contains(message_of("ssd(p=1)"), "name its transforms one by one: horizontal_flip"));
  CHECK(contains(message_of("gauss_noise(min_variance=60)"), "min_variance is above max_variance"));
}

}  // namespace ocelli::data
