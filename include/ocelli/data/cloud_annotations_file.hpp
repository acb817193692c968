// The text of an `_annotations.json`, as Cloud Annotations writes it at the root of a bucket.
//
// Version 1.0:  {"version": "1.0", "type": "localization", "labels": ["cat", ...],
//                "annotations": {"a.jpg": [{"label": "cat", "x": 0.25, "y": 0.5, "x2": 0.75, "y2":
//                1}]}}
//   Corners are relative to the picture as displayed. An entry without corners labels the picture
//   as a whole. A picture that is not a key of "annotations" is unlabelled; an empty list, which
//   the tool itself never writes, makes it a negative.
// Version v2:   "labels", "images" and "annotations" are objects keyed by id; an image lists the
// ids of
//   its annotations, an annotation holds a label's id and two targets, the corners.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/data/findings.hpp"
#include "ocelli/data/json_reader.hpp"

namespace ocelli::data {

/// The file as it is written, both versions in one form.
struct CloudAnnotationsFile {
  struct Entry {
    std::string label;
    std::optional<std::array<double, 4>> box;  ///< x, y, x2, y2, relative; none: the whole picture
    std::size_t line = 0;
  };
  struct Image {
    std::string key;
    std::vector<Entry> entries;
    std::size_t line = 0;
  };
  std::string version, type;
  std::size_t type_line = 0;
  std::vector<std::string> labels;
  std::vector<Image> images;  ///< in the order of the file, which splits depend on
};

/// The version, which decides how the rest is read, and may stand behind it; "" when there is none.
/// @throws DataError naming file and line, when the text is no JSON object
inline std::string cloud_annotations_version(std::string_view text, const std::string& name) {
  JsonReader json(text, name);
  std::string version;
  if (json.peek() != JsonReader::Kind::object) json.fail("expected an object");
  json.object([&](std::string_view key) {
    if (key != "version") return json.skip();
    if (json.peek() != JsonReader::Kind::string) {
      throw DataError("the version is not a string", json.where(), "1.0 and v2 are read");
    }
    version = json.string();
  });
  return version;
}

namespace detail {

class CloudAnnotationsParser {
 public:
  CloudAnnotationsParser(std::string_view text, const std::string& name, Findings& findings)
      : text_(text), json_(text, name), findings_(findings) {}

  CloudAnnotationsFile parse() {
    bool has_annotations = false;
    file_.version = cloud_annotations_version(text_, json_.name());
    const bool v2 = !file_.version.empty() && file_.version != "1.0";
    if (v2 && file_.version != "v2" && file_.version != "2.0") {
      throw DataError(
          "the version \"" + file_.version + "\" is not known", json_.name(),
          "1.0 and v2 are read");
    }
    json_.object([&](std::string_view key) {
      if (key == "type" && json_.peek() == Kind::string) {
        file_.type_line = json_.line();
        file_.type = json_.string();
      } else if (key == "labels") {
        v2 ? labels_v2() : labels();
      } else if (key == "images" && v2) {
        images_v2();
      } else if (key == "annotations") {
        has_annotations = true;
        v2 ? annotations_v2() : annotations();
      } else {
        json_.skip();
      }
    });
    json_.end();
    if (!has_annotations) {
      throw DataError(
          "there is no \"annotations\"", json_.name(), "this is no Cloud Annotations file");
    }
    if (v2) join_v2();
    return std::move(file_);
  }

 private:
  using Kind = JsonReader::Kind;
  using Entry = CloudAnnotationsFile::Entry;

  std::string at(std::size_t line) const { return json_.name() + ":" + std::to_string(line); }

  void expect(Kind kind, const char* what) {
    if (json_.peek() != kind) {
      throw DataError(std::string(what), json_.where(), "correct the file or write it again");
    }
  }

  void labels() {
    expect(Kind::array, "\"labels\" is not a list");
    json_.array([&](std::size_t) {
      expect(Kind::string, "a label is not a string");
      file_.labels.push_back(json_.string());
    });
  }

  void annotations() {
    expect(Kind::object, "\"annotations\" is not an object");
    json_.object([&](std::string_view key) {
      CloudAnnotationsFile::Image image{std::string(key), {}, 0};
      image.line = json_.line();
      if (json_.peek() != Kind::array) {
        findings_.error(
            "entry_malformed", json_.where(),
            "the entries of \"" + image.key + "\" are not a list");
        json_.skip();
        return;
      }
      bool sound = true;
      json_.array([&](std::size_t i) { sound = entry(image, i) && sound; });
      if (!sound && image.entries.empty()) return;  // nothing is known of it: no negative
      file_.images.push_back(std::move(image));
    });
  }

  /// @return false: the entry cannot be used
  bool entry(CloudAnnotationsFile::Image& image, std::size_t index) {
    const std::string which = "entry " + std::to_string(index) + " of \"" + image.key + "\"";
    if (json_.peek() != Kind::object) {
      findings_.error("entry_malformed", json_.where(), which + " is not an object");
      json_.skip();
      return false;
    }
    Entry entry;
    entry.line = json_.line();
    std::optional<std::string> label;
    std::array<double, 4> box{};
    int corners = 0;
    bool numbers = true;
    json_.object([&](std::string_view key) {
      const int corner = key == "x" ? 0 : key == "y" ? 1 : key == "x2" ? 2 : key == "y2" ? 3 : -1;
      if (key == "label" && json_.peek() == Kind::string) {
        label = json_.string();
      } else if (corner >= 0) {
        corners |= 1 << corner;
        if (json_.peek() == Kind::number) {
          box[static_cast<std::size_t>(corner)] = json_.number();
        } else {
          numbers = false;
          json_.skip();
        }
      } else {
        json_.skip();
      }
    });
    if (!label || label->empty()) {
      findings_.error("label_missing", at(entry.line), which + " has no label");
      return false;
    }
    if (!numbers || (corners != 0 && corners != 15)) {
      findings_.error(
          "number_malformed", at(entry.line),
          which + " (\"" + *label + "\") needs four numbers x, y, x2, y2, or none");
      return false;
    }
    entry.label = std::move(*label);
    if (corners == 15) entry.box = box;
    image.entries.push_back(std::move(entry));
    return true;
  }

  // Version v2
  // -------------------------------------------------------------------------------------

  struct AnnotationV2 {
    std::string label;
    std::vector<std::pair<double, double>> targets;
    std::size_t line = 0;
  };
  struct ImageV2 {
    std::string id;
    std::vector<std::string> annotations;
    std::size_t line = 0;
  };

  void labels_v2() {
    expect(Kind::object, "\"labels\" is not an object");
    json_.object([&](std::string_view id) {
      std::string name(id);
      if (json_.peek() == Kind::object) {
        json_.object([&](std::string_view key) {
          if (key == "name" && json_.peek() == Kind::string)
            name = json_.string();
          else
            json_.skip();
        });
      } else if (json_.peek() == Kind::string) {
        name = json_.string();
      } else {
        json_.skip();
      }
      file_.labels.push_back(name);
      label_names_[std::string(id)] = name;
    });
  }

  void images_v2() {
    expect(Kind::object, "\"images\" is not an object");
    json_.object([&](std::string_view id) {
      ImageV2 image{std::string(id), {}, json_.line()};
      expect(Kind::object, "an image is not an object");
      json_.object([&](std::string_view key) {
        if (key != "annotations" || json_.peek() != Kind::array) return json_.skip();
        json_.array([&](std::size_t) {
          if (json_.peek() == Kind::string)
            image.annotations.push_back(json_.string());
          else
            json_.skip();
        });
      });
      images_.push_back(std::move(image));
    });
  }

  void annotations_v2() {
    expect(Kind::object, "\"annotations\" is not an object");
    json_.object([&](std::string_view id) {
      AnnotationV2 annotation;
      annotation.line = json_.line();
      expect(Kind::object, "an annotation is not an object");
      json_.object([&](std::string_view key) {
        if (key == "label" && json_.peek() == Kind::string) {
          annotation.label = json_.string();
        } else if (key == "targets" && json_.peek() == Kind::array) {
          json_.array([&](std::size_t) { annotation.targets.push_back(target()); });
        } else {
          json_.skip();
        }
      });
      annotations_[std::string(id)] = std::move(annotation);
    });
  }

  std::pair<double, double> target() {
    expect(Kind::object, "a target is not an object");
    double x = std::nan(""), y = std::nan("");
    json_.object([&](std::string_view key) {
      if ((key == "x" || key == "y") && json_.peek() == Kind::number) {
        (key == "x" ? x : y) = json_.number();
      } else {
        json_.skip();
      }
    });
    return {x, y};
  }

  void join_v2() {
    for (ImageV2& image : images_) {
      if (image.annotations.empty()) continue;  // unlabelled: v2 lists every picture
      CloudAnnotationsFile::Image joined{image.id, {}, image.line};
      for (const std::string& id : image.annotations) {
        const auto found = annotations_.find(id);
        if (found == annotations_.end()) {
          findings_.error(
              "annotation_unknown", at(image.line),
              "\"" + image.id + "\" lists the annotation \"" + id + "\", which does not exist");
          continue;
        }
        const AnnotationV2& a = found->second;
        const auto name = label_names_.find(a.label);
        Entry entry{name == label_names_.end() ? a.label : name->second, {}, a.line};
        if (a.targets.size() == 2) {
          entry.box = {
              a.targets[0].first, a.targets[0].second, a.targets[1].first, a.targets[1].second};
        } else if (!a.targets.empty()) {
          findings_.error(
              "number_malformed", at(a.line),
              "the annotation \"" + id + "\" of \"" + image.id + "\" needs two targets");
          continue;
        }
        joined.entries.push_back(std::move(entry));
      }
      if (!joined.entries.empty()) file_.images.push_back(std::move(joined));
    }
  }

  std::string_view text_;
  JsonReader json_;
  Findings& findings_;
  CloudAnnotationsFile file_;
  std::unordered_map<std::string, std::string> label_names_;
  std::vector<ImageV2> images_;
  std::unordered_map<std::string, AnnotationV2> annotations_;
};

}  // namespace detail

/// Reads the text of an `_annotations.json`.
/// @param name  for messages
/// @throws DataError naming file and line, when it is no JSON or of an unknown version
inline CloudAnnotationsFile parse_cloud_annotations(
    std::string_view text, const std::string& name, Findings& findings) {
  return detail::CloudAnnotationsParser(text, name, findings).parse();
}

}  // namespace ocelli::data
