// CVAT labels (XML 1.1): one file for a task, of pictures or of a video.
//
//   <image id name width height>  <box label xtl ytl xbr ybr/>  <polygon label points="x,y;x,y"/>
//   ... <track id label>              <box frame outside keyframe xtl ytl xbr ybr/> ...
//
// Boxes and polygons are read, tags label a picture as a whole; other shapes are reported. A track
// is expanded to the frames that are there as pictures: between keyframes linearly, until a shape
// with outside="1" or its last shape. Coordinates are pixel edges.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/data/reader.hpp"
#include "ocelli/data/source.hpp"
#include "ocelli/data/text.hpp"
#include "ocelli/data/xml.hpp"

namespace ocelli::data {

/// A file as it is written; tracks not yet expanded, labels by name.
struct CvatFile {
  struct Shape {
    std::string label;
    RawObject object;
    std::int64_t frame = 0;  ///< of a track's shape
    bool outside = false;
  };
  struct Image {
    std::string name;
    std::int64_t id = 0;
    int width = 0, height = 0;
    std::string where;
    std::vector<Shape> shapes;
    std::vector<std::pair<std::string, std::string>> tags;  ///< label, where
    bool sound = true;                                      ///< false: a shape could not be read
  };
  struct Track {
    std::vector<Shape> shapes;    ///< keyframes, by frame
    std::int64_t last_frame = 0;  ///< of its last shape, keyframe or not
  };
  std::vector<std::string> labels;  ///< of the task, in order
  std::vector<Image> images;
  std::vector<Track> tracks;
  int width = 0, height = 0;           ///< of a video's frames; 0: not stated
  std::optional<std::int64_t> frames;  ///< number of frames, when it is stated
};

namespace detail {

class CvatParser {
 public:
  CvatParser(std::string_view text, const std::string& name, Findings& findings)
      : xml_(text, name), findings_(findings) {}

  CvatFile parse() {
    const pugi::xml_node root = xml_.root();
    if (std::string_view(root.name()) != "annotations") {
      throw DataError(
          std::string("the root element is <") + root.name() + ">, not <annotations>",
          xml_.where(root), "this is no CVAT file");
    }
    meta(root.child("meta"));
    for (const pugi::xml_node node : root.children()) {
      const std::string_view name = node.name();
      if (name == "image") image(node);
      if (name == "track") track(node);
    }
    return std::move(file_);
  }

 private:
  void meta(pugi::xml_node meta) {
    for (const char* kind : {"task", "job", "project"}) {
      const pugi::xml_node part = meta.child(kind);
      const auto frames = parse_number<std::int64_t>(part.child_value("size"));
      if (frames && *frames > 0) file_.frames = *frames;
      for (const pugi::xml_node label : part.child("labels").children("label")) {
        file_.labels.emplace_back(label.child_value("name"));
      }
      for (const pugi::xml_node size : {part.child("original_size"), meta.child("original_size")}) {
        if (const auto width = parse_number<int>(size.child_value("width"))) file_.width = *width;
        if (const auto height = parse_number<int>(size.child_value("height")))
          file_.height = *height;
      }
    }
  }

  std::optional<double> number(pugi::xml_node node, const char* name) {
    const auto value = parse_number(node.attribute(name).value());
    if (!value) {
      findings_.error(
          "number_malformed", xml_.where(node),
          std::string(name) + " of <" + node.name() + "> is \"" + node.attribute(name).value() +
              "\", not a number (decimals are written with a point)");
    }
    return value;
  }
  static int pixels(pugi::xml_node node, const char* name) {
    return parse_number<int>(node.attribute(name).value()).value_or(0);
  }

  bool points(pugi::xml_node node, RawObject& object) {
    const std::string_view text = node.attribute("points").value();
    Ring ring;
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find(';', begin), text.size());
      const std::string_view point = text.substr(begin, end - begin);
      begin = end + 1;
      const std::size_t comma = std::min(point.find(','), point.size());
      const auto x = parse_number(point.substr(0, comma));
      const auto y = parse_number(point.substr(std::min(comma + 1, point.size())));
      if (!x || !y) {
        findings_.error(
            "number_malformed", xml_.where(node),
            "the point \"" + std::string(point) + "\" is not two numbers x,y");
        return false;
      }
      ring.push_back(static_cast<float>(*x)), ring.push_back(static_cast<float>(*y));
    }
    if (ring.size() < 6) {
      findings_.dropped("ring_unusable", xml_.where(node), "a polygon has fewer than 3 points");
      return false;
    }
    object.object.polygon.push_back(std::move(ring));
    return set_box_from_polygon(object);
  }

  /// A box turned about its centre becomes the upright box around it.
  void rotate(pugi::xml_node node, RawObject& object) {
    const double degrees = parse_number(node.attribute("rotation").value()).value_or(0);
    if (degrees == 0) return;
    const double angle = degrees * 3.141592653589793 / 180;
    const double c = std::abs(std::cos(angle)), s = std::abs(std::sin(angle));
    const double w = object.x1 - object.x0, h = object.y1 - object.y0;
    const double cx = (object.x0 + object.x1) / 2, cy = (object.y0 + object.y1) / 2;
    object.x0 = cx - (w * c + h * s) / 2, object.x1 = cx + (w * c + h * s) / 2;
    object.y0 = cy - (w * s + h * c) / 2, object.y1 = cy + (w * s + h * c) / 2;
    findings_.repaired(
        "box_rotated", xml_.where(node), "a rotated box became the upright box around it");
  }

  /// A shape, or nothing: it is no object, or cannot be read.
  /// @param sound  set to false when it cannot be read
  std::optional<CvatFile::Shape> shape(pugi::xml_node node, bool& sound) {
    const std::string_view kind = node.name();
    CvatFile::Shape shape;
    shape.label = node.attribute("label").value();
    RawObject& object = shape.object;
    object.where = xml_.where(node);
    object.object.occluded = std::string_view(node.attribute("occluded").value()) == "1";
    if (kind == "box") {
      const auto x0 = number(node, "xtl"), y0 = number(node, "ytl");
      const auto x1 = number(node, "xbr"), y1 = number(node, "ybr");
      if (!x0 || !y0 || !x1 || !y1) {
        sound = false;
        return {};
      }
      object.x0 = *x0, object.y0 = *y0, object.x1 = *x1, object.y1 = *y1;
      rotate(node, object);
    } else if (kind == "polygon") {
      if (!points(node, object)) {
        sound = false;
        return {};
      }
    } else if (kind == "mask") {
      const auto x = number(node, "left"), y = number(node, "top");
      const auto w = number(node, "width"), h = number(node, "height");
      if (!x || !y || !w || !h) {
        sound = false;
        return {};
      }
      object.x0 = *x, object.y0 = *y, object.x1 = *x + *w, object.y1 = *y + *h;
      findings_.note("mask_as_box", object.where, "of a mask the box is kept");
    } else {
      if (kind == "polyline" || kind == "points" || kind == "cuboid" || kind == "ellipse" ||
          kind == "skeleton") {
        findings_.dropped(
            "shape_unusable", object.where, "a <" + std::string(kind) + "> is no box or polygon");
      }
      return {};
    }
    return shape;
  }

  void image(pugi::xml_node node) {
    CvatFile::Image image;
    image.name = node.attribute("name").value();
    image.id = parse_number<std::int64_t>(node.attribute("id").value()).value_or(-1);
    image.width = pixels(node, "width"), image.height = pixels(node, "height");
    image.where = xml_.where(node);
    for (const pugi::xml_node child : node.children()) {
      if (std::string_view(child.name()) == "tag") {
        image.tags.emplace_back(child.attribute("label").value(), xml_.where(child));
      } else if (auto read = shape(child, image.sound)) {
        image.shapes.push_back(std::move(*read));
      }
    }
    file_.images.push_back(std::move(image));
  }

  void track(pugi::xml_node node) {
    CvatFile::Track track;
    for (const pugi::xml_node child : node.children()) {
      bool sound = true;
      auto read = shape(child, sound);
      if (!read) continue;
      const auto frame = parse_number<std::int64_t>(child.attribute("frame").value());
      if (!frame || *frame < 0) {
        findings_.error(
            "number_malformed", xml_.where(child),
            std::string("frame is \"") + child.attribute("frame").value() +
                "\", not a frame number");
        continue;
      }
      read->label = node.attribute("label").value();
      read->frame = *frame;
      read->outside = std::string_view(child.attribute("outside").value()) == "1";
      track.last_frame = std::max(track.last_frame, *frame);
      if (std::string_view(child.attribute("keyframe").as_string("1")) != "1") continue;
      track.shapes.push_back(std::move(*read));
    }
    std::stable_sort(track.shapes.begin(), track.shapes.end(), [](const auto& a, const auto& b) {
      return a.frame < b.frame;
    });
    file_.tracks.push_back(std::move(track));
  }

  XmlFile xml_;
  Findings& findings_;
  CvatFile file_;
};

}  // namespace detail

/// Reads the text of a file.
/// @param name  for messages
/// @throws DataError naming file and line, when it is no XML or no CVAT file
inline CvatFile parse_cvat(std::string_view text, const std::string& name, Findings& findings) {
  return detail::CvatParser(text, name, findings).parse();
}

/// Where the object of a track is in a frame: at a keyframe, between two, or held after the last
/// until the last shape; nothing before the first, and while it is outside.
inline std::optional<CvatFile::Shape> cvat_at(const CvatFile::Track& track, std::int64_t frame) {
  const auto next = std::upper_bound(
      track.shapes.begin(), track.shapes.end(), frame,
      [](std::int64_t f, const CvatFile::Shape& shape) { return f < shape.frame; });
  if (next == track.shapes.begin()) return {};
  const CvatFile::Shape* before = &*(next - 1);
  const CvatFile::Shape* after = next == track.shapes.end() ? nullptr : &*next;
  if (before->outside || (after == nullptr && frame > track.last_frame)) return {};
  CvatFile::Shape shape = *before;
  if (after == nullptr || frame == before->frame || after->outside) return shape;
  const double t = double(frame - before->frame) / double(after->frame - before->frame);
  const auto mix = [t](auto& a, auto b) {
    a = static_cast<std::remove_reference_t<decltype(a)>>(a + t * (double{b} - double{a}));
  };
  const RawObject& to = after->object;
  mix(shape.object.x0, to.x0), mix(shape.object.y0, to.y0);
  mix(shape.object.x1, to.x1), mix(shape.object.y1, to.y1);
  if (!shape.object.object.polygon.empty() && !to.object.polygon.empty() &&
      shape.object.object.polygon[0].size() == to.object.polygon[0].size()) {
    Ring& ring = shape.object.object.polygon[0];
    for (std::size_t i = 0; i < ring.size(); ++i) mix(ring[i], to.object.polygon[0][i]);
    set_box_from_polygon(shape.object);
  } else if (!shape.object.object.polygon.empty()) {
    return *before;  // points that do not correspond: held
  }
  return shape;
}

namespace detail {

/// The number in the name of a video's frame: "frame_000012.png" -> 12.
inline std::optional<std::int64_t> frame_number(std::string_view key) {
  std::string_view stem = stem_of(key);
  if (stem.starts_with("frame_")) stem.remove_prefix(6);
  return parse_number<std::int64_t>(stem);
}

inline void add_cvat_shape(Reader& reader, RawPicture& raw, const CvatFile::Shape& shape) {
  RawObject object = shape.object;
  object.object.label = reader.label_id(shape.label, object.where);
  raw.objects.push_back(std::move(object));
}

inline void add_cvat_tracks(Reader& reader, const CvatFile& file, const std::string& key) {
  if (file.tracks.empty()) return;
  std::map<std::int64_t, std::string> frames;
  for (const std::string& picture : reader.index.keys()) {
    if (!picture.starts_with(folder_of(key))) continue;
    const auto number = frame_number(picture);
    if (number && *number >= 0 && *number < file.frames.value_or(*number + 1)) {
      frames.emplace(*number, picture);
    }
  }
  for (const CvatFile::Track& track : file.tracks) {
    for (const CvatFile::Shape& shape : track.shapes) {
      if (shape.outside || frames.contains(shape.frame)) continue;
      reader.findings.dropped(
          "picture_missing", shape.object.where,
          "frame " + std::to_string(shape.frame) + " does not exist as a picture (frame_NNNNNN)");
    }
  }
  for (const auto& [number, picture] : frames) {
    RawPicture raw{picture, file.width, file.height, key + ": frame " + std::to_string(number),
                   key,     {},         {}};
    for (const CvatFile::Track& track : file.tracks) {
      if (const auto shape = cvat_at(track, number)) add_cvat_shape(reader, raw, *shape);
    }
    reader.add(std::move(raw));
  }
}

}  // namespace detail

/// Reads a CVAT file and the pictures beside it. Pictures without shapes are negatives; classes:
/// those of the task, or, when it names none, those met, in the order of the file.
/// @param key  of the XML file
/// @throws DataError when the file is no CVAT file; with `strict`, at the first fault
inline Dataset read_cvat(
    const Source& source, const std::string& key, const ReadOptions& options = {}) {
  Reader reader(source, options, "cvat");
  const CvatFile file = parse_cvat(as_text(source.read(key)), key, reader.findings);
  if (!reader.labels_given()) {
    reader.set_labels(file.labels, key);
    if (file.labels.empty()) {
      for (const auto& image : file.images) {
        for (const auto& shape : image.shapes) reader.add_label(shape.label, shape.object.where);
        for (const auto& [label, where] : image.tags) reader.add_label(label, where);
      }
      for (const auto& track : file.tracks) {
        for (const auto& shape : track.shapes) reader.add_label(shape.label, shape.object.where);
      }
    }
  }
  const std::string folder(folder_of(key));
  for (const CvatFile::Image& image : file.images) {
    const auto picture = reader.find_picture(
        reader.index.by_name(image.name, {folder + "images/", folder}), image.name, image.where);
    if (!picture) continue;
    RawPicture raw{*picture, image.width, image.height, image.where, key, {}, {}};
    for (const auto& shape : image.shapes) detail::add_cvat_shape(reader, raw, shape);
    for (const auto& [label, where] : image.tags) {
      if (const int id = reader.label_id(label, where); id != 0) raw.tags.push_back(id);
    }
    if (!image.sound && raw.objects.empty() && raw.tags.empty()) {
      reader.add_unlabelled(*picture);
    } else {
      reader.add(std::move(raw));
    }
  }
  detail::add_cvat_tracks(reader, file, key);
  reader.add_unlabelled_neighbours();
  return reader.finish(false);
}

}  // namespace ocelli::data
