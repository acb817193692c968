// Tests of the transforms of pixel values: formulas, limits, and the statistics of what is drawn.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/photometric.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

namespace ocelli::data {
namespace {

using Bytes = std::vector<std::uint8_t>;

/// The values of a picture after a transform, drawn from `random`.
template <class T>
std::vector<float> after(
    const T& transform, const Bytes& pixels, int height, int width, Random random) {
  Sample sample;
  sample.begin({pixels.data(), height, width}, height, width);
  transform.apply(sample, random);
  const float* v = sample.render();
  return {v, v + pixels.size()};
}

Bytes grey(int height, int width, std::uint8_t value) {
  return Bytes(static_cast<std::size_t>(height * width * 3), value);
}

Bytes noise(int height, int width) {
  Bytes pixels(static_cast<std::size_t>(height * width * 3));
  Random random(3, Stream::demo);
  for (auto& v : pixels) v = static_cast<std::uint8_t>(random.below(256));
  return pixels;
}

std::array<double, 3> hsv(double r, double g, double b) {
  const double high = std::max({r, g, b}), low = std::min({r, g, b}), c = high - low;
  double h = 0;
  if (c > 0) {
    if (high == r)
      h = std::fmod((g - b) / c + 6, 6.0);
    else if (high == g)
      h = (b - r) / c + 2;
    else
      h = (r - g) / c + 4;
  }
  return {h / 6, high > 0 ? c / high : 0, high};
}

}  // namespace

TEST_CASE("photometric: brightness and contrast truncate, as on 8 bits") {
  const Bytes pixels = noise(9, 7);
  for (std::uint32_t k = 0; k < 20; ++k) {
    Random random(1, Stream::augment, k);
    const auto out = after(RandomBrightnessContrast{}, pixels, 9, 7, random);
    const float a = 1 + random.uniform(-0.2f, 0.2f);
    const float b = 255 * random.uniform(-0.2f, 0.2f);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const float v = std::clamp(static_cast<float>(pixels[i]) * a + b, 0.0f, 255.0f);
      CHECK(out[i] == static_cast<float>(static_cast<std::uint8_t>(v)));
    }
  }
}

TEST_CASE("photometric: blur spreads a point by the kernel's weights") {
  Bytes pixels = grey(15, 15, 0);
  for (std::size_t c = 0; c < 3; ++c) pixels[(7 * 15 + 7) * 3 + c] = 255;
  int seen[3] = {};
  for (std::uint32_t k = 0; k < 500; ++k) {
    const auto out = after(GaussianBlur{}, pixels, 15, 15, Random(1, Stream::augment, k));
    int reach = 0;  // a weight of 1/510 or more in both axes shows
    double sum = 0;
    for (int d = 0; d < 8; ++d) {
      if (out[static_cast<std::size_t>((7 * 15 + 7 - d) * 3)] > 0) reach = d;
    }
    for (std::size_t i = 0; i < out.size(); i += 3) sum += static_cast<double>(out[i]);
    const int size = reach == 1 ? 3 : reach == 2 ? 5 : 7;
    CHECK(reach >= 1);
    CHECK(reach <= 3);
    ++seen[(size - 3) / 2];
    const double sigma = 0.3 * ((size - 1) * 0.5 - 1) + 0.8;
    double total = 0;
    for (int d = -reach; d <= reach; ++d) total += std::exp(-d * d / (2 * sigma * sigma));
    CHECK(
        static_cast<double>(out[(7 * 15 + 7) * 3]) ==
        doctest::Approx(255 / (total * total)).epsilon(0.51 / (255 / (total * total))));
    CHECK(std::abs(sum - 255) < 0.5 * size * size);
  }
  // Kernels 3, 5, 7 with chance 0.2, 0.4, 0.4; deviation of 500 draws: 9 and 11.
  CHECK(std::abs(seen[0] - 100) < 36);
  CHECK(std::abs(seen[1] - 200) < 44);
  CHECK(std::abs(seen[2] - 200) < 44);
}

TEST_CASE("photometric: blur mirrors at the edges, and keeps plain pictures of any size") {
  for (const int n : {1, 2, 3, 5, 40}) {
    for (std::uint32_t k = 0; k < 10; ++k) {
      const auto out = after(GaussianBlur{}, grey(n, 2, 90), n, 2, Random(2, Stream::augment, k));
      CHECK(*std::min_element(out.begin(), out.end()) == 90);
      CHECK(*std::max_element(out.begin(), out.end()) == 90);
    }
  }
  // Kernel 3 on a row 0, 200, 0, 0: the first pixel sees 200 twice, once mirrored.
  Bytes row = grey(1, 4, 0);
  for (std::size_t c = 3; c < 6; ++c) row[c] = 200;
  const GaussianBlur three{.min_kernel = 3, .max_kernel = 3};
  const auto out = after(three, row, 1, 4, Random(2, Stream::augment));
  const double side = std::exp(-1 / (2 * 0.64)), w = side / (1 + 2 * side);
  CHECK(static_cast<double>(out[0]) == std::floor(400 * w + 0.5));
  CHECK(static_cast<double>(out[3]) == std::floor(200 * (1 - 2 * w) + 0.5));
  CHECK(static_cast<double>(out[6]) == std::floor(200 * w + 0.5));
  CHECK(out[9] == 0);
}

TEST_CASE("photometric: noise has the drawn variance, each channel its own") {
  const int H = 120, W = 110;
  const Bytes pixels = grey(H, W, 128);
  const GaussNoise transform{.min_variance = 30, .max_variance = 30};
  const auto out = after(transform, pixels, H, W, Random(6, Stream::augment));
  const double n = H * W * 3.0;
  double mean = 0, square = 0, across = 0;
  for (const float v : out) mean += static_cast<double>(v) / n;
  for (std::size_t i = 0; i + 1 < out.size(); ++i) {
    const double a = static_cast<double>(out[i]) - mean, b = static_cast<double>(out[i + 1]) - mean;
    square += a * a / n;
    across += a * b / n;
  }
  // Truncation takes half a level and adds a variance of 1/12. Four deviations of the estimates.
  CHECK(mean == doctest::Approx(127.5).epsilon(4 * std::sqrt(30 / n) / 127.5));
  CHECK(square == doctest::Approx(30 + 1.0 / 12).epsilon(4 * std::sqrt(2 / n)));
  CHECK(std::abs(across) < 4 * 30 / std::sqrt(n));
  // Cut to 0 .. 255.
  const auto black = after(GaussNoise{}, grey(20, 20, 0), 20, 20, Random(7, Stream::augment));
  CHECK(*std::min_element(black.begin(), black.end()) == 0);
  CHECK(*std::max_element(black.begin(), black.end()) > 0);
}

TEST_CASE("photometric: the normal table has a normal's moments") {
  double square = 0, fourth = 0, sum = 0;
  for (const float q : detail::normal_quantiles()) {
    const double x = static_cast<double>(q);
    sum += x / 4096;
    square += x * x / 4096;
    fourth += x * x * x * x / 4096;
  }
  CHECK(std::abs(sum) < 1e-4);
  CHECK(square == doctest::Approx(1).epsilon(2e-3));
  CHECK(fourth == doctest::Approx(3).epsilon(2e-2));
  CHECK(detail::normal_quantiles()[3993] == doctest::Approx(1.96).epsilon(2e-3));  // 0.975
}

TEST_CASE("photometric: brightness shifts, contrast stretches about the channel's mean") {
  const Bytes pixels = noise(11, 13);
  Random random(8, Stream::augment);
  const auto bright = after(RandomAdjustBrightness{}, pixels, 11, 13, random);
  const auto strong = after(RandomAdjustContrast{}, pixels, 11, 13, random);
  Random copy = random;
  const float shift = 255 * copy.uniform(-0.2f, 0.2f);
  const float f = random.uniform(0.8f, 1.25f);
  double mean[3] = {};
  for (std::size_t i = 0; i < pixels.size(); ++i) mean[i % 3] += pixels[i] / (11.0 * 13.0);
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    const auto v = static_cast<float>(pixels[i]);
    CHECK(bright[i] == std::clamp(v + shift, 0.0f, 255.0f));
    const double m = mean[i % 3];
    const double expected =
        std::clamp((static_cast<double>(v) - m) * static_cast<double>(f) + m, 0.0, 255.0);
    CHECK(static_cast<double>(strong[i]) == doctest::Approx(expected).epsilon(1e-4).scale(1));
  }
}

TEST_CASE("photometric: hue and saturation move alone in HSV") {
  Bytes pixels = noise(10, 10);
  for (std::size_t i = 0; i < 3; ++i) pixels[i] = 80;  // a grey pixel has no hue
  const RandomAdjustHue hue{.max_delta = 0.5};
  const RandomAdjustSaturation saturation{.min_delta = 0.3, .max_delta = 2.5};
  for (std::uint32_t k = 0; k < 20; ++k) {
    Random random(9, Stream::augment, k);
    const auto turned = after(hue, pixels, 10, 10, random);
    const auto deep = after(saturation, pixels, 10, 10, random);
    Random copy = random;
    const double turn = static_cast<double>(copy.uniform(-0.5f, 0.5f));
    const double f = static_cast<double>(random.uniform(0.3f, 2.5f));
    CHECK(turned[0] == 80);
    CHECK(deep[0] == 80);
    for (std::size_t i = 3; i < pixels.size(); i += 3) {
      const auto from = hsv(pixels[i], pixels[i + 1], pixels[i + 2]);
      const auto of = [&](const std::vector<float>& v) {
        return hsv(
            static_cast<double>(v[i]), static_cast<double>(v[i + 1]),
            static_cast<double>(v[i + 2]));
      };
      const auto a = of(turned), b = of(deep);
      const double moved = a[0] - from[0] - turn;
      // Where the chroma is one level, a rounding of 255 * 2^-24 turns the hue by 1e-5.
      if (from[1] > 0) CHECK(std::abs(moved - std::round(moved)) < 1e-4);
      CHECK(a[1] == doctest::Approx(from[1]).epsilon(1e-4));
      CHECK(a[2] == doctest::Approx(from[2]).epsilon(1e-5));
      CHECK(b[1] == doctest::Approx(std::min(1.0, from[1] * f)).epsilon(1e-4));
      CHECK(b[2] == doctest::Approx(from[2]).epsilon(1e-5));
    }
  }
}

}  // namespace ocelli::data
