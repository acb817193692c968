// Initializer: what a parameter starts from. Each value is a function of (seed, parameter, element)
// alone, so adding a layer leaves the values of the others' numbers as they were.
//
//   truncated normal    normal(mean, stddev), drawn anew outside 2 stddev
//   variance scaling    n = fan_in, fan_out or their mean;
//                       uniform in +-sqrt(3 factor / n), or truncated normal of sqrt(1.3 factor /
//                       n)
//
// Glorot and Bengio, 2010; He et al., arXiv:1502.01852; 1.3 makes up for the truncation.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <string>

#include "ocelli/core/error.hpp"
#include "ocelli/core/random.hpp"

namespace ocelli {

/// In the order of the hyperparameter's numbers.
enum class FanMode : int { fan_in, fan_out, average };

/// Fans of a weight.
struct Fans {
  double in = 1, out = 1;
};
/// Of a convolution [KH, KW, in_channels, out_channels]; depthwise [K, K, C, 1]; a matrix
/// [1, 1, in, out].
constexpr Fans fans(int height, int width, int in_channels, int out_channels) {
  const double field = static_cast<double>(height) * width;
  return {field * in_channels, field * out_channels};
}

struct Initializer {
  enum class Kind : int { constant, truncated_normal, uniform };
  Kind kind = Kind::constant;
  double center = 0;  ///< the constant; the mean of the others
  double spread = 0;  ///< standard deviation before truncation; half the range of `uniform`

  static constexpr Initializer zeros() { return {Kind::constant, 0, 0}; }
  static constexpr Initializer ones() { return {Kind::constant, 1, 0}; }
  static constexpr Initializer truncated_normal(double mean, double stddev) {
    return {Kind::truncated_normal, mean, stddev};
  }
  /// Throws ConfigError unless factor and the fan are above 0.
  static Initializer variance_scaling(double factor, FanMode mode, bool uniform, Fans fans) {
    const double n = mode == FanMode::fan_in    ? fans.in
                     : mode == FanMode::fan_out ? fans.out
                                                : (fans.in + fans.out) / 2;
    if (!(factor > 0) || !std::isfinite(factor) || !(n > 0))
      throw ConfigError(
          "initializer: the factor is " + std::to_string(factor) + ", the fan " + std::to_string(n),
          "second_stage_initializer_factor", "give numbers above 0");
    if (uniform) return {Kind::uniform, 0, std::sqrt(3 * factor / n)};
    return {Kind::truncated_normal, 0, std::sqrt(1.3 * factor / n)};
  }

  /// Value of element `index` of parameter `parameter`.
  double value(std::uint64_t seed, std::uint32_t parameter, std::uint32_t index) const {
    if (kind == Kind::constant) return center;
    Random random(seed, Stream::init, parameter, index);
    if (kind == Kind::uniform) {
      const double u = (random.bits() + 0.5) * 0x1p-32;
      return center + spread * (2 * u - 1);
    }
    return center + spread * random.truncated_normal();
  }

  /// Writes all `size` elements of a parameter into w.
  template <class T>
  void fill(T* w, long size, std::uint64_t seed, std::uint32_t parameter) const {
    for (long i = 0; i < size; ++i)
      w[i] = static_cast<T>(value(seed, parameter, static_cast<std::uint32_t>(i)));
  }
};

}  // namespace ocelli
