// Boxes with labels and scores on a picture, in a colour for each class.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include "ocelli/box/box.hpp"
#include "ocelli/draw/canvas.hpp"
#include "ocelli/draw/color.hpp"

namespace ocelli::draw {

struct BoxStyle {
  int scale = 0;           ///< of the text, and thickness of the lines; 0: by the picture's size
  bool labels = true;      ///< write names (and scores)
  float min_score = 0.0F;  ///< detections below it are not drawn
};

namespace detail {

inline int scale_for(const Canvas& canvas, const BoxStyle& style) {
  return style.scale > 0 ? style.scale
                         : std::max(1, std::max(canvas.height(), canvas.width()) / 500);
}

/// The box, cut some way outside the picture; false when it is not finite.
inline bool bounded(const Canvas& canvas, PixelBox& box) {
  if (!std::isfinite(box.ymin + box.xmin + box.ymax + box.xmax)) return false;
  constexpr float margin = 100;
  const float bottom = static_cast<float>(canvas.height()) + margin;
  const float right = static_cast<float>(canvas.width()) + margin;
  box = {
      std::clamp(box.ymin, -margin, bottom), std::clamp(box.xmin, -margin, right),
      std::clamp(box.ymax, -margin, bottom), std::clamp(box.xmax, -margin, right)};
  return true;
}

/// A tag on the box's top edge, inside the picture whatever the box.
inline void draw_tag(
    Canvas& canvas, const PixelBox& box, const std::string& text, Color color, int scale) {
  const auto pad = static_cast<float>(2 * scale);
  const float width = static_cast<float>(Canvas::text_width(text, scale)) + 2 * pad;
  const float height = static_cast<float>(kGlyphHeight * scale) + pad;
  const float right = static_cast<float>(canvas.width()) - width;
  const float x = std::round(std::clamp(box.xmin, 0.0F, std::max(right, 0.0F)));
  float y = box.ymin - height;
  if (y < 0) y = std::min(std::max(box.ymin, 0.0F), static_cast<float>(canvas.height()) - height);
  y = std::round(std::max(y, 0.0F));
  canvas.rectangle({y, x, y + height, x + width}, color);
  canvas.text({x + pad, y + pad}, text, scale, ink_on(color));
}

inline std::string name_of(int label, std::span<const std::string> labels) {
  return label >= 1 && static_cast<std::size_t>(label) <= labels.size()
             ? labels[static_cast<std::size_t>(label - 1)]
             : "label " + std::to_string(label);
}

}  // namespace detail

/// One detection of `canvas`'s picture, in pixels.
struct DrawnBox {
  PixelBox box;
  int label = 0;     ///< 1-based
  float score = -1;  ///< below 0: not written
};

/// Draws detections, the surest on top: a solid frame and a tag "name 0.87".
/// @param labels  class names, label 1 first; a label without a name is written as its number
inline void draw_detections(
    Canvas& canvas, std::span<const DrawnBox> boxes, std::span<const std::string> labels,
    const BoxStyle& style = {}) {
  const int scale = detail::scale_for(canvas, style);
  std::vector<DrawnBox> order(boxes.begin(), boxes.end());
  std::stable_sort(order.begin(), order.end(), [](const DrawnBox& a, const DrawnBox& b) {
    return a.score < b.score;
  });
  for (DrawnBox& drawn : order) {
    if (!detail::bounded(canvas, drawn.box)) continue;
    if (drawn.score >= 0 && drawn.score < style.min_score) continue;
    const Color color = class_color(drawn.label);
    canvas.frame(drawn.box, static_cast<float>(scale) + 1, color);
    if (!style.labels) continue;
    std::string text = detail::name_of(drawn.label, labels);
    if (drawn.score >= 0) {
      std::array<char, 16> score{};
      std::snprintf(score.data(), score.size(), " %.2f", static_cast<double>(drawn.score));
      text += score.data();
    }
    detail::draw_tag(canvas, drawn.box, text, color, scale);
  }
}

/// The same for detections of a normalised box.
inline void draw_detections(
    Canvas& canvas, std::span<const Detection> detections, std::span<const std::string> labels,
    const BoxStyle& style = {}) {
  std::vector<DrawnBox> boxes;
  boxes.reserve(detections.size());
  for (const Detection& detection : detections)
    boxes.push_back(
        {in_pixels(detection.box, canvas.height(), canvas.width()), detection.label,
         detection.score});
  draw_detections(canvas, boxes, labels, style);
}

/// Draws ground truth: a frame of dashes, white with the class's colour, and no tag. Boxes that are
/// not finite are not drawn.
inline void draw_ground_truth(
    Canvas& canvas, std::span<const DrawnBox> boxes, const BoxStyle& style = {}) {
  const auto scale = static_cast<float>(detail::scale_for(canvas, style));
  const float dash = 5 * scale, thickness = scale;
  for (const DrawnBox& drawn : boxes) {
    PixelBox box = drawn.box;
    if (!detail::bounded(canvas, box)) continue;
    canvas.frame(box, thickness, {255, 255, 255, 0.9F});
    const Color color = class_color(drawn.label);
    for (float x = box.xmin; x < box.xmax; x += 2 * dash) {
      const float end = std::min(x + dash, box.xmax);
      canvas.rectangle({box.ymin, x, box.ymin + thickness, end}, color);
      canvas.rectangle({box.ymax - thickness, x, box.ymax, end}, color);
    }
    for (float y = box.ymin; y < box.ymax; y += 2 * dash) {
      const float end = std::min(y + dash, box.ymax);
      canvas.rectangle({y, box.xmin, end, box.xmin + thickness}, color);
      canvas.rectangle({y, box.xmax - thickness, end, box.xmax}, color);
    }
  }
}

}  // namespace ocelli::draw
