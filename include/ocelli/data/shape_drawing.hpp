// What the drawn picture sets are made of: bodies with light and shadow, uneven ground, clutter.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "ocelli/box/box.hpp"
#include "ocelli/core/random.hpp"
#include "ocelli/data/image.hpp"
#include "ocelli/data/raster.hpp"

namespace ocelli::data {

namespace detail {

/// What is drawn: a disc, or a polygon around a centre.
struct Shape {
  Point centre;
  float radius = 0;            ///< of the disc; of the circle around the polygon
  std::vector<Point> corners;  ///< none: a disc
  float rounding = 0;

  float distance(Point at) const {
    return corners.empty() ? distance_to_disc(at, centre, radius)
                           : distance_to_polygon(at, corners, rounding);
  }
  PixelBox box() const { return box_of(corners.empty() ? std::vector{centre} : corners, extent()); }

 private:
  float extent() const { return corners.empty() ? radius : rounding; }
};

constexpr float kTurn = 6.2831853f;

/// `count` corners on a circle (every second one on a smaller one, if inner < 1), from `angle` on.
inline std::vector<Point> corners_around(
    Point centre, float radius, int count, float angle, float inner = 1) {
  std::vector<Point> corners;
  for (int k = 0; k < count; ++k) {
    const float a = angle + kTurn * static_cast<float>(k) / static_cast<float>(count);
    const float r = k % 2 == 1 ? radius * inner : radius;
    corners.push_back({centre.x + r * std::cos(a), centre.y + r * std::sin(a)});
  }
  return corners;
}

/// A shape of a class (1 ..) whose larger side is about `size` pixels, around (0, 0).
inline Shape make_shape(int label, float size, Random& random) {
  Shape shape;
  shape.radius = size / 2;
  const float angle = random.uniform(0, kTurn);
  const float rounding = random.uniform(0, 0.1f) * size;
  if (label == 1) return shape;
  shape.rounding = rounding;
  shape.radius = (label == 2 ? 0.62f : 0.6f) * size - rounding;
  shape.corners = corners_around({0, 0}, shape.radius, label == 2 ? 4 : 3, angle);
  return shape;
}

inline void move_to(Shape& shape, Point centre) {
  for (Point& corner : shape.corners) {
    corner.x += centre.x - shape.centre.x;
    corner.y += centre.y - shape.centre.y;
  }
  shape.centre = centre;
}

/// Somewhere in the picture, a pixel or more from its edges.
inline void move_inside(Shape& shape, int height, int width, Random& random) {
  const PixelBox extent = shape.box();
  const float up = shape.centre.y - extent.ymin, left = shape.centre.x - extent.xmin;
  const float y = 1 + up + random.uniform() * (static_cast<float>(height) - 2 - extent.height());
  const float x = 1 + left + random.uniform() * (static_cast<float>(width) - 2 - extent.width());
  move_to(shape, {x, y});
}

/// A colour away from the ground's hue, so that it can be seen.
inline Colour colour_on(float hue, Random& random) {
  return colour_of(
      hue + random.uniform(0.15f, 0.85f), random.uniform(0.6f, 0.95f), random.uniform(0.6f, 1.0f));
}

/// A camera's noise: the sum of two dice.
inline void add_grain(Image& image, Random grain) {
  for (std::uint8_t& v : image.pixels) {
    const std::uint32_t bits = grain.bits();
    const int noise = static_cast<int>(bits & 7) + static_cast<int>(bits >> 29) - 7;
    v = static_cast<std::uint8_t>(std::clamp(v + noise, 0, 255));
  }
}

/// Share of the smaller box that the other covers.
inline float covered(const PixelBox& a, const PixelBox& b) {
  const float h = std::min(a.ymax, b.ymax) - std::max(a.ymin, b.ymin);
  const float w = std::min(a.xmax, b.xmax) - std::max(a.xmin, b.xmin);
  return h > 0 && w > 0 ? h * w / std::min(a.area(), b.area()) : 0;
}

/// Two tones, running into each other, with clouds and one of three weaves.
inline void draw_ground(Canvas& canvas, float hue, Random& random) {
  const auto H = static_cast<float>(canvas.height()), W = static_cast<float>(canvas.width());
  const float unit = std::min(H, W);
  const float value = random.uniform(0.35f, 0.9f), saturation = random.uniform(0.1f, 0.4f);
  const Colour from = colour_of(hue, saturation, value);
  const Colour to = colour_of(
      hue + random.uniform(-0.15f, 0.15f), saturation,
      std::clamp(value + random.uniform(-0.3f, 0.3f), 0.2f, 0.95f));
  const float angle = random.uniform(0, kTurn);
  const float cx = std::cos(angle), cy = std::sin(angle);
  const ValueNoise clouds(canvas.height(), canvas.width(), unit / random.uniform(2, 5), random);
  const ValueNoise grain(canvas.height(), canvas.width(), unit / random.uniform(20, 50), random);
  const float cloud = random.uniform(10, 30), rough = random.uniform(3, 12);
  const std::uint32_t weave = random.below(4);
  const float period = unit / random.uniform(8, 24), depth = random.uniform(3, 9);
  canvas.fill([&](Point at) {
    const float t = 0.5f + ((at.x / W - 0.5f) * cx + (at.y / H - 0.5f) * cy) / 1.4f;
    Colour colour = mixed(from, to, std::clamp(t, 0.0f, 1.0f));
    float light = cloud * clouds(at) + rough * grain(at);
    const float along = std::sin(kTurn * (at.x * cx + at.y * cy) / period);
    const float across = std::sin(kTurn * (at.y * cx - at.x * cy) / period);
    if (weave == 1) light += depth * along;
    if (weave == 2) light += depth * (along * across > 0 ? 1.0f : -1.0f);
    if (weave == 3) light += depth * std::max(along, across);
    for (float& v : colour) v += light;
    return colour;
  });
}

/// A body with light from the upper left, a darker rim and a soft shadow.
inline void draw_body(Canvas& canvas, const Shape& shape, const Colour& colour, Random& random) {
  const PixelBox box = shape.box();
  const float size = std::max(box.height(), box.width());
  const float shift = 0.05f * size, blur = 0.1f * size;
  const PixelBox around{box.ymin, box.xmin, box.ymax + shift + blur, box.xmax + shift + blur};
  canvas.draw(
      around,
      [&](Point at) {
        return shape.distance({at.x - shift, at.y - shift});
      },
      [&](float d) { return 0.45f * (1 - smooth_step(-blur, blur, d)); },
      [](Point, float) {
        return Colour{12, 12, 20};
      });

  const Colour light = mixed(colour, {255, 255, 255}, random.uniform(0.15f, 0.45f));
  const Colour dark = mixed(colour, {0, 0, 0}, random.uniform(0.2f, 0.45f));
  const float rim = std::max(1.0f, random.uniform(0.01f, 0.04f) * size);
  const bool striped = random.chance(0.25f);
  const float angle = random.uniform(0, kTurn), period = size / random.uniform(3, 7);
  const float cx = std::cos(angle), cy = std::sin(angle);
  canvas.draw(
      box, [&](Point at) { return shape.distance(at); }, Canvas::edge,
      [&](Point at, float d) {
        const float t =
            (at.x - box.xmin + at.y - box.ymin) / (box.width() + box.height());  // 0 .. 1
        Colour body = mixed(light, colour, smooth_step(0, 0.6f, t));
        body = mixed(body, dark, smooth_step(0.5f, 1.1f, t));
        if (striped && std::sin(kTurn * (at.x * cx + at.y * cy) / period) > 0) {
          body = mixed(body, dark, 0.35f);
        }
        return mixed(body, dark, 0.7f * smooth_step(-rim - 1, -rim + 1, d));
      });
}

/// Something that belongs to no class: a cross, a star, a stroke or a dot.
inline void draw_clutter(Canvas& canvas, Random& random) {
  const auto H = static_cast<float>(canvas.height()), W = static_cast<float>(canvas.width());
  const float unit = std::min(H, W);
  const Point at{random.uniform(0, W), random.uniform(0, H)};
  const float angle = random.uniform(0, kTurn), size = unit * random.uniform(0.03f, 0.09f);
  const Colour colour =
      colour_of(random.uniform(), random.uniform(0.1f, 0.9f), random.uniform(0.2f, 1.0f));
  const float opacity = random.uniform(0.5f, 1.0f);
  const float width = unit * random.uniform(0.004f, 0.012f);
  const std::uint32_t kind = random.below(4);
  const auto end = [&](float turn, float length) {
    return Point{at.x + length * std::cos(angle + turn), at.y + length * std::sin(angle + turn)};
  };
  const auto draw = [&](auto&& distance) {
    const float reach = (kind == 2 ? 5 : 1) * size + 2 * width;
    const PixelBox area{at.y - reach, at.x - reach, at.y + reach, at.x + reach};
    canvas.draw(
        area, distance, [&](float d) { return opacity * Canvas::edge(d); },
        [&](Point, float) { return colour; });
  };
  if (kind == 0) {
    draw([&, a = end(0, size), b = end(kTurn / 2, size), c = end(kTurn / 4, size),
          e = end(3 * kTurn / 4, size)](Point p) {
      return std::min(distance_to_line(p, a, b, 2 * width), distance_to_line(p, c, e, 2 * width));
    });
  } else if (kind == 1) {
    const auto corners = corners_around(at, size, 10, angle, 0.4f);
    draw([&](Point p) { return distance_to_polygon(p, corners, 0); });
  } else if (kind == 2) {
    const Point b = end(0, size * 5);
    draw([&](Point p) { return distance_to_line(p, at, b, width); });
  } else {
    draw([&](Point p) { return distance_to_disc(p, at, width * 1.5f); });
  }
}

}  // namespace detail

}  // namespace ocelli::data
