// Shapes: a labelled picture set that is drawn, for a first training without any data at hand.
// Discs, squares and triangles of any colour, size and turn lie on uneven ground, sometimes over
// one another, among crosses, stars and strokes that belong to no class. Boxes are exact.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/core/random.hpp"
#include "ocelli/data/dataset.hpp"
#include "ocelli/data/image.hpp"
#include "ocelli/data/image_writer.hpp"
#include "ocelli/data/raster.hpp"

namespace ocelli::data {

/// The classes; label = position + 1.
inline const std::vector<std::string>& shape_labels() {
  static const std::vector<std::string> labels = {"disc", "square", "triangle"};
  return labels;
}

/// One picture and what is on it.
struct Drawing {
  Image image;
  std::vector<Object> objects;  ///< the whole extent of each, also where another covers it
};

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

/// Draws picture `index` of the set `seed`: one to four objects, each about a fifth to a half of
/// the shorter side, wholly inside. The same arguments give the same picture.
/// @param height, width  at least 33 pixels
inline Drawing draw_shapes(
    std::uint64_t seed, std::uint32_t index, int height = 320, int width = 320) {
  Random random(seed, Stream::demo, 0, index);
  Canvas canvas(height, width);
  const auto H = static_cast<float>(height), W = static_cast<float>(width);
  const float unit = std::min(H, W), hue = random.uniform();
  detail::draw_ground(canvas, hue, random);
  const std::uint32_t clutter = 2 + random.below(7);
  for (std::uint32_t k = 0; k < clutter; ++k) detail::draw_clutter(canvas, random);

  Drawing drawing;
  const std::uint32_t wanted = 1 + random.below(4);
  for (std::uint32_t k = 0; k < wanted; ++k) {
    const int label = 1 + static_cast<int>(random.below(3));
    const float size = unit * random.uniform(0.2f, 0.45f);
    // Away from the ground's hue, so that it can be seen.
    const Colour colour = colour_of(
        hue + random.uniform(0.15f, 0.85f), random.uniform(0.6f, 0.95f),
        random.uniform(0.6f, 1.0f));
    detail::Shape shape = detail::make_shape(label, size, random);
    for (int attempt = 0; attempt < 30; ++attempt) {
      const PixelBox extent = shape.box();
      const float up = shape.centre.y - extent.ymin, left = shape.centre.x - extent.xmin;
      const float y = 1 + up + random.uniform() * (H - 2 - extent.height());
      const float x = 1 + left + random.uniform() * (W - 2 - extent.width());
      detail::move_to(shape, {x, y});
      const PixelBox box = shape.box();
      const bool free = std::none_of(
          drawing.objects.begin(), drawing.objects.end(),
          [&](const Object& other) { return detail::covered(box, other.box) > 0.15f; });
      if (!free) continue;
      detail::draw_body(canvas, shape, colour, random);
      Object object;
      object.box = box;
      object.label = label;
      drawing.objects.push_back(object);
      break;
    }
  }
  drawing.image = canvas.image();
  Random grain(seed, Stream::demo, 1, index);
  for (std::uint8_t& v : drawing.image.pixels) {  // a camera's noise: the sum of two dice
    const std::uint32_t bits = grain.bits();
    const int noise = static_cast<int>(bits & 7) + static_cast<int>(bits >> 29) - 7;
    v = static_cast<std::uint8_t>(std::clamp(v + noise, 0, 255));
  }
  return drawing;
}

namespace detail {
inline void write_file(const std::filesystem::path& path, const char* data, std::size_t size) {
  std::ofstream file(path, std::ios::binary);
  file.write(data, static_cast<std::streamsize>(size));
  file.close();
  if (!file) throw StoreError("cannot be written", path.string(), "check the disk and the rights");
}

/// Removes the pictures of an earlier set in this folder, so that none is left without labels.
inline void remove_earlier_shapes(const std::filesystem::path& folder) {
  const std::filesystem::path labels = folder / "_annotations.json";
  if (!std::filesystem::exists(labels)) return;
  std::ifstream file(labels, std::ios::binary);
  const auto json = nlohmann::json::parse(file, nullptr, false);
  if (!json.is_object() || json.value("labels", nlohmann::json()) != shape_labels()) {
    throw StoreError(
        "the folder holds another data set, which would be lost", labels.string(),
        "choose another folder, or remove the file");
  }
  const auto annotations = json.value("annotations", nlohmann::json::object());
  for (const auto& [key, entries] : annotations.items()) {
    if (key.starts_with("shapes-") && key.find('/') == std::string::npos) {
      std::filesystem::remove(folder / key);
    }
  }
}
}  // namespace detail

/// Draws `count` pictures into a folder as JPEGs, with `_annotations.json` beside them: a local
/// bucket in Cloud Annotations' layout. The folder is made; an earlier set of shapes is replaced.
/// @throws StoreError when the folder holds another data set, or cannot be written
inline void write_shapes(
    const std::string& folder, int count, std::uint64_t seed, int height = 320, int width = 320) {
  const std::filesystem::path root(folder);
  std::error_code code;
  std::filesystem::create_directories(root, code);
  if (code) throw StoreError("cannot be made: " + code.message(), folder, "choose another folder");
  detail::remove_earlier_shapes(root);
  nlohmann::ordered_json annotations = nlohmann::ordered_json::object();
  for (int k = 0; k < count; ++k) {
    const Drawing drawing = draw_shapes(seed, static_cast<std::uint32_t>(k), height, width);
    char key[32];
    std::snprintf(key, sizeof key, "shapes-%05d.jpg", k);
    const auto bytes = encode_jpeg(drawing.image, 92);
    detail::write_file(root / key, reinterpret_cast<const char*>(bytes.data()), bytes.size());
    auto& entries = annotations[key] = nlohmann::ordered_json::array();
    for (const Object& object : drawing.objects) {
      const auto relative = [](float v, int side) { return static_cast<double>(v) / side; };
      entries.push_back(
          {{"label", shape_labels()[static_cast<std::size_t>(object.label - 1)]},
           {"x", relative(object.box.xmin, width)},
           {"y", relative(object.box.ymin, height)},
           {"x2", relative(object.box.xmax, width)},
           {"y2", relative(object.box.ymax, height)}});
    }
  }
  const nlohmann::ordered_json file = {
      {"version", "1.0"},
      {"type", "localization"},
      {"labels", shape_labels()},
      {"annotations", std::move(annotations)}};
  const std::string text = file.dump();
  detail::write_file(root / "_annotations.json", text.data(), text.size());
}

}  // namespace ocelli::data
