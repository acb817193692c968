// Cloud Annotations labels: one `_annotations.json` at the root of a bucket, and pictures anywhere
// in it. The file itself: cloud_annotations_file.hpp.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <unordered_set>
#include <utility>

#include "ocelli/data/cloud_annotations_file.hpp"
#include "ocelli/data/dataset.hpp"
#include "ocelli/data/project_files.hpp"
#include "ocelli/data/raw_picture.hpp"
#include "ocelli/data/read_options.hpp"
#include "ocelli/data/reader.hpp"
#include "ocelli/data/source.hpp"
#include "ocelli/data/text.hpp"

namespace ocelli::data {

namespace detail {

inline void add_tag(RawPicture& raw, int label, Reader& reader, const std::string& where) {
  if (std::find(raw.tags.begin(), raw.tags.end(), label) == raw.tags.end()) {
    raw.tags.push_back(label);
    return;
  }
  reader.findings.repaired(
      "tag_twice", where,
      "\"" + raw.key + "\" as a whole has the label \"" +
          reader.data.labels[static_cast<std::size_t>(label) - 1] + "\" twice; it counts once");
}

}  // namespace detail

/// Reads a bucket's labels. Order: that of the file, then unlabelled pictures by key. Classes: in
/// the order of "labels", then those met only in entries.
/// @param key  of the JSON file; pictures' keys are relative to its folder
/// @throws DataError when the file cannot be read; with `strict`, at the first fault
inline Dataset read_cloud_annotations(
    const Source& source, const std::string& key, const ReadOptions& options = {}) {
  Reader reader(source, options, "cloud-annotations");
  const CloudAnnotationsFile file =
      parse_cloud_annotations(as_text(source.read(key)), key, reader.findings);
  const auto at = [&](std::size_t line) { return key + ":" + std::to_string(line); };
  const std::string folder(folder_of(key));
  if (source.exists(folder + annotations_csv_name)) {
    reader.findings.note(
        "labels_of_two_kinds", folder + annotations_csv_name,
        "there is " + key + " too: that is read, and " + folder + annotations_csv_name + " is not");
  }
  for (std::size_t i = 0; i < file.labels.size(); ++i) {
    const auto here = file.labels.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find(file.labels.begin(), here, *here) == here) continue;
    reader.findings.note(
        "label_listed_twice", key,
        "\"labels\" has \"" + *here + "\" twice; it is one class, and later ones move up");
  }
  if (!reader.labels_given()) {
    reader.set_labels(file.labels, key);
    std::unordered_set<std::string> listed(file.labels.begin(), file.labels.end());
    for (const auto& image : file.images) {
      for (const auto& entry : image.entries) {
        if (!listed.insert(entry.label).second) continue;
        reader.findings.note(
            "label_not_listed", at(entry.line),
            "the label \"" + entry.label + "\" is not in \"labels\"; it was added");
        reader.add_label(entry.label, at(entry.line));
      }
    }
  }
  for (const auto& image : file.images) {
    const std::string picture = folder + image.key;
    if (!source.exists(picture)) {  // no folder has a key that leads out of it
      reader.findings.dropped(
          "picture_missing", at(image.line), "the picture \"" + image.key + "\" does not exist");
      continue;
    }
    RawPicture raw{picture, 0, 0, at(image.line), key, {}, {}};
    for (const auto& entry : image.entries) {
      const int label = reader.label_id(entry.label, at(entry.line));
      if (!entry.box) {
        if (label != 0) detail::add_tag(raw, label, reader, at(entry.line));
        continue;
      }
      RawObject object;
      object.relative = true;
      object.where = at(entry.line) + ": \"" + image.key + "\"";
      object.object.label = label;
      object.x0 = (*entry.box)[0], object.y0 = (*entry.box)[1];
      object.x1 = (*entry.box)[2], object.y1 = (*entry.box)[3];
      raw.objects.push_back(std::move(object));
    }
    if (file.type == "classification" && raw.tags.size() > 1) {
      reader.findings.note(
          "picture_with_several_labels", at(image.line),
          "\"" + image.key + "\" has " + std::to_string(raw.tags.size()) + " labels");
    }
    reader.add(std::move(raw));
  }
  for (const std::string& other : reader.index.keys()) {
    if (other.starts_with(folder)) reader.add_unlabelled(other);
  }
  reader.look_into_pictures();  // the type follows from what they hold
  detail::settle_type(reader.data, reader.findings, source, file.type, at(file.type_line), folder);
  return reader.finish(false);
}

}  // namespace ocelli::data
