// Shapes: a labelled picture set that is drawn, for a first training without any data at hand.
// Discs, squares and triangles of any colour, size and turn lie on uneven ground, sometimes over
// one another, among crosses, stars and strokes that belong to no class. Boxes are exact. A second
// set has one of them a picture, and labels that speak of the whole.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/core/file.hpp"
#include "ocelli/core/random.hpp"
#include "ocelli/data/csv.hpp"
#include "ocelli/data/dataset.hpp"
#include "ocelli/data/image.hpp"
#include "ocelli/data/image_writer.hpp"
#include "ocelli/data/project_files.hpp"
#include "ocelli/data/raster.hpp"
#include "ocelli/data/shape_drawing.hpp"

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

/// Draws picture `index` of the set `seed`: one to four objects, each about a fifth to a half of
/// the shorter side, wholly inside. The same arguments give the same picture.
/// @param height, width  at least 33 pixels
inline Drawing draw_shapes(
    std::uint64_t seed, std::uint32_t index, int height = 320, int width = 320) {
  Random random(seed, Stream::demo, 0, index);
  Canvas canvas(height, width);
  const auto unit = static_cast<float>(std::min(height, width));
  const float hue = random.uniform();
  detail::draw_ground(canvas, hue, random);
  const std::uint32_t clutter = 2 + random.below(7);
  for (std::uint32_t k = 0; k < clutter; ++k) detail::draw_clutter(canvas, random);

  Drawing drawing;
  const std::uint32_t wanted = 1 + random.below(4);
  for (std::uint32_t k = 0; k < wanted; ++k) {
    const int label = 1 + static_cast<int>(random.below(3));
    const float size = unit * random.uniform(0.2f, 0.45f);
    const Colour colour = detail::colour_on(hue, random);
    detail::Shape shape = detail::make_shape(label, size, random);
    for (int attempt = 0; attempt < 30; ++attempt) {
      detail::move_inside(shape, height, width, random);
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
  detail::add_grain(drawing.image, Random(seed, Stream::demo, 1, index));
  return drawing;
}

/// Draws picture `index` of the set `seed` of whole pictures: one object, about half to nine tenths
/// of the shorter side, among clutter; its label is the picture's. Not the pictures of draw_shapes.
/// @param height, width  at least 33 pixels
inline Drawing draw_whole_picture(
    std::uint64_t seed, std::uint32_t index, int height = 320, int width = 320) {
  Random random(seed, Stream::demo, 2, index);
  Canvas canvas(height, width);
  const auto unit = static_cast<float>(std::min(height, width));
  const float hue = random.uniform();
  detail::draw_ground(canvas, hue, random);
  const std::uint32_t clutter = 2 + random.below(7);
  for (std::uint32_t k = 0; k < clutter; ++k) detail::draw_clutter(canvas, random);

  Object object;
  object.label = 1 + static_cast<int>(random.below(3));
  const float size = unit * random.uniform(0.45f, 0.75f);
  const Colour colour = detail::colour_on(hue, random);
  detail::Shape shape = detail::make_shape(object.label, size, random);
  detail::move_inside(shape, height, width, random);
  detail::draw_body(canvas, shape, colour, random);
  object.box = shape.box();
  Drawing drawing{canvas.image(), {object}};
  detail::add_grain(drawing.image, Random(seed, Stream::demo, 3, index));
  return drawing;
}

namespace detail {

[[noreturn]] inline void refuse_folder(const std::filesystem::path& labels) {
  throw StoreError(
      "the folder holds another data set, which would be lost", labels.string(),
      "choose another folder, or remove the file");
}
inline bool is_shapes_key(std::string_view key) {
  return key.starts_with("shapes-") && key.find('/') == std::string_view::npos;
}
inline std::string shapes_key(int k) {
  std::array<char, 32> key{};
  std::snprintf(key.data(), key.size(), "shapes-%05d.jpg", k);
  return key.data();
}

/// Removes an earlier set of either kind in this folder, so that no picture is left without labels
/// and no labels without pictures.
inline void remove_earlier_shapes(const std::filesystem::path& folder) {
  std::vector<std::string> keys;
  const std::filesystem::path boxes = folder / annotations_json_name;
  if (std::filesystem::exists(boxes)) {
    const auto json = nlohmann::json::parse(read_file(boxes), nullptr, false);
    if (!json.is_object() || json.value("labels", nlohmann::json()) != shape_labels())
      refuse_folder(boxes);
    const auto annotations = json.value("annotations", nlohmann::json::object());
    for (const auto& [key, entries] : annotations.items())
      if (is_shapes_key(key)) keys.push_back(key);
  }
  const std::filesystem::path whole = folder / annotations_csv_name;
  if (std::filesystem::exists(whole)) {
    for (const CsvRow& row : parse_csv(read_file(whole), whole.string())) {
      if (row.fields.size() != 2 || !is_shapes_key(row.fields[0])) refuse_folder(whole);
      keys.push_back(row.fields[0]);
    }
  }
  for (const std::string& key : keys) std::filesystem::remove(folder / key);
  for (const char* name : {annotations_json_name, annotations_csv_name, labels_csv_name, type_name})
    std::filesystem::remove(folder / name);
}

/// Draws the pictures of a set into a folder, in place of an earlier one.
/// @param draw  called with an index; gives a Drawing
/// @param use   called with a picture's key and its Drawing
template <class Draw, class Use>
void write_drawings(
    const std::filesystem::path& folder, int count, const Draw& draw, const Use& use) {
  make_folder(folder);
  remove_earlier_shapes(folder);
  for (int k = 0; k < count; ++k) {
    const Drawing drawing = draw(static_cast<std::uint32_t>(k));
    const std::string key = shapes_key(k);
    const auto bytes = encode_jpeg(drawing.image, 92);
    write_file(
        folder / key, {reinterpret_cast<const char*>(bytes.data()), bytes.size()},
        Durability::buffered);
    use(key, drawing);
  }
}

}  // namespace detail

/// Draws `count` pictures into a folder as JPEGs, with `_annotations.json` beside them: a local
/// bucket in Cloud Annotations' layout. The folder is made; an earlier set of shapes is replaced.
/// @throws StoreError when the folder holds another data set, or cannot be written
inline void write_shapes(
    const std::string& folder, int count, std::uint64_t seed, int height = 320, int width = 320) {
  nlohmann::ordered_json annotations = nlohmann::ordered_json::object();
  detail::write_drawings(
      folder, count, [&](std::uint32_t k) { return draw_shapes(seed, k, height, width); },
      [&](const std::string& key, const Drawing& drawing) {
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
      });
  const nlohmann::ordered_json file = {
      {"version", "1.0"},
      {"type", "localization"},
      {"labels", shape_labels()},
      {"annotations", std::move(annotations)}};
  write_file(std::filesystem::path(folder) / annotations_json_name, file.dump());
}

/// Draws `count` whole pictures into a folder as JPEGs, with `_annotations.csv`, `_labels.csv` and
/// `_type` beside them: a classification project in the layout of Cloud Annotations' first tool.
/// @param labels  what to call disc, square and triangle
/// @throws StoreError when the folder holds another data set, or cannot be written; ConfigError
/// unless there are three labels
inline void write_whole_pictures(
    const std::string& folder, int count, std::uint64_t seed, int height = 320, int width = 320,
    const std::vector<std::string>& labels = shape_labels()) {
  if (labels.size() != shape_labels().size())
    throw ConfigError(
        std::to_string(labels.size()) + " labels for " + std::to_string(shape_labels().size()) +
            " kinds of shapes",
        "write_whole_pictures");
  std::string rows;
  detail::write_drawings(
      folder, count, [&](std::uint32_t k) { return draw_whole_picture(seed, k, height, width); },
      [&](const std::string& key, const Drawing& drawing) {
        const auto label = static_cast<std::size_t>(drawing.objects.front().label - 1);
        append_csv_row(rows, std::vector<std::string>{key, labels[label]});
      });
  const std::filesystem::path root(folder);
  write_file(root / labels_csv_name, labels_csv_text(labels));
  write_file(root / type_name, "classification\n");
  write_file(root / annotations_csv_name, rows);
}

}  // namespace ocelli::data
