// BoxCoder: a box as its offset from an anchor, in the anchor's own units.
//
//   ty = sy (y - ya) / ha    th = sh ln(h / ha)        (y, x): centre, (h, w): size, a: anchor
//   tx = sx (x - xa) / wa    tw = sw ln(w / wa)        code = [ty, tx, th, tw]
//
// Encoding adds 1e-8 to the four sizes first, decoding does not. A larger scale makes the same
// error cost more. Ren et al., "Faster R-CNN", arXiv:1506.01497, section 3.1.2.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <string>

#include "ocelli/box/box.hpp"
#include "ocelli/core/error.hpp"
#include "ocelli/core/fast_math.hpp"

namespace ocelli {

/// [ty, tx, th, tw].
template <class T>
struct BoxCode {
  T y = 0, x = 0, height = 0, width = 0;
  friend constexpr bool operator==(const BoxCode&, const BoxCode&) = default;
};

/// Centre and size of a box, of either sign: nothing is put in order.
template <class T>
struct CenterBoxOf {
  T y = 0, x = 0, height = 0, width = 0;
};

template <class T>
constexpr CenterBoxOf<T> centered(const BoxOf<T>& box) {
  const T height = box.ymax - box.ymin, width = box.xmax - box.xmin;
  return {box.ymin + T(0.5) * height, box.xmin + T(0.5) * width, height, width};
}

/// Scales multiply the code.
template <class T>
struct BoxCoder {
  T y_scale = 10, x_scale = 10, height_scale = 5, width_scale = 5;

  /// Throws ConfigError unless all four scales are positive and finite.
  void check() const {
    for (T scale : {y_scale, x_scale, height_scale, width_scale})
      if (!(scale > 0) || !std::isfinite(scale))
        throw ConfigError(
            "box coder: a scale is " + std::to_string(scale), "boxcoder_*_scale",
            "give a positive number (the defaults are 10, 10, 5, 5)");
  }

  constexpr BoxCode<T> encode(const BoxOf<T>& box, const BoxOf<T>& anchor) const {
    constexpr T kEpsilon = T(1e-8);
    CenterBoxOf<T> b = centered(box), a = centered(anchor);
    b.height += kEpsilon, b.width += kEpsilon, a.height += kEpsilon, a.width += kEpsilon;
    return {
        y_scale * (b.y - a.y) / a.height, x_scale * (b.x - a.x) / a.width,
        height_scale * std::log(b.height / a.height), width_scale * std::log(b.width / a.width)};
  }

  /// Codes have no limit: a large th gives a huge box, in the end an infinite one.
  constexpr BoxOf<T> decode(const BoxCode<T>& code, const CenterBoxOf<T>& anchor) const {
    const T y = code.y / y_scale * anchor.height + anchor.y;
    const T x = code.x / x_scale * anchor.width + anchor.x;
    const T half_height = T(0.5) * (fast_exp(code.height / height_scale) * anchor.height);
    const T half_width = T(0.5) * (fast_exp(code.width / width_scale) * anchor.width);
    return {y - half_height, x - half_width, y + half_height, x + half_width};
  }
  constexpr BoxOf<T> decode(const BoxCode<T>& code, const BoxOf<T>& anchor) const {
    return decode(code, centered(anchor));
  }

  /// Decodes `count` codes [count, 4] against as many anchors into `boxes`; vectorises.
  void decode_all(
      const T* codes, const CenterBoxOf<T>* anchors, long count, BoxOf<T>* boxes) const {
    for (long i = 0; i < count; ++i)
      boxes[i] = decode(
          BoxCode<T>{codes[4 * i], codes[4 * i + 1], codes[4 * i + 2], codes[4 * i + 3]},
          anchors[i]);
  }
};

}  // namespace ocelli
