// YOLO (darknet) labels: one text file a picture, beside it or in "labels/" for those in "images/".
//
//   a.txt       "0 0.5 0.416667 0.5 0.5": class from 0, centre and size relative, one object a
//   line.
//               More numbers are the points of a polygon. Empty: a negative. Missing: unlabelled.
//   obj.names   one label a line (also NAME.names, classes.txt)
//   obj.data    "train = data/train.txt", "valid = ...", "names = data/obj.names"
//   train.txt   paths of pictures, one a line; blanks belong to the names
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/data/reader.hpp"
#include "ocelli/data/source.hpp"
#include "ocelli/data/text.hpp"

namespace ocelli::data {

/// One line of a label file.
struct YoloObject {
  int label = 0;                                 ///< from 0, as written
  double cx = 0, cy = 0, width = 0, height = 0;  ///< relative; unless there is a polygon
  Ring polygon;                                  ///< relative
  std::size_t line = 0;
};

/// Reads the text of a label file. Lines that are none are reported and left out.
/// @param sound  false when a line was left out
inline std::vector<YoloObject> parse_yolo(
    std::string_view text, const std::string& name, Findings& findings, bool& sound) {
  sound = true;
  std::vector<YoloObject> objects;
  std::size_t number = 0;
  for (const std::string_view line : split_lines(text)) {
    ++number;
    const std::string where = name + ":" + std::to_string(number);
    const auto fault = [&](const char* reason, const std::string& what) {
      sound = false;
      findings.error(reason, where, what);
    };
    std::vector<double> values;
    YoloObject object;
    object.line = number;
    bool first = true, good = true;
    for (std::string_view rest = trimmed(line); good && !rest.empty(); first = false) {
      const std::size_t end = std::min(rest.find_first_of(" \t"), rest.size());
      const std::string_view word = rest.substr(0, end);
      rest = trimmed(rest.substr(end));
      const auto value = parse_number(word);
      const bool whole = value && *value >= 0 && *value < 1e6 && *value == std::floor(*value);
      if (!value) {
        fault(
            "number_malformed",
            "\"" + std::string(word) + "\" is not a number (decimals are written with a point)");
        good = false;
      } else if (first && !whole) {
        fault("class_malformed", "\"" + std::string(word) + "\" is not a class number");
        good = false;
      } else if (first) {
        object.label = static_cast<int>(*value);
      } else {
        values.push_back(*value);
      }
    }
    if (!good || first) continue;
    if (values.size() == 5) {
      fault(
          "line_malformed",
          "six numbers: a score? These are detections, not labels; cut the last one off");
      continue;
    }
    if (values.size() != 4 && (values.size() < 6 || values.size() % 2 != 0)) {
      fault(
          "line_malformed", std::to_string(values.size() + 1) +
                                " numbers: a box has 5, a polygon 1 and two for each of 3 or more "
                                "points");
      continue;
    }
    if (std::any_of(values.begin(), values.end(), [](double v) { return std::abs(v) > 2; })) {
      fault("not_relative", "a number above 2: coordinates are relative to the picture, 0 to 1");
      continue;
    }
    if (values.size() == 4) {
      object.cx = values[0], object.cy = values[1];
      object.width = values[2], object.height = values[3];
    } else {
      for (const double value : values) object.polygon.push_back(static_cast<float>(value));
    }
    objects.push_back(std::move(object));
  }
  return objects;
}

/// "key = value" lines of an obj.data.
inline std::map<std::string, std::string> parse_yolo_data(std::string_view text) {
  std::map<std::string, std::string> values;
  for (const std::string_view line : split_lines(text)) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos || trimmed(line).starts_with('#')) continue;
    values[std::string(trimmed(line.substr(0, equals)))] = trimmed(line.substr(equals + 1));
  }
  return values;
}

namespace detail {

class YoloReader {
 public:
  YoloReader(const Source& source, const ReadOptions& options) : reader_(source, options, "yolo") {
    for (std::string& key : source.keys()) {
      if (key.ends_with(".txt")) texts_.insert(key);
      if (key.ends_with(".names") || file_name_of(key) == "classes.txt") names_.push_back(key);
      if (key.ends_with(".data")) data_.push_back(key);
    }
  }

  Dataset read() {
    read_classes();
    std::vector<std::string> pictures = reader_.index.keys();
    if (!reader_.options().split.empty()) pictures = listed();
    std::vector<ReadAhead> ahead;
    for (const std::string& picture : pictures)
      if (std::string labels = label_file(picture); !labels.empty()) ahead.push_back({labels});
    reader_.source().prefetch(ahead);
    for (const std::string& picture : pictures) {
      const std::string labels = label_file(picture);
      if (labels.empty()) {
        reader_.add_unlabelled(picture);
      } else {
        add(picture, labels);
      }
    }
    if (reader_.options().split.empty()) report_orphans();
    return reader_.finish();
  }

 private:
  std::string text(const std::string& key) const {
    return std::string(as_text(reader_.source().read(key)));
  }

  /// The file that another one names, perhaps with folders of another machine in front.
  std::string resolve(std::string_view written, const std::string& from) const {
    for (std::string_view rest = written;;) {
      for (const std::string& candidate :
           {std::string(rest), std::string(folder_of(from)) + std::string(rest)}) {
        if (reader_.source().exists(candidate)) return candidate;
      }
      const std::size_t slash = rest.find('/');
      if (slash == std::string_view::npos) return {};
      rest.remove_prefix(slash + 1);
    }
  }

  void read_classes() {
    std::string key = names_.empty() ? "" : names_[0];
    if (names_.size() > 1 || names_.empty()) {
      for (const std::string& data : data_) {
        const auto values = parse_yolo_data(text(data));
        if (const auto found = values.find("names"); found != values.end()) {
          if (const std::string named = resolve(found->second, data); !named.empty()) key = named;
        }
      }
    }
    if (key.empty()) {
      if (!reader_.labels_given()) {
        throw DataError(
            "there is no list of classes (obj.names or classes.txt)", reader_.source().name(),
            "add one, a label a line, or name the labels");
      }
      classes_ = reader_.options().labels;
      return;
    }
    std::set<std::string> seen;
    const std::string content = text(key);
    for (const std::string_view line : split_lines(content)) {
      const std::string where = key + ":" + std::to_string(classes_.size() + 1);
      classes_.emplace_back(line);
      if (trimmed(line).empty()) {
        reader_.findings.note("label_empty", where, "an empty line counts as a class");
      } else if (!seen.insert(classes_.back()).second) {
        reader_.findings.note(
            "label_twice", where,
            "the label \"" + classes_.back() + "\" stands here a second time: one class");
      }
    }
    while (!classes_.empty() && trimmed(classes_.back()).empty()) classes_.pop_back();
    classes_key_ = key;
    if (!reader_.labels_given()) reader_.set_labels(classes_, key);
  }

  std::vector<std::string> listed() {
    const std::string& split = reader_.options().split;
    std::string key;
    for (const std::string& data : data_) {
      const auto values = parse_yolo_data(text(data));
      for (const std::string& name : {split, std::string(split == "val" ? "valid" : split)}) {
        const auto found = values.find(name);
        if (found != values.end() && key.empty()) key = resolve(found->second, data);
      }
    }
    for (const std::string& candidate : texts_) {
      if (key.empty() && file_name_of(candidate) == split + ".txt" && label_of(candidate).empty()) {
        key = candidate;
      }
    }
    if (key.empty()) return in_folder(split);
    std::vector<std::string> pictures;
    std::size_t number = 0;
    const std::string list = text(key);
    for (const std::string_view line : split_lines(list)) {
      ++number;
      if (trimmed(line).empty()) continue;
      const std::string where = key + ":" + std::to_string(number);
      const std::string folder(folder_of(key));
      std::string_view path = trimmed(line);
      PictureIndex::Match match = reader_.index.by_name(path, {folder, ""});
      if (match.key.empty() && path.starts_with("data/")) {
        match = reader_.index.by_name(path.substr(5), {folder, ""});
      }
      if (const auto picture = reader_.find_picture(match, path, where)) {
        pictures.push_back(*picture);
      }
    }
    return pictures;
  }

  /// Without a list, a subset is a folder: "train/images/", "images/train/".
  std::vector<std::string> in_folder(const std::string& split) const {
    std::vector<std::string> pictures;
    for (const std::string& key : reader_.index.keys()) {
      if (("/" + key).find("/" + split + "/") != std::string::npos) pictures.push_back(key);
    }
    if (pictures.empty()) {
      throw DataError(
          "there is no subset \"" + split + "\": no " + split +
              ".txt, no line of obj.data and no folder of that name",
          reader_.source().name(), "name an existing subset, or none for all pictures");
    }
    return pictures;
  }

  static std::string without_extension(const std::string& key) {
    return key.substr(0, key.size() - extension_of(key).size());
  }
  static std::string swap_folder(std::string path, std::string_view from, std::string_view to) {
    const std::size_t at = ("/" + path).rfind("/" + std::string(from) + "/");
    if (at == std::string::npos) return {};
    return path.replace(at, from.size(), to);
  }
  /// The label file of a picture; empty: there is none.
  std::string label_file(const std::string& picture) const {
    const std::string stem = without_extension(picture);
    if (texts_.contains(stem + ".txt")) return stem + ".txt";
    const std::string other = swap_folder(stem, "images", "labels");
    return !other.empty() && texts_.contains(other + ".txt") ? other + ".txt" : "";
  }
  /// The picture of a label file; empty: there is none.
  std::string label_of(const std::string& label) const {
    const std::string stem = without_extension(label),
                      other = swap_folder(stem, "labels", "images");
    for (const std::string& path : {stem, other}) {
      if (path.empty()) continue;
      const auto match = reader_.index.by_stem(path, {""});
      for (const std::string& key :
           match.several.empty() ? std::vector{match.key} : match.several) {
        if (!key.empty() && without_extension(key) == path) return key;
      }
    }
    return {};
  }

  void add(const std::string& picture, const std::string& labels) {
    const auto [used, fresh] = used_.emplace(labels, picture);
    if (!fresh && used->second != picture) {
      reader_.findings.error(
          "picture_ambiguous", labels,
          "the labels may be of \"" + used->second + "\" or of \"" + picture + "\"");
      return;
    }
    bool sound = true;
    const std::string content = text(labels);
    RawPicture raw{picture, 0, 0, labels, labels, {}, {}};
    for (YoloObject& line : parse_yolo(content, labels, reader_.findings, sound)) {
      RawObject object;
      object.relative = true;
      object.where = labels + ":" + std::to_string(line.line);
      const auto place = static_cast<std::size_t>(line.label);
      if (place >= classes_.size()) {
        reader_.findings.error(
            "class_unknown", object.where,
            "the class " + std::to_string(line.label) + " is not in the list of " +
                std::to_string(classes_.size()) + " (counted from 0)");
        sound = false;
        continue;
      }
      object.object.label = reader_.label_id(classes_[place], object.where);
      if (line.polygon.empty()) {
        object.x0 = line.cx - line.width / 2, object.x1 = line.cx + line.width / 2;
        object.y0 = line.cy - line.height / 2, object.y1 = line.cy + line.height / 2;
      } else {
        object.object.polygon.push_back(std::move(line.polygon));
        set_box_from_polygon(object);
      }
      raw.objects.push_back(std::move(object));
    }
    if (!sound && raw.objects.empty()) {
      reader_.add_unlabelled(picture);
    } else {
      reader_.add(std::move(raw));
    }
  }

  /// Label files of pictures that are gone; only in folders that hold label files in use.
  void report_orphans() {
    std::unordered_set<std::string> folders;
    for (const auto& [labels, picture] : used_) folders.emplace(folder_of(labels));
    for (const std::string& key : texts_) {
      if (used_.contains(key) || !folders.contains(std::string(folder_of(key)))) continue;
      if (key == classes_key_ || !looks_like_labels(key)) continue;
      reader_.findings.dropped("picture_missing", key, "there is no picture for this label file");
    }
  }
  bool looks_like_labels(const std::string& key) const {
    std::vector<Finding> unheard;
    Findings aside(unheard, false);
    bool sound = false;
    const std::string content = text(key);
    return !parse_yolo(content, key, aside, sound).empty() && sound;
  }

  Reader reader_;
  std::set<std::string> texts_;
  std::vector<std::string> names_, data_, classes_;
  std::string classes_key_;
  std::map<std::string, std::string> used_;  // label file -> its picture
};

}  // namespace detail

/// Reads a folder in YOLO layout. With `options.split`: the list of that name in obj.data, or
/// SPLIT.txt, or the pictures in a folder SPLIT.
/// @throws DataError when there are no classes or no such subset; with `strict`, at the first fault
inline Dataset read_yolo(const Source& source, const ReadOptions& options = {}) {
  return detail::YoloReader(source, options).read();
}

}  // namespace ocelli::data
