// Cloud Annotations labels of whole pictures: one `_annotations.csv` at the root of a bucket.
//
//   a1.jpg,cat             the key of a picture, its label; no header
//   "sub/b, 2.jpg",dog     quotes where a key or label holds a comma or a quote
//
// One row for each label of a picture. Blanks around a label do not count. A picture without a row
// is unlabelled. Beside it, `_labels.csv` lists the labels, and `_type` may say "classification".
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "ocelli/core/utf8.hpp"
#include "ocelli/data/csv.hpp"
#include "ocelli/data/dataset.hpp"
#include "ocelli/data/findings.hpp"
#include "ocelli/data/project_files.hpp"
#include "ocelli/data/raw_picture.hpp"
#include "ocelli/data/read_options.hpp"
#include "ocelli/data/reader.hpp"
#include "ocelli/data/source.hpp"
#include "ocelli/data/text.hpp"

namespace ocelli::data {

/// The rows of the file that can be used, by picture, in the order of first appearance.
struct CloudCsvFile {
  struct Label {
    std::string name;
    std::size_t line = 0;
  };
  struct Image {
    std::string key;
    std::vector<Label> labels;  ///< no name twice
  };
  std::vector<Image> images;
  std::vector<Label> labels;  ///< of all rows, in the order of first appearance
};

/// Reads the text of an `_annotations.csv`. Rows that cannot be used become findings.
/// @param name  for messages
/// @throws DataError naming file and line, when it is no CSV table
inline CloudCsvFile parse_cloud_csv(
    std::string_view text, const std::string& name, Findings& findings) {
  CloudCsvFile file;
  std::unordered_map<std::string, std::size_t> places;
  std::unordered_set<std::string> known;
  CsvReader reader(text, name);
  for (CsvRow row; reader.next(row);) {
    const std::string where = name + ":" + std::to_string(row.line);
    if (row.fields.empty()) continue;  // a blank line
    if (row.fields.size() < 2) {
      findings.error(
          "row_malformed", where, "\"" + row.fields[0] + "\" stands alone; a row is key,label");
      continue;
    }
    const std::string& key = row.fields[0];
    const std::string label(trimmed(row.fields[1]));
    if (!is_utf8(key) || !is_utf8(label)) {
      findings.error(
          "not_utf8", where,
          "\"" + utf8_shown(key + "," + label) + "\" is not UTF-8; save the file in UTF-8");
      continue;
    }
    if (key.empty()) {
      findings.error("key_missing", where, "there is no key of a picture before the comma");
      continue;
    }
    if (label.empty()) {
      findings.error("label_missing", where, "\"" + key + "\" has no label");
      continue;
    }
    if (row.fields.size() > 2) {
      findings.repaired(
          "row_too_long", where,
          "\"" + key + "\" has " + std::to_string(row.fields.size()) + " fields; \"" + label +
              "\" is taken for its label, the rest is left out");
    }
    if (const std::string lower = lower_ascii(label); known.insert(label).second) {
      file.labels.push_back({label, row.line});
      if (lower == "nan" || lower == "null" || lower == "none") {
        findings.note(
            "label_suspicious", where,
            "the label \"" + label + "\" looks like a missing value; it is a class like others");
      }
    }
    const auto [place, fresh] = places.emplace(key, file.images.size());
    if (fresh) file.images.push_back({key, {}});
    auto& labels = file.images[place->second].labels;
    const auto same = std::find_if(
        labels.begin(), labels.end(), [&](const auto& other) { return other.name == label; });
    if (same != labels.end()) {
      findings.repaired(
          "row_twice", where,
          "\"" + key + "\" has the label \"" + label + "\" since line " +
              std::to_string(same->line) + "; it counts once");
      continue;
    }
    if (labels.size() == 1) {
      findings.note(
          "picture_with_several_labels", where,
          "\"" + key + "\" has the label \"" + labels[0].name + "\" and \"" + label + "\"");
    }
    labels.push_back({label, row.line});
  }
  return file;
}

namespace detail {

/// Compares the rows' labels with those of `_labels.csv`, which decides nothing.
inline void note_label_list(Reader& reader, const CloudCsvFile& file, const std::string& folder) {
  const std::string key = folder + labels_csv_name;
  if (!reader.source().exists(key)) {
    reader.findings.note(
        "label_list_missing", key,
        "there is no " + key + ", which the labelling tool needs beside " + annotations_csv_name);
    return;
  }
  std::vector<std::string> listed;
  for (ListedLabel& label : list_labels_csv(as_text(reader.source().read(key)), key)) {
    if (is_utf8(label.name)) {
      listed.push_back(std::move(label.name));
      continue;
    }
    reader.findings.note(
        "label_list_not_utf8", key + ":" + std::to_string(label.line),
        "the label \"" + utf8_shown(label.name) + "\" is not UTF-8; save the file in UTF-8");
  }
  const std::unordered_set<std::string> list(listed.begin(), listed.end());
  std::unordered_set<std::string> used;
  for (const auto& label : file.labels) {
    used.insert(label.name);
    if (list.contains(label.name)) continue;
    reader.findings.note(
        "label_not_listed", folder + annotations_csv_name + ":" + std::to_string(label.line),
        "the label \"" + label.name + "\" is not in " + key);
  }
  for (const std::string& label : listed) {
    if (!used.insert(label).second) continue;  // used, or told before
    reader.findings.note(
        "label_unused", key, "no picture has the label \"" + label + "\": it is no class");
  }
}

}  // namespace detail

/// Reads a bucket's labels of whole pictures. Order: that of the first rows, then unlabelled
/// pictures by key. Classes: in the order of first appearance; what only `_labels.csv` has is none.
/// @param key  of the CSV file; pictures' keys are relative to its folder
/// @throws DataError when the file cannot be read; with `strict`, at the first fault
inline Dataset read_cloud_csv(
    const Source& source, const std::string& key, const ReadOptions& options = {}) {
  Reader reader(source, options, "cloud-annotations-csv");
  const CloudCsvFile file = parse_cloud_csv(as_text(source.read(key)), key, reader.findings);
  const auto at = [&](std::size_t line) { return key + ":" + std::to_string(line); };
  const std::string folder(folder_of(key));
  detail::note_label_list(reader, file, folder);
  if (!reader.labels_given()) {
    for (const auto& label : file.labels) reader.add_label(label.name, at(label.line));
  }
  for (const auto& image : file.images) {
    const std::string where = at(image.labels[0].line);
    if (!source.exists(folder + image.key)) {
      reader.findings.dropped(
          "picture_missing", where, "the picture \"" + image.key + "\" does not exist");
      continue;
    }
    RawPicture raw{folder + image.key, 0, 0, where, key, {}, {}};
    for (const auto& label : image.labels) {
      const int id = reader.label_id(label.name, at(label.line));
      if (id != 0) raw.tags.push_back(id);
    }
    reader.add(std::move(raw));
  }
  for (const std::string& other : reader.index.keys()) {
    if (other.starts_with(folder)) reader.add_unlabelled(other);
  }
  reader.look_into_pictures();  // the type follows from what they hold
  detail::settle_type(reader.data, reader.findings, source, "classification", key, folder);
  return reader.finish(false);
}

}  // namespace ocelli::data
