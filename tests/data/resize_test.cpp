// Tests of resizing: TensorFlow's numbers, windows, mirrorings, fill and area averaging.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/resize.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "ocelli/core/random.hpp"
#include "support/vectors.hpp"

namespace ocelli::data {
namespace {

Window whole(int height, int width) { return {0, 0, height, width, false, false, {}}; }

std::vector<std::uint8_t> noise(int height, int width) {
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(height * width * 3));
  Random random(7, Stream::demo);
  for (auto& v : pixels) v = static_cast<std::uint8_t>(random.below(256));
  return pixels;
}

/// The window copied out pixel by pixel, mirrored, as floats.
std::vector<float> cut(const std::vector<std::uint8_t>& pixels, int height, int width, Window w) {
  std::vector<float> result;
  for (int i = 0; i < w.height; ++i) {
    for (int j = 0; j < w.width; ++j) {
      const int y = w.top + (w.flip_y ? w.height - 1 - i : i);
      const int x = w.left + (w.flip_x ? w.width - 1 - j : j);
      for (int c = 0; c < 3; ++c) {
        const bool inside = y >= 0 && y < height && x >= 0 && x < width;
        result.push_back(
            inside ? static_cast<float>(pixels[static_cast<std::size_t>((y * width + x) * 3 + c)])
                   : w.fill[static_cast<std::size_t>(c)]);
      }
    }
  }
  return result;
}

}  // namespace

TEST_CASE("resize: by hand") {
  // Two pixels to four: positions 0, 0.5, 1 and 1.5; beyond the last pixel it repeats.
  const std::vector<std::uint8_t> pixels = {0, 100, 200, 100, 200, 0};
  std::vector<float> out(12);
  Resizer resize;
  resize(Pixels<std::uint8_t>{pixels.data(), 1, 2}, whole(1, 2), 1, 4, out.data(), {1, 0});
  const std::vector<float> expected = {0, 100, 200, 50, 150, 100, 100, 200, 0, 100, 200, 0};
  CHECK(out == expected);
  // 0 and 255 become -1 and 1.
  const std::vector<std::uint8_t> ends = {0, 255, 51};
  resize(Pixels<std::uint8_t>{ends.data(), 1, 1}, whole(1, 1), 1, 1, out.data());
  CHECK(out[0] == doctest::Approx(-1.0));
  CHECK(out[1] == doctest::Approx(1.0));
  CHECK(out[2] == doctest::Approx(-0.6));
}

TEST_CASE("resize: as TensorFlow's bilinear") {
  const auto vectors = test::vectors("resize_and_padding");
  REQUIRE(vectors["bilinear"].size() >= 2);
  for (const auto& entry : vectors["bilinear"]) {
    const int H = static_cast<int>(entry["input"].size());
    const int W = static_cast<int>(entry["input"][0].size());
    std::vector<float> floats;
    std::vector<std::uint8_t> bytes;
    for (const auto& row : entry["input"]) {
      for (const auto& value : row) {
        // Three channels that differ, so that a mix-up shows.
        for (int c = 0; c < 3; ++c) {
          floats.push_back(value.get<float>() + static_cast<float>(10 * c));
          bytes.push_back(static_cast<std::uint8_t>(value.get<int>() + 10 * c));
        }
      }
    }
    const int h = entry["out"][0], w = entry["out"][1];
    std::vector<float> a(static_cast<std::size_t>(h * w * 3)), b(a.size());
    Resizer resize;
    resize(Pixels<float>{floats.data(), H, W}, whole(H, W), h, w, a.data(), {1, 0});
    resize(Pixels<std::uint8_t>{bytes.data(), H, W}, whole(H, W), h, w, b.data(), {1, 0});
    CHECK(a == b);
    for (int i = 0; i < h; ++i) {
      for (int j = 0; j < w; ++j) {
        for (int c = 0; c < 3; ++c) {
          const double expected =
              entry["result"][static_cast<std::size_t>(i)][static_cast<std::size_t>(j)]
                  .get<double>() +
              10 * c;
          // Values up to 65, a handful of roundings.
          CHECK(
              static_cast<double>(a[static_cast<std::size_t>((i * w + j) * 3 + c)]) ==
              doctest::Approx(expected).epsilon(1e-6));
        }
      }
    }
  }
}

TEST_CASE("resize: a window is cut, mirrored and then resized") {
  const int H = 37, W = 53;
  const auto pixels = noise(H, W);
  const std::array<float, 3> fill = {10, 20, 30};
  const Window windows[] = {
      {0, 0, H, W, false, false, fill},    {3, 5, 20, 31, false, false, fill},
      {3, 5, 20, 31, true, false, fill},   {3, 5, 20, 31, false, true, fill},
      {3, 5, 20, 31, true, true, fill},    {-6, -9, 60, 80, false, false, fill},
      {-6, -9, 60, 80, true, true, fill},  {30, 40, 20, 30, true, false, fill},
      {-50, 5, 20, 31, false, true, fill}, {5, 90, 20, 31, true, false, fill}};
  const int sizes[][2] = {{20, 31}, {300, 300}, {7, 11}, {1, 1}, {13, 64}};
  Resizer resize;
  for (const Window& window : windows) {
    const auto copy = cut(pixels, H, W, window);
    for (const auto& size : sizes) {
      for (const auto resampling : {Resampling::bilinear, Resampling::area}) {
        CAPTURE(window.top);
        CAPTURE(window.left);
        CAPTURE(size[0]);
        const auto count = static_cast<std::size_t>(size[0] * size[1] * 3);
        std::vector<float> fused(count), plain(count);
        resize(
            Pixels<std::uint8_t>{pixels.data(), H, W}, window, size[0], size[1], fused.data(),
            {1, 0}, resampling);
        resize(
            Pixels<float>{copy.data(), window.height, window.width},
            whole(window.height, window.width), size[0], size[1], plain.data(), {1, 0}, resampling);
        float worst = 0;
        for (std::size_t k = 0; k < count; ++k) {
          worst = std::max(worst, std::abs(fused[k] - plain[k]));
        }
        // The same sums in another order where the window's edge is beside the picture's.
        CHECK(worst <= 255 * 1e-6f * 4);
      }
    }
    // At its own size a window comes out as it is.
    std::vector<float> same(copy.size());
    resize(
        Pixels<std::uint8_t>{pixels.data(), H, W}, window, window.height, window.width, same.data(),
        {1, 0});
    CHECK(same == copy);
  }
}

TEST_CASE("resize: area averages every pixel once") {
  const int H = 48, W = 60;
  const auto pixels = noise(H, W);
  Resizer resize;
  SUBCASE("whole blocks are plain means") {
    std::vector<float> out(static_cast<std::size_t>(H / 3 * W / 4 * 3));
    resize(
        Pixels<std::uint8_t>{pixels.data(), H, W}, whole(H, W), H / 3, W / 4, out.data(), {1, 0},
        Resampling::area);
    for (int i = 0; i < H / 3; ++i) {
      for (int j = 0; j < W / 4; ++j) {
        float sum = 0;
        for (int u = 0; u < 3; ++u) {
          for (int v = 0; v < 4; ++v) {
            sum += static_cast<float>(
                pixels[static_cast<std::size_t>(((i * 3 + u) * W + j * 4 + v) * 3)]);
          }
        }
        CHECK(
            out[static_cast<std::size_t>((i * (W / 4) + j) * 3)] ==
            doctest::Approx(sum / 12).epsilon(1e-5));
      }
    }
  }
  SUBCASE("the mean stays for any size") {
    double before = 0;
    for (const auto v : pixels) before += v;
    before /= static_cast<double>(pixels.size());
    for (const int n : {1, 7, 31, 47}) {
      std::vector<float> out(static_cast<std::size_t>(n * n * 3));
      resize(
          Pixels<std::uint8_t>{pixels.data(), H, W}, whole(H, W), n, n, out.data(), {1, 0},
          Resampling::area);
      double after = 0;
      for (const auto v : out) after += static_cast<double>(v);
      CHECK(after / static_cast<double>(out.size()) == doctest::Approx(before).epsilon(1e-5));
    }
  }
  SUBCASE("enlarging keeps a ramp in its place") {
    // A linear ramp read at pixel centres stays linear, away from the edges.
    std::vector<std::uint8_t> ramp;
    for (int j = 0; j < 10; ++j) ramp.insert(ramp.end(), 3, static_cast<std::uint8_t>(j * 20));
    std::vector<float> out(40 * 3);
    resize(
        Pixels<std::uint8_t>{ramp.data(), 1, 10}, whole(1, 10), 1, 40, out.data(), {1, 0},
        Resampling::area);
    for (int j = 2; j < 38; ++j) {
      const double expected = ((j + 0.5) / 4 - 0.5) * 20;
      CHECK(
          static_cast<double>(out[static_cast<std::size_t>(j * 3)]) ==
          doctest::Approx(expected).epsilon(1e-5));
    }
  }
}

}  // namespace ocelli::data
