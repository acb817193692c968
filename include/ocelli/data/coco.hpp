// COCO labels (instances): one JSON file for many pictures, and the pictures beside it.
//
// Ids need neither be dense nor begin at 1: classes are numbered by the order of category ids.
// Polygons are kept; of masks in run lengths the box remains. The file itself: coco_file.hpp.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "ocelli/data/coco_file.hpp"
#include "ocelli/data/reader.hpp"
#include "ocelli/data/source.hpp"
#include "ocelli/data/text.hpp"

namespace ocelli::data {

namespace detail {

class CocoReader {
 public:
  CocoReader(const Source& source, const std::string& key, const ReadOptions& options)
      : reader_(source, options, "coco"), key_(key) {}

  Dataset read(bool with_unlabelled) {
    {
      const std::vector<std::byte> bytes = reader_.source().read(key_);
      file_ = parse_coco(as_text(bytes), key_, reader_.findings);
    }
    number_categories();
    gather();
    if (file_.masks > 0) {
      reader_.findings.note(
          "mask_as_box", key_,
          std::to_string(file_.masks) + " masks are given as run lengths: their boxes are kept");
    }
    if (with_unlabelled) reader_.add_unlabelled_neighbours();
    return reader_.finish(false);
  }

 private:
  std::string at(std::size_t line) const { return key_ + ":" + std::to_string(line); }

  void number_categories() {
    std::map<std::int64_t, const CocoFile::Category*> sorted;
    for (const CocoFile::Category& category : file_.categories) {
      if (!sorted.emplace(category.id, &category).second) {
        reader_.findings.error(
            "category_id_twice", at(category.line),
            "two categories have the id " + std::to_string(category.id) + "; the second is \"" +
                category.name + "\"");
      }
      if (category.id == 0) {
        reader_.findings.note(
            "category_id_zero", at(category.line),
            "the category \"" + category.name +
                "\" has the id 0, which other tools take for background");
      }
    }
    std::unordered_map<std::string, std::int64_t> names;
    for (const auto& [id, category] : sorted) {
      const auto [first, fresh] = names.emplace(category->name, id);
      if (!fresh) {
        reader_.findings.note(
            "category_name_twice", at(category->line),
            "the categories " + std::to_string(first->second) + " and " + std::to_string(id) +
                " are both \"" + category->name + "\": one class");
      }
      if (!reader_.labels_given()) reader_.add_label(category->name, at(category->line));
      names_[id] = category->name;
    }
  }

  /// Folders that pictures of "annotations/instances_train2017.json" are usually in.
  std::vector<std::string> picture_folders() const {
    const std::string folder(folder_of(key_));
    std::string base = folder;
    for (const std::string_view part : {"annotations/", "Annotations/"}) {
      if (base.ends_with(part)) base.resize(base.size() - part.size());
    }
    std::string set(stem_of(key_));
    if (set.starts_with("instances_")) set.erase(0, 10);
    return {base + "images/" + set + "/", base + set + "/", base + "images/", folder, base};
  }

  void gather() {
    const std::vector<std::string> folders = picture_folders();
    std::unordered_map<std::int64_t, std::size_t> places;  // image id -> place in `images`
    std::vector<std::vector<const CocoFile::Annotation*>> of_image(file_.images.size());
    for (std::size_t i = 0; i < file_.images.size(); ++i) {
      const CocoFile::Image& image = file_.images[i];
      if (!places.emplace(image.id, i).second) {
        reader_.findings.error(
            "image_id_twice", at(image.line),
            "two images have the id " + std::to_string(image.id) + "; the second is \"" +
                image.file_name + "\"");
        file_.images[i].file_name.clear();
      }
    }
    std::unordered_set<std::int64_t> ids;
    for (const CocoFile::Annotation& a : file_.annotations) {
      if (a.id >= 0 && !ids.insert(a.id).second) {
        reader_.findings.note(
            "annotation_id_twice", at(a.line),
            "two annotations have the id " + std::to_string(a.id) + "; both are kept");
      }
      const auto place = places.find(a.image);
      if (place == places.end()) {
        reader_.findings.dropped(
            "image_unknown", at(a.line),
            "annotation " + std::to_string(a.id) + " is of image " + std::to_string(a.image) +
                ", which is not in the list");
        continue;
      }
      of_image[place->second].push_back(&a);
    }
    for (std::size_t i = 0; i < file_.images.size(); ++i) {
      const CocoFile::Image& image = file_.images[i];
      if (image.file_name.empty()) continue;
      const auto key = reader_.find_picture(
          reader_.index.by_name(image.file_name, folders), image.file_name, at(image.line));
      if (!key) continue;
      if (!file_.has_annotations) {
        reader_.add_unlabelled(*key);
        continue;
      }
      RawPicture raw{*key, image.width, image.height, at(image.line), key_, {}, {}};
      for (const CocoFile::Annotation* a : of_image[i]) {
        if (auto object = raw_object(*a)) raw.objects.push_back(std::move(*object));
      }
      reader_.add(std::move(raw));
    }
  }

  std::optional<RawObject> raw_object(const CocoFile::Annotation& a) {
    const std::string where = at(a.line);
    const auto name = names_.find(a.category);
    if (name == names_.end()) {
      reader_.findings.error(
          "category_unknown", where,
          "annotation " + std::to_string(a.id) + " is of category " + std::to_string(a.category) +
              ", which is not in the list");
      return {};
    }
    RawObject raw;
    raw.where = where + ": annotation " + std::to_string(a.id);
    raw.object.label = reader_.label_id(name->second, raw.where);
    raw.object.crowd = a.crowd;
    raw.object.polygon = a.polygon;
    if (a.box) {
      const auto [x, y, w, h] = *a.box;
      raw.x0 = x, raw.y0 = y, raw.x1 = x + w, raw.y1 = y + h;
    } else if (a.mask_box) {
      raw.x0 = a.mask_box->xmin, raw.y0 = a.mask_box->ymin;
      raw.x1 = a.mask_box->xmax, raw.y1 = a.mask_box->ymax;
    } else if (!set_box_from_polygon(raw)) {
      reader_.findings.dropped(
          "box_missing", raw.where, "it has neither a bbox nor a segmentation");
      return {};
    }
    return raw;
  }

  Reader reader_;
  std::string key_;
  CocoFile file_;
  std::unordered_map<std::int64_t, std::string> names_;  // of categories
};

}  // namespace detail

/// Reads a COCO instances file and the pictures beside it. Pictures without annotations are
/// negatives; without a list of annotations all are unlabelled. Order: that of "images".
/// @param key              of the JSON file
/// @param with_unlabelled  also list the pictures in the same folders that the file does not name
/// @throws DataError when the file is no COCO file; with `strict`, at the first fault
inline Dataset read_coco(
    const Source& source, const std::string& key, const ReadOptions& options = {},
    bool with_unlabelled = true) {
  return detail::CocoReader(source, key, options).read(with_unlabelled);
}

}  // namespace ocelli::data
