// Pascal VOC labels: one XML file a picture, subsets as lists of names.
//
//   Annotations/NAME.xml    JPEGImages/NAME.jpg    ImageSets/Main/SET.txt    labelmap.txt
//   (optional)
//
// <part> elements have boxes of their own and are not objects. The two dialects of the box are told
// apart by an option, since files do not say which one they are in.
// Everingham et al., "The Pascal Visual Object Classes Challenge: development kit", 2012.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/data/reader.hpp"
#include "ocelli/data/source.hpp"
#include "ocelli/data/text.hpp"
#include "ocelli/data/xml.hpp"

namespace ocelli::data {

/// One file, its boxes converted to pixel edges; labels still by name.
struct VocFile {
  struct Item {
    std::string label;
    RawObject object;
  };
  std::string filename;       ///< as written; may be wrong or missing
  int width = 0, height = 0;  ///< as stated; 0 when missing
  std::string where;          ///< of the root element
  std::vector<Item> items;
  std::size_t boxes = 0, fractional = 0, at_zero = 0;  ///< for telling the dialects apart
};

namespace detail {

inline bool voc_flag(pugi::xml_node object, const char* name) {
  const std::string_view text = trimmed(object.child_value(name));
  return text == "1" || text == "true" || text == "True";
}

/// The corners as written, or nothing, and a finding says why.
inline std::optional<std::array<double, 4>> voc_corners(
    const XmlFile& file, pugi::xml_node object, const std::string& label, Findings& findings) {
  const pugi::xml_node box = object.child("bndbox");
  if (!box) {
    findings.dropped(
        "box_missing", file.where(object), "the object \"" + label + "\" has no bndbox");
    return {};
  }
  constexpr const char* names[] = {"xmin", "ymin", "xmax", "ymax"};
  std::array<double, 4> corners{};
  for (std::size_t i = 0; i < 4; ++i) {
    const pugi::xml_node node = box.child(names[i]);
    const auto number = parse_number(node.child_value());
    if (!number) {
      findings.error(
          "number_malformed", file.where(node ? node : box),
          std::string(names[i]) + " of \"" + label + "\" is \"" + node.child_value() +
              "\", not a number (decimals are written with a point)");
      return {};
    }
    corners[i] = *number;
  }
  return corners;
}

}  // namespace detail

/// Reads the text of one file.
/// @param name  for messages
/// @throws DataError naming file and line, when the text is no XML or no VOC annotation
inline VocFile parse_voc(
    std::string_view text, const std::string& name, VocBoxes dialect, Findings& findings) {
  const XmlFile file(text, name);
  const pugi::xml_node root = file.root();
  if (std::string_view(root.name()) != "annotation") {
    throw DataError(
        std::string("the root element is <") + root.name() + ">, not <annotation>",
        file.where(root), "this is no Pascal VOC file");
  }
  VocFile voc;
  voc.where = file.where(root);
  voc.filename = trimmed(root.child_value("filename"));
  const pugi::xml_node size = root.child("size");
  voc.width = parse_number<int>(size.child_value("width")).value_or(0);
  voc.height = parse_number<int>(size.child_value("height")).value_or(0);
  for (const pugi::xml_node node : root.children("object")) {
    const pugi::xml_node label_node = node.child("name");
    VocFile::Item item{label_node.child_value(), {}};
    if (trimmed(item.label).empty()) {
      findings.dropped("label_missing", file.where(node), "an object has no name");
      continue;
    }
    const auto corners = detail::voc_corners(file, node, item.label, findings);
    if (!corners) continue;
    auto [xmin, ymin, xmax, ymax] = *corners;
    item.object.where = file.where(node.child("bndbox"));
    ++voc.boxes;
    if (xmin == 0 || ymin == 0) ++voc.at_zero;
    for (const double v : *corners) {
      if (v != std::floor(v)) {
        ++voc.fractional;
        break;
      }
    }
    if (dialect == VocBoxes::devkit && xmax != xmin && ymax != ymin) {
      // The smaller corner is the one that moves; equal ones are left, a box without area.
      (xmax < xmin ? xmax : xmin) -= 1;
      (ymax < ymin ? ymax : ymin) -= 1;
    }
    item.object.x0 = xmin, item.object.y0 = ymin, item.object.x1 = xmax, item.object.y1 = ymax;
    item.object.object.difficult = detail::voc_flag(node, "difficult");
    item.object.object.truncated = detail::voc_flag(node, "truncated");
    item.object.object.occluded = detail::voc_flag(node, "occluded");
    voc.items.push_back(std::move(item));
  }
  return voc;
}

/// Names in a list of a subset: one a line, blanks inside kept. The devkit's lists of one class
/// ("cat_train.txt") have -1, 0 or 1 behind each name, which is cut off.
inline std::vector<std::string> parse_image_set(std::string_view text) {
  std::vector<std::string> names;
  for (const std::string_view line : split_lines(text)) {
    std::string_view name = trimmed(line);
    const std::size_t blank = name.find_last_of(" \t");
    if (blank != std::string_view::npos) {
      const std::string_view last = name.substr(blank + 1);
      if (last == "1" || last == "-1" || last == "0") name = trimmed(name.substr(0, blank));
    }
    if (!name.empty()) names.emplace_back(name);
  }
  return names;
}

/// Labels of a labelmap.txt ("label:r,g,b:parts:actions"), without "background".
inline std::vector<std::string> parse_labelmap(std::string_view text) {
  std::vector<std::string> labels;
  for (const std::string_view line : split_lines(text)) {
    const std::string_view label = line.substr(0, std::min(line.find(':'), line.size()));
    if (label.empty() || label.starts_with('#') || label == "background") continue;
    labels.emplace_back(label);
  }
  return labels;
}

namespace detail {

class VocReader {
 public:
  VocReader(const Source& source, const ReadOptions& options) : reader_(source, options, "voc") {
    for (const std::string& key : source.keys()) {
      const std::string_view view = key;
      if (view.ends_with(".xml") || view.ends_with(".XML")) files_.push_back(key);
      if (file_name_of(key) == "labelmap.txt") labelmaps_.push_back(key);
      if (!options.split.empty() && folder_of(key).ends_with("ImageSets/Main/") &&
          file_name_of(key) == options.split + ".txt") {
        lists_.push_back(key);
      }
    }
    const bool folder = std::any_of(files_.begin(), files_.end(), in_annotations);
    if (folder) std::erase_if(files_, [](const std::string& key) { return !in_annotations(key); });
  }

  Dataset read() {
    read_lists();
    // All files are read, also those outside the subset: classes must not depend on the subset.
    std::vector<std::pair<std::string, VocFile>> parsed;
    std::set<std::string> names;
    reader_.source().prefetch({files_.begin(), files_.end()});
    for (const std::string& key : files_) {
      std::vector<Finding> unheard;
      Findings aside(unheard, false);
      const bool heard = wanted(key);
      if (!heard && reader_.labels_given()) continue;
      try {
        VocFile file = parse_voc(
            as_text(bytes_ = reader_.source().read(key)), key, reader_.options().voc,
            heard ? reader_.findings : aside);
        for (const VocFile::Item& item : file.items) names.insert(item.label);
        if (heard) parsed.emplace_back(key, std::move(file));
      } catch (const DataError& error) {
        if (!heard) continue;
        reader_.findings.error("file_unreadable", key, error.what());
      }
    }
    number_labels(names);
    hint_dialect(parsed);
    for (auto& [key, file] : parsed) add(key, std::move(file));
    if (lists_.empty()) {
      reader_.add_unlabelled_neighbours();
    } else {
      add_rest_of_lists();
    }
    return reader_.finish();
  }

 private:
  static bool in_annotations(const std::string& key) {
    return key.starts_with("Annotations/") || key.find("/Annotations/") != std::string::npos;
  }
  /// "VOC2007/Annotations/sub/a.xml" -> base "VOC2007/", path "sub/a".
  static std::pair<std::string, std::string> parts(const std::string& key) {
    std::string base(folder_of(key)), path(stem_of(key));
    if (in_annotations(key)) {
      const std::size_t at = ("/" + key).rfind("/Annotations/");
      path = base.substr(at + 12) + path;
      base = base.substr(0, at);
    }
    return {base, path};
  }
  static std::vector<std::string> picture_folders(const std::string& base) {
    return {base + "JPEGImages/", base + "images/", base};
  }

  void read_lists() {
    if (reader_.options().split.empty()) return;
    if (lists_.empty()) {
      throw DataError(
          "there is no ImageSets/Main/" + reader_.options().split + ".txt", reader_.source().name(),
          "name an existing subset, or none for all pictures");
    }
    for (const std::string& key : lists_) {
      const std::string base(folder_of(key).substr(0, folder_of(key).size() - 15));
      std::size_t line = 0;
      for (const std::string& name : parse_image_set(as_text(reader_.source().read(key)))) {
        if (!listed_[base].emplace(name, ++line).second) {
          reader_.findings.note("listed_twice", key, "\"" + name + "\" is listed twice");
        }
      }
    }
  }
  bool wanted(const std::string& key) const {
    if (lists_.empty()) return true;
    const auto [base, path] = parts(key);
    const auto list = listed_.find(base);
    return list != listed_.end() && list->second.contains(path);
  }

  void number_labels(const std::set<std::string>& names) {
    if (reader_.labels_given()) return;
    for (const std::string& key : labelmaps_) {
      reader_.set_labels(parse_labelmap(as_text(reader_.source().read(key))), key);
    }
    for (const std::string& name : names) reader_.add_label(name, reader_.source().name());
  }

  void add(const std::string& key, VocFile file) {
    const auto [base, path] = parts(key);
    const std::vector<std::string> folders = picture_folders(base);
    const std::string_view sub = folder_of(path);
    PictureIndex::Match match;
    if (!file.filename.empty()) {
      match = reader_.index.by_name(std::string(sub) + file.filename, folders, base);
    }
    if (match.key.empty()) {
      const auto by_stem = reader_.index.by_stem(path, folders, base);
      if (!by_stem.key.empty() || match.several.empty()) match = by_stem;
      if (!match.key.empty() && !file.filename.empty() &&
          stem_of(file.filename) != stem_of(match.key) && file.filename != stem_of(match.key)) {
        reader_.findings.note(
            "filename_differs", file.where,
            "<filename> is \"" + file.filename + "\", which does not exist; \"" + match.key +
                "\" was taken");
      }
    }
    const auto picture = reader_.find_picture(
        match, file.filename.empty() ? std::string_view(path) : file.filename, file.where);
    if (!lists_.empty()) seen_.insert(base + path);
    if (!picture) return;
    RawPicture raw{*picture, file.width, file.height, file.where, key, {}, {}};
    if (file.width <= 0 || file.height <= 0) {
      reader_.findings.note(
          "size_missing", file.where, "no size is stated; the picture's is taken");
    }
    for (VocFile::Item& item : file.items) {
      item.object.object.label = reader_.label_id(item.label, item.object.where);
      raw.objects.push_back(std::move(item.object));
    }
    reader_.add(std::move(raw));
  }

  /// What is listed but has no labels is unlabelled, or missing.
  void add_rest_of_lists() {
    for (const auto& [base, names] : listed_) {
      for (const auto& [name, line] : names) {
        if (seen_.contains(base + name)) continue;
        const std::string where =
            base + "ImageSets/Main/" + reader_.options().split + ".txt:" + std::to_string(line);
        const auto match = reader_.index.by_stem(name, picture_folders(base), base);
        if (const auto picture = reader_.find_picture(match, name, where)) {
          reader_.add_unlabelled(*picture);
        }
      }
    }
  }

  void hint_dialect(const std::vector<std::pair<std::string, VocFile>>& parsed) {
    if (reader_.options().voc != VocBoxes::devkit) return;
    std::size_t boxes = 0, fractional = 0, at_zero = 0;
    std::string where;
    for (const auto& [key, file] : parsed) {
      boxes += file.boxes, fractional += file.fractional, at_zero += file.at_zero;
      if (where.empty() && file.fractional + file.at_zero > 0) where = file.where;
    }
    if (at_zero == 0 && 2 * fractional <= boxes) return;
    reader_.findings.note(
        "voc_looks_like_edges", where,
        std::to_string(at_zero) + " of " + std::to_string(boxes) + " boxes begin at 0 and " +
            std::to_string(fractional) +
            " are fractional: the coordinates look like pixel edges (CVAT, LabelImg); read them "
            "with the option voc = edges, or they are one pixel off");
  }

  Reader reader_;
  std::vector<std::string> files_, labelmaps_, lists_;
  std::map<std::string, std::map<std::string, std::size_t>> listed_;  // base -> name -> line
  std::set<std::string> seen_;
  std::vector<std::byte> bytes_;  // of the file being read
};

}  // namespace detail

/// Reads a folder in VOC layout. Pictures without an XML file are unlabelled, XML files without
/// objects are negatives. Classes: `options.labels`, else labelmap.txt, then the other names by
/// bytes.
/// @throws DataError when the subset has no list; with `strict`, at the first fault
inline Dataset read_voc(const Source& source, const ReadOptions& options = {}) {
  return detail::VocReader(source, options).read();
}

}  // namespace ocelli::data
