// Boxes, one type per frame of reference, so that frames do not mix.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace ocelli {

/// Corners [ymin, xmin, ymax, xmax], normalised to the picture: the picture is [0, 0, 1, 1].
template <class T>
struct BoxOf {
  T ymin = 0, xmin = 0, ymax = 0, xmax = 0;

  constexpr T height() const { return ymax - ymin; }
  constexpr T width() const { return xmax - xmin; }
  constexpr T area() const { return height() * width(); }
  friend constexpr bool operator==(const BoxOf&, const BoxOf&) = default;
};
using Box = BoxOf<float>;

/// Corners in pixel edges: the outer corner of the top-left pixel is (0, 0); ymax and xmax are
/// exclusive.
struct PixelBox {
  float ymin = 0, xmin = 0, ymax = 0, xmax = 0;

  constexpr float height() const { return ymax - ymin; }
  constexpr float width() const { return xmax - xmin; }
  constexpr float area() const { return height() * width(); }
  friend constexpr bool operator==(const PixelBox&, const PixelBox&) = default;
};

constexpr Box normalised(const PixelBox& box, int height, int width) {
  const auto h = static_cast<float>(height), w = static_cast<float>(width);
  return {box.ymin / h, box.xmin / w, box.ymax / h, box.xmax / w};
}
constexpr PixelBox in_pixels(const Box& box, int height, int width) {
  const auto h = static_cast<float>(height), w = static_cast<float>(width);
  return {box.ymin * h, box.xmin * w, box.ymax * h, box.xmax * w};
}

/// An anchor's match: the row of its ground truth, or one of these.
inline constexpr std::int32_t kNegative = -1, kIgnored = -2;

/// One detection of one picture: label is 1-based, as in the data set's list of labels.
struct Detection {
  Box box;
  int label = 0;
  float score = 0;
};

}  // namespace ocelli
