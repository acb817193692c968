// merge_label_files(): the labels of more pictures, joined to a label file that is there.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/data/cloud_annotations_file.hpp"
#include "ocelli/data/cloud_csv.hpp"
#include "ocelli/data/csv_labels.hpp"
#include "ocelli/data/findings.hpp"
#include "ocelli/data/json_labels.hpp"
#include "ocelli/data/label_document.hpp"
#include "ocelli/data/project_files.hpp"
#include "ocelli/data/text.hpp"

namespace ocelli::data {

/// Whether a key is that of a file which merge_label_files() joins, in whatever folder.
inline bool is_label_file(std::string_view key) {
  const std::string_view name = file_name_of(key);
  return name == annotations_json_name || name == annotations_csv_name || name == labels_csv_name ||
         name == type_name;
}

/// The text of a label file, and its name for messages.
struct LabelText {
  std::string text, name;
};

/// What two label files of one key come to.
struct MergedLabels {
  std::string text;
  LabelMerge counts;
};

namespace detail {

/// What would replace sound entries must be sound itself.
inline void refuse_first_fault(const std::vector<Finding>& list) {
  for (const Finding& finding : list) {
    if (finding.severity == Finding::Severity::error) {
      throw DataError(finding.text, finding.where, "correct it; it would replace what is there");
    }
  }
}

inline MergedLabels merge_json(const LabelText& stored, const LabelText& newer) {
  for (const LabelText* one : {&stored, &newer}) {
    const std::string version = cloud_annotations_version(one->text, one->name);
    if (!version.empty() && version != "1.0") {
      throw DataError(
          "labels of version " + version + " cannot be merged", one->name,
          "labels of version 1.0 can");
    }
  }
  std::vector<Finding> list;
  Findings findings(list, false);
  parse_cloud_annotations(newer.text, newer.name, findings);
  refuse_first_fault(list);
  JsonLabels labels(stored.text, stored.name);
  LabelMerge counts = labels.merge(JsonLabels(newer.text, newer.name));
  return {labels.text(), std::move(counts)};
}

inline MergedLabels merge_csv(const LabelText& stored, const LabelText& newer) {
  std::vector<Finding> list;
  Findings findings(list, false);
  parse_cloud_csv(newer.text, newer.name, findings);
  refuse_first_fault(list);
  parse_csv(stored.text, stored.name);  // whose message has the whole name
  CsvLabels labels(stored.text, {}, {});
  LabelMerge counts = labels.merge(CsvLabels(newer.text, {}, {}));
  return {labels.text(), std::move(counts)};
}

inline MergedLabels merge_label_lists(const LabelText& stored, const LabelText& newer) {
  parse_labels_csv(stored.text, stored.name);
  parse_labels_csv(newer.text, newer.name);
  CsvLabels labels({}, stored.text, {});
  LabelMerge counts = labels.merge(CsvLabels({}, newer.text, {}));
  return {labels.labels_text(), std::move(counts)};
}

inline MergedLabels merge_types(const LabelText& stored, const LabelText& newer) {
  const std::string_view here = parse_type(stored.text), there = parse_type(newer.text);
  if (here.empty()) return {newer.text, {}};
  if (there.empty() || here == there) return {stored.text, {}};
  throw DataError(
      "the type is \"" + std::string(here) + "\", and \"" + std::string(there) + "\" in " +
          newer.name,
      stored.name, "keep the two in folders of their own, or correct the type");
}

}  // namespace detail

/// Joins two label files of one kind. The entries of a picture that `newer` names replace those of
/// the same picture; all other pictures, labels and fields of `stored` stay; labels are those of
/// both, the stored ones first. To do it again changes nothing.
/// @param key  of the files, for which is_label_file()
/// @throws DataError naming file and line, for what cannot be merged: version v2, a file that
/// cannot
///         be read or written back, faulty entries in `newer`, types that differ
inline MergedLabels merge_label_files(
    std::string_view key, const LabelText& stored, const LabelText& newer) {
  if (stored.text == newer.text) return {stored.text, {}};
  const std::string_view name = file_name_of(key);
  if (name == annotations_json_name) return detail::merge_json(stored, newer);
  if (name == annotations_csv_name) return detail::merge_csv(stored, newer);
  if (name == labels_csv_name) return detail::merge_label_lists(stored, newer);
  if (name == type_name) return detail::merge_types(stored, newer);
  throw DataError("this is no label file", std::string(key));
}

}  // namespace ocelli::data
