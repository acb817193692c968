// The names of a project's files in its bucket, and the two small ones: `_type` and `_labels.csv`.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ocelli/data/csv.hpp"
#include "ocelli/data/dataset.hpp"
#include "ocelli/data/findings.hpp"
#include "ocelli/data/source.hpp"
#include "ocelli/data/text.hpp"

namespace ocelli::data {

inline constexpr const char* annotations_json_name = "_annotations.json";
inline constexpr const char* annotations_csv_name = "_annotations.csv";
inline constexpr const char* labels_csv_name = "_labels.csv";
inline constexpr const char* type_name = "_type";

/// Whether a project labels pictures as a whole, or objects with boxes. Nothing else is a type.
inline bool is_project_type(std::string_view type) {
  return type == "classification" || type == "localization";
}

/// The word in a `_type`.
inline std::string_view parse_type(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return trimmed(text);
}

struct ListedLabel {
  std::string name;
  std::size_t line = 0;  ///< from 1
};

/// The labels in a `_labels.csv`: one a line, blanks around it left out, blank lines skipped.
/// A line in quotes is a CSV field; commas elsewhere belong to the label.
/// @throws DataError naming file and line, for a quote that does not end, or a NUL
inline std::vector<ListedLabel> list_labels_csv(std::string_view text, const std::string& name) {
  std::vector<ListedLabel> labels;
  CsvReader reader(text, name);
  for (CsvRow row; reader.next(row);) {
    std::string label;
    for (const std::string& field : row.fields)
      label += (&field == row.fields.data() ? "" : ",") + field;
    label = trimmed(label);
    if (!label.empty()) labels.push_back({std::move(label), row.line});
  }
  return labels;
}

/// The same without the lines.
inline std::vector<std::string> parse_labels_csv(std::string_view text, const std::string& name) {
  std::vector<std::string> labels;
  for (ListedLabel& label : list_labels_csv(text, name)) labels.push_back(std::move(label.name));
  return labels;
}

/// The text of a `_labels.csv`.
inline std::string labels_csv_text(
    const std::vector<std::string>& labels, std::string_view end = "\n") {
  std::string text;
  for (const std::string& label : labels) append_csv_row(text, {&label, 1}, end);
  return text;
}

namespace detail {

/// What a project is for: as its labels say, else `_type`, else as its entries look. Contradictions
/// are noted.
/// @param declared  in the label file; "" when it says nothing
/// @param folder    of the label file: "" or ending in '/'
inline void settle_type(
    Dataset& data, Findings& findings, const Source& source, const std::string& declared,
    const std::string& where, const std::string& folder) {
  const auto checked = [&](std::string type, const std::string& place) {
    if (type.empty() || is_project_type(type)) return type;
    findings.note(
        "type_unknown", place,
        "the type \"" + type + "\" is neither classification nor localization; it is ignored");
    return std::string();
  };
  data.type = checked(declared, where);
  const std::string key = folder + type_name;
  if (source.exists(key)) {
    const std::string stored =
        checked(std::string(parse_type(as_text(source.read(key)))), key + ":1");
    if (data.type.empty()) {
      data.type = stored;
    } else if (!stored.empty() && stored != data.type) {
      findings.note(
          "type_differs", key + ":1",
          "the type is " + stored + " here and " + data.type + " in " + where +
              ", which is followed");
    }
  }
  const auto has = [&](const auto& list) {
    return std::any_of(data.pictures.begin(), data.pictures.end(), [&](const Picture& picture) {
      return !(picture.*list).empty();
    });
  };
  const bool boxes = has(&Picture::objects);
  if (data.type.empty() && boxes) data.type = "localization";
  if (data.type.empty() && has(&Picture::tags)) data.type = "classification";
  if (data.type == "classification" && boxes) {
    findings.note(
        "type_contradicted", where, "the project is one of classification, but has boxes");
  }
}

}  // namespace detail

}  // namespace ocelli::data
