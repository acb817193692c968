// Photometric: transforms that change colours, blur or add noise; boxes stay where they are. Values
// are 0 .. 255 before and after.
//
// The first three do what Albumentations 0.5.2 does to 8-bit pictures, rounding included; the
// random_adjust ones are those of the TensorFlow Object Detection API, unrounded.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "ocelli/core/random.hpp"
#include "ocelli/data/geometry.hpp"
#include "ocelli/data/sample.hpp"

namespace ocelli::data {

namespace detail {

inline std::size_t values_of(const Sample& sample) {
  return static_cast<std::size_t>(sample.height()) * static_cast<std::size_t>(sample.width()) * 3;
}
inline float to_range(float v) { return std::min(std::max(v, 0.0f), 255.0f); }
/// As a conversion to 8 bits does; v in 0 .. 255.
inline float truncated(float v) { return static_cast<float>(static_cast<int>(v)); }

/// Standard normal numbers from 12 bits each: the quantiles of 4096 equal parts, so none is beyond
/// 3.7. Enough for noise of a few grey levels, and 20 times as fast as exact ones.
inline const std::array<float, 4096>& normal_quantiles() {
  static const std::array<float, 4096> table = [] {
    std::array<float, 4096> quantiles{};
    double x = -6, sum = 0;  // the distribution function by midpoints, up from -6
    constexpr double step = 1.0 / 4096;
    std::size_t next = 0;
    while (next < quantiles.size()) {
      const double middle = x + step / 2;
      const double part = std::exp(-middle * middle / 2) * 0.3989422804014327 * step;
      const double wanted = (static_cast<double>(next) + 0.5) / 4096;
      if (sum + part < wanted) {
        sum += part;
        x += step;
      } else {
        quantiles[next++] = static_cast<float>(x + step * (wanted - sum) / part);
      }
    }
    return quantiles;
  }();
  return table;
}

}  // namespace detail

/// v -> v * a + 255 * b, a in 1 -/+ contrast_limit, b in -/+ brightness_limit; cut and truncated.
struct RandomBrightnessContrast {
  double p = 0.5;
  double brightness_limit = 0.2, contrast_limit = 0.2;

  static constexpr const char* name = "random_brightness_contrast";
  static constexpr auto parameters() {
    using T = RandomBrightnessContrast;
    return std::array{
        Parameter<T>{"p", &T::p, 0, 1},
        Parameter<T>{"brightness_limit", &T::brightness_limit, 0, 1},
        Parameter<T>{"contrast_limit", &T::contrast_limit, 0, 1}};
  }
  void apply(Sample& sample, Random& random) const {
    const auto contrast = static_cast<float>(contrast_limit);
    const auto brightness = static_cast<float>(brightness_limit);
    const float a = 1 + random.uniform(-contrast, contrast);
    const float b = 255 * random.uniform(-brightness, brightness);
    float* v = sample.render();
    const std::size_t count = detail::values_of(sample);
    for (std::size_t k = 0; k < count; ++k) {
      v[k] = detail::truncated(detail::to_range(v[k] * a + b));
    }
  }
};

/// Gaussian blur with an odd kernel K: a whole number is drawn from min_kernel .. max_kernel and an
/// even one takes the next odd size. Deviation 0.3 * ((K - 1) / 2 - 1) + 0.8; beyond the edge the
/// picture is mirrored without repeating the edge; rounded to whole values.
struct GaussianBlur {
  double p = 0.5;
  double min_kernel = 3, max_kernel = 7;

  static constexpr const char* name = "gaussian_blur";
  static constexpr auto parameters() {
    using T = GaussianBlur;
    return std::array{
        Parameter<T>{"p", &T::p, 0, 1}, Parameter<T>{"min_kernel", &T::min_kernel, 1, kLargest},
        Parameter<T>{"max_kernel", &T::max_kernel, 1, kLargest}};
  }
  void apply(Sample& sample, Random& random) const {
    const int low = static_cast<int>(min_kernel), high = static_cast<int>(max_kernel);
    const int kernel =
        (low + static_cast<int>(random.below(static_cast<std::uint32_t>(high - low + 1)))) | 1;
    if (kernel > 1) blur(sample, kernel);
  }

 private:
  static constexpr int kLargest = 31;

  static int mirrored(int i, int size) {
    if (size == 1) return 0;
    while (i < 0 || i >= size) i = i < 0 ? -i : 2 * (size - 1) - i;
    return i;
  }
  static void blur(Sample& sample, int kernel) {
    const int r = kernel / 2, h = sample.height(), w = sample.width(), row = w * 3;
    const double sigma = 0.3 * (r - 1) + 0.8;
    std::array<float, kLargest> weight{};
    double sum = 0;
    for (int k = -r; k <= r; ++k) sum += std::exp(-k * k / (2 * sigma * sigma));
    for (int k = -r; k <= r; ++k) {
      weight[static_cast<std::size_t>(k + r)] =
          static_cast<float>(std::exp(-k * k / (2 * sigma * sigma)) / sum);
    }

    float* pixels = sample.render();
    float* across = sample.scratch(detail::values_of(sample));
    const auto line = [row](float* from, int i) {
      return from + static_cast<std::ptrdiff_t>(i) * row;
    };
    for (int i = 0; i < h; ++i) {
      const float* x = line(pixels, i);
      float* y = line(across, i);
      std::fill(y, y + row, 0.0f);
      for (int k = 0; k < kernel; ++k) {
        const float f = weight[static_cast<std::size_t>(k)];
        const int shift = k - r;
        const int from = std::clamp(-shift, 0, w), to = std::clamp(w - shift, 0, w);
        const auto edge = [&](int j) {
          for (int c = 0; c < 3; ++c) y[j * 3 + c] += f * x[mirrored(j + shift, w) * 3 + c];
        };
        for (int j = 0; j < std::min(from, w); ++j) edge(j);
        for (int e = from * 3; e < to * 3; ++e) y[e] += f * x[e + shift * 3];
        for (int j = std::max(to, from); j < w; ++j) edge(j);
      }
    }
    for (int i = 0; i < h; ++i) {
      float* y = line(pixels, i);
      std::fill(y, y + row, 0.5f);  // rounds the truncation below
      for (int k = 0; k < kernel; ++k) {
        const float f = weight[static_cast<std::size_t>(k)];
        const float* x = line(across, mirrored(i + k - r, h));
        for (int e = 0; e < row; ++e) y[e] += f * x[e];
      }
      for (int e = 0; e < row; ++e) y[e] = detail::truncated(y[e]);
    }
  }
};

/// Adds normal noise, every value of every channel its own; the variance is drawn between the
/// limits (grey levels squared). Cut and truncated.
struct GaussNoise {
  double p = 0.5;
  double min_variance = 10, max_variance = 50;

  static constexpr const char* name = "gauss_noise";
  static constexpr auto parameters() {
    using T = GaussNoise;
    return std::array{
        Parameter<T>{"p", &T::p, 0, 1}, Parameter<T>{"min_variance", &T::min_variance, 0, 10000},
        Parameter<T>{"max_variance", &T::max_variance, 0, 10000}};
  }
  void apply(Sample& sample, Random& random) const {
    const float deviation = std::sqrt(
        random.uniform(static_cast<float>(min_variance), static_cast<float>(max_variance)));
    const auto& normal = detail::normal_quantiles();
    float* v = sample.render();
    const std::size_t count = detail::values_of(sample);
    for (std::size_t k = 0; k < count; k += 2) {
      const std::uint32_t bits = random.bits();
      v[k] = noisy(v[k], deviation * normal[bits & 4095]);
      if (k + 1 < count) v[k + 1] = noisy(v[k + 1], deviation * normal[bits >> 20]);
    }
  }

 private:
  static float noisy(float v, float noise) {
    return detail::truncated(detail::to_range(v + noise));
  }
};

/// v -> v + 255 * d, d in -/+ max_delta; cut to 0 .. 255.
struct RandomAdjustBrightness {
  double p = 1;
  double max_delta = 0.2;

  static constexpr const char* name = "random_adjust_brightness";
  static constexpr auto parameters() {
    using T = RandomAdjustBrightness;
    return std::array{
        Parameter<T>{"p", &T::p, 0, 1}, Parameter<T>{"max_delta", &T::max_delta, 0, 1}};
  }
  void apply(Sample& sample, Random& random) const {
    const auto limit = static_cast<float>(max_delta);
    const float shift = 255 * random.uniform(-limit, limit);
    float* v = sample.render();
    const std::size_t count = detail::values_of(sample);
    for (std::size_t k = 0; k < count; ++k) v[k] = detail::to_range(v[k] + shift);
  }
};

/// v -> (v - m) * f + m, m the channel's mean, f between the limits; cut to 0 .. 255.
struct RandomAdjustContrast {
  double p = 1;
  double min_delta = 0.8, max_delta = 1.25;

  static constexpr const char* name = "random_adjust_contrast";
  static constexpr auto parameters() {
    using T = RandomAdjustContrast;
    return std::array{
        Parameter<T>{"p", &T::p, 0, 1}, Parameter<T>{"min_delta", &T::min_delta, 0, 10},
        Parameter<T>{"max_delta", &T::max_delta, 0, 10}};
  }
  void apply(Sample& sample, Random& random) const {
    const float f = random.uniform(static_cast<float>(min_delta), static_cast<float>(max_delta));
    float* v = sample.render();
    const std::array<float, 3> mean = sample.mean();
    const std::array<float, 3> shift = {mean[0] * (1 - f), mean[1] * (1 - f), mean[2] * (1 - f)};
    const std::size_t count = detail::values_of(sample);
    for (std::size_t k = 0; k < count; k += 3) {
      for (std::size_t c = 0; c < 3; ++c) v[k + c] = detail::to_range(v[k + c] * f + shift[c]);
    }
  }
};

/// Turns the hue by up to -/+ max_delta of the whole circle; saturation and value (HSV) stay.
struct RandomAdjustHue {
  double p = 1;
  double max_delta = 0.02;

  static constexpr const char* name = "random_adjust_hue";
  static constexpr auto parameters() {
    using T = RandomAdjustHue;
    return std::array{
        Parameter<T>{"p", &T::p, 0, 1}, Parameter<T>{"max_delta", &T::max_delta, 0, 0.5}};
  }
  void apply(Sample& sample, Random& random) const {
    const auto limit = static_cast<float>(max_delta);
    const float turn = 6 * random.uniform(-limit, limit);  // in sixths of the circle
    float* v = sample.render();
    const std::size_t count = detail::values_of(sample);
    for (std::size_t k = 0; k < count; k += 3) turn_hue(v + k, turn);
  }

 private:
  static void turn_hue(float* rgb, float turn) {
    const float r = rgb[0], g = rgb[1], b = rgb[2];
    const float high = std::max(r, std::max(g, b));
    const float chroma = high - std::min(r, std::min(g, b));
    if (chroma <= 0) return;
    const float hue = high == r   ? (g - b) / chroma
                      : high == g ? 2 + (b - r) / chroma
                                  : 4 + (r - g) / chroma;
    const auto channel = [&](float n) {
      float k = hue + turn + n;  // hue -1 .. 5, turn -3 .. 3, n 1 .. 5
      k += k < 0 ? 6.0f : 0.0f;
      k -= k >= 6 ? 6.0f : 0.0f;
      k -= k >= 6 ? 6.0f : 0.0f;
      return high - chroma * std::clamp(std::min(k, 4 - k), 0.0f, 1.0f);
    };
    rgb[0] = channel(5), rgb[1] = channel(3), rgb[2] = channel(1);
  }
};

/// Multiplies the saturation (HSV) by a factor between the limits, at most to 1; hue and value
/// stay.
struct RandomAdjustSaturation {
  double p = 1;
  double min_delta = 0.8, max_delta = 1.25;

  static constexpr const char* name = "random_adjust_saturation";
  static constexpr auto parameters() {
    using T = RandomAdjustSaturation;
    return std::array{
        Parameter<T>{"p", &T::p, 0, 1}, Parameter<T>{"min_delta", &T::min_delta, 0, 10},
        Parameter<T>{"max_delta", &T::max_delta, 0, 10}};
  }
  void apply(Sample& sample, Random& random) const {
    const float f = random.uniform(static_cast<float>(min_delta), static_cast<float>(max_delta));
    float* v = sample.render();
    const std::size_t count = detail::values_of(sample);
    for (std::size_t k = 0; k < count; k += 3) {
      const float high = std::max(v[k], std::max(v[k + 1], v[k + 2]));
      const float low = std::min(v[k], std::min(v[k + 1], v[k + 2]));
      // The distance of each channel to the highest one grows with the saturation.
      const float scale = high > low ? std::min(f, high / (high - low)) : 1.0f;
      for (std::size_t c = 0; c < 3; ++c) v[k + c] = high - (high - v[k + c]) * scale;
    }
  }
};

}  // namespace ocelli::data
