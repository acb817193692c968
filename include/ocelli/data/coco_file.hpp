// The text of a COCO instances file, as it is written.
//
//   {"images": [{"id", "file_name", "width", "height"}], "categories": [{"id", "name"}],
//    "annotations": [{"id", "image_id", "category_id", "bbox": [x, y, w, h], "iscrowd",
//                     "segmentation": [[x, y, ...], ...] or {"size": [h, w], "counts": ...}}]}
//
// Read in one pass; the three lists may come in any order. Ids need neither be dense nor begin at
// 1: classes are numbered by the order of category ids. Polygons are kept; of masks in run lengths
// the box remains. Lin et al., "Microsoft COCO: Common Objects in Context", arXiv:1405.0312;
// cocodataset.org.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/data/dataset.hpp"
#include "ocelli/data/findings.hpp"
#include "ocelli/data/json_reader.hpp"
#include "ocelli/data/rle.hpp"

namespace ocelli::data {

/// A COCO file as it is written.
struct CocoFile {
  struct Image {
    std::int64_t id = 0;
    std::string file_name;
    int width = 0, height = 0;
    std::size_t line = 0;
  };
  struct Category {
    std::int64_t id = 0;
    std::string name;
    std::size_t line = 0;
  };
  struct Annotation {
    std::int64_t id = 0, image = 0, category = 0;
    std::optional<std::array<double, 4>> box;  ///< x, y, w, h
    std::optional<PixelBox> mask_box;          ///< of a mask in run lengths
    std::vector<Ring> polygon;
    bool crowd = false;
    std::size_t line = 0;
  };
  std::vector<Image> images;
  std::vector<Category> categories;
  std::vector<Annotation> annotations;
  bool has_images = false, has_categories = false, has_annotations = false;
  std::size_t masks = 0;  ///< in run lengths
};

namespace detail {

class CocoParser {
 public:
  CocoParser(std::string_view text, const std::string& name, Findings& findings)
      : json_(text, name), findings_(findings) {}

  CocoFile parse() {
    if (json_.peek() == Kind::array) {
      throw DataError(
          "a list at the top: these are COCO results (detections), not labels", json_.where(),
          "give the file with \"images\" and \"annotations\"");
    }
    if (json_.peek() != Kind::object) json_.fail("expected an object");
    json_.object([&](std::string_view key) {
      const bool list = json_.peek() == Kind::array;
      if (list && key == "images") {
        file_.has_images = true;
        json_.array([&](std::size_t) { image(); });
      } else if (list && key == "categories") {
        file_.has_categories = true;
        json_.array([&](std::size_t) { category(); });
      } else if (list && key == "annotations") {
        file_.has_annotations = true;
        json_.array([&](std::size_t) { annotation(); });
      } else {
        json_.skip();
      }
    });
    json_.end();
    for (const auto& [has, key] :
         {std::pair{file_.has_images, "images"}, std::pair{file_.has_categories, "categories"}}) {
      if (!has) {
        throw DataError(
            std::string("there is no list \"") + key + "\"", json_.name(),
            "this is no COCO instances file");
      }
    }
    return std::move(file_);
  }

 private:
  using Kind = JsonReader::Kind;

  std::string at(std::size_t line) const { return json_.name() + ":" + std::to_string(line); }

  /// A number, or nothing: the value was of another kind and is passed over.
  std::optional<double> number() {
    if (json_.peek() == Kind::number) return json_.number();
    json_.skip();
    return {};
  }
  std::optional<std::int64_t> whole() {
    const auto value = number();
    // Beyond 2^53 a double no longer tells neighbours apart.
    if (!value || *value != std::floor(*value) || std::abs(*value) > 9007199254740992.0) return {};
    return static_cast<std::int64_t>(*value);
  }
  int pixels() {
    const auto value = number();
    return value && *value >= 0 && *value <= 1e6 ? static_cast<int>(std::lround(*value)) : 0;
  }
  std::optional<std::string> string() {
    if (json_.peek() == Kind::string) return json_.string();
    json_.skip();
    return {};
  }
  /// Whether the next value is an object; if not, it is passed over and reported.
  bool is_object(const char* what) {
    if (json_.peek() == Kind::object) return true;
    findings_.error("entry_malformed", json_.where(), std::string(what) + " is not an object");
    json_.skip();
    return false;
  }

  void image() {
    if (!is_object("an entry of \"images\"")) return;
    CocoFile::Image image;
    image.line = json_.line();
    std::optional<std::int64_t> id;
    std::optional<std::string> name;
    json_.object([&](std::string_view key) {
      if (key == "id")
        id = whole();
      else if (key == "file_name")
        name = string();
      else if (key == "width")
        image.width = pixels();
      else if (key == "height")
        image.height = pixels();
      else
        json_.skip();
    });
    if (!id || !name || name->empty()) {
      findings_.error(
          "image_malformed", at(image.line),
          id ? "image " + std::to_string(*id) + " has no file_name"
             : "an image has no whole number as id");
      return;
    }
    image.id = *id, image.file_name = std::move(*name);
    file_.images.push_back(std::move(image));
  }

  void category() {
    if (!is_object("an entry of \"categories\"")) return;
    CocoFile::Category category;
    category.line = json_.line();
    std::optional<std::int64_t> id;
    std::optional<std::string> name;
    json_.object([&](std::string_view key) {
      if (key == "id")
        id = whole();
      else if (key == "name")
        name = string();
      else
        json_.skip();
    });
    if (!id || !name) {
      findings_.error("category_malformed", at(category.line), "a category lacks its id or name");
      return;
    }
    category.id = *id, category.name = std::move(*name);
    file_.categories.push_back(std::move(category));
  }

  void annotation() {
    if (!is_object("an entry of \"annotations\"")) return;
    CocoFile::Annotation a;
    a.line = json_.line();
    std::optional<std::int64_t> id, image, category;
    bool box_fault = false;
    mask_fault_.clear();
    json_.object([&](std::string_view key) {
      if (key == "id")
        id = whole();
      else if (key == "image_id")
        image = whole();
      else if (key == "category_id")
        category = whole();
      else if (key == "bbox") {
        a.box = box();
        box_fault = !a.box;
      } else if (key == "iscrowd") {
        if (json_.peek() == Kind::boolean)
          a.crowd = json_.boolean();
        else
          a.crowd = number().value_or(0) != 0;
      } else if (key == "segmentation")
        segmentation(a);
      else
        json_.skip();
    });
    const std::string name = "annotation " + (id ? std::to_string(*id) : std::string("without id"));
    if (!image || !category) {
      findings_.error(
          "annotation_malformed", at(a.line),
          name + " has no whole number as " + (image ? "category_id" : "image_id"));
      return;
    }
    if (box_fault) {
      findings_.error("number_malformed", at(a.line), "bbox of " + name + " is not four numbers");
      return;
    }
    if (!mask_fault_.empty()) {
      findings_.dropped(
          "segmentation_malformed", at(a.line), "the segmentation of " + name + " " + mask_fault_);
    }
    a.id = id.value_or(-1), a.image = *image, a.category = *category;
    file_.annotations.push_back(std::move(a));
  }

  std::optional<std::array<double, 4>> box() {
    if (json_.peek() != Kind::array) {
      json_.skip();
      return {};
    }
    std::array<double, 4> box{};
    std::size_t count = 0;
    bool numbers = true;
    json_.array([&](std::size_t i) {
      const auto value = number();
      numbers = numbers && value.has_value();
      if (i < 4) box[i] = value.value_or(0);
      count = i + 1;
    });
    if (!numbers || count != 4) return {};
    return box;
  }

  void segmentation(CocoFile::Annotation& a) {
    switch (json_.peek()) {
      case Kind::array:
        json_.array([&](std::size_t) {
          if (json_.peek() == Kind::array) {
            a.polygon.push_back(ring());
          } else {
            json_.skip();
            mask_fault_ = "is not a list of rings";
          }
        });
        if (!mask_fault_.empty()) a.polygon.clear();
        return;
      case Kind::object:
        run_lengths(a);
        return;
      case Kind::null:
        json_.null();
        return;
      default:
        json_.skip();
        mask_fault_ = "is neither rings nor run lengths";
    }
  }

  Ring ring() {
    Ring ring;
    json_.array([&](std::size_t) {
      if (const auto value = number())
        ring.push_back(static_cast<float>(*value));
      else
        mask_fault_ = "has a ring with something else than numbers";
    });
    return ring;
  }

  void run_lengths(CocoFile::Annotation& a) {
    ++file_.masks;
    Rle rle;
    std::string text;
    bool is_text = false;
    std::vector<int> size;
    json_.object([&](std::string_view key) {
      if (key == "size" && json_.peek() == Kind::array) {
        json_.array([&](std::size_t) { size.push_back(pixels()); });
      } else if (key == "counts" && json_.peek() == Kind::string) {
        text = json_.string();
        is_text = true;
      } else if (key == "counts" && json_.peek() == Kind::array) {
        json_.array([&](std::size_t) {
          const auto count = whole();
          if (!count || *count < 0 || *count > 0xFFFFFFFFll)
            mask_fault_ = "has a malformed run";
          else
            rle.counts.push_back(static_cast<std::uint32_t>(*count));
        });
      } else {
        json_.skip();
      }
    });
    if (size.size() != 2) mask_fault_ = "has no size of two numbers";
    if (!mask_fault_.empty()) return;
    rle.height = size[0], rle.width = size[1];
    try {
      if (is_text) rle = rle_from_string(text, rle.height, rle.width, "");
      check_rle(rle, "");
      if (rle_area(rle) > 0) a.mask_box = rle_box(rle);
    } catch (const DataError& error) {
      mask_fault_ = std::string("is wrong: ") + error.what();
    }
  }

  JsonReader json_;
  Findings& findings_;
  CocoFile file_;
  std::string mask_fault_;  // of the annotation being read
};

}  // namespace detail

/// Reads the text of one file.
/// @param name  for messages
/// @throws DataError naming file and line, when the text is no JSON or no COCO instances file
inline CocoFile parse_coco(std::string_view text, const std::string& name, Findings& findings) {
  return detail::CocoParser(text, name, findings).parse();
}

}  // namespace ocelli::data
