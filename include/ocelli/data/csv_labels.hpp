// CsvLabels: `_annotations.csv` and `_labels.csv` as a document that can be changed. Rows keep
// their order, and fields that are not understood; new rows go to the end, so that classes keep
// theirs.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/core/utf8.hpp"
#include "ocelli/data/csv.hpp"
#include "ocelli/data/label_document.hpp"
#include "ocelli/data/project_files.hpp"
#include "ocelli/data/text.hpp"

namespace ocelli::data {

class CsvLabels : public LabelDocument {
 public:
  /// @param rows, labels  the texts of the two files; "" for one that is not there
  /// @param folder        for messages: what stands before the files' names
  /// @throws DataError naming file and line
  CsvLabels(std::string_view rows, std::string_view labels, const std::string& folder)
      : name_(folder + annotations_csv_name),
        rows_(parse_csv(rows, name_)),
        list_(parse_labels_csv(labels, folder + labels_csv_name)) {
    const bool crlf = (rows.empty() ? labels : rows).find("\r\n") != std::string_view::npos;
    end_ = crlf ? "\r\n" : "\n";
  }

  std::string type() const override { return "classification"; }

  std::vector<std::string> labels() const override {
    std::vector<std::string> labels;
    std::unordered_set<std::string> seen;
    for (const CsvRow& row : rows_) {
      if (usable(row) && seen.insert(label_of(row)).second) labels.push_back(label_of(row));
    }
    for (const std::string& label : list_) {
      if (seen.insert(label).second) labels.push_back(label);
    }
    return labels;
  }

  std::vector<std::string> keys() const override {
    std::vector<std::string> keys;
    std::unordered_set<std::string> seen;
    for (const CsvRow& row : rows_) {
      if (usable(row) && seen.insert(row.fields[0]).second) keys.push_back(row.fields[0]);
    }
    return keys;
  }

  std::vector<LabelEntry> entries(const std::string& key) const override {
    std::vector<LabelEntry> entries;
    for (const CsvRow& row : rows_) {
      if (usable(row) && row.fields[0] == key) entries.push_back({label_of(row)});
    }
    return entries;
  }

  void set_type(const std::string& type) override {
    if (type == this->type()) return;
    throw DataError(
        "a project with " + std::string(annotations_csv_name) + " labels whole pictures", name_,
        "boxes need an " + std::string(annotations_json_name));
  }

  void add_label(const std::string& label) override {
    check_label(label);
    if (std::find(list_.begin(), list_.end(), label) == list_.end()) list_.push_back(label);
  }

  void remove_label(const std::string& label) override {
    std::erase(list_, label);
    std::erase_if(rows_, [&](const CsvRow& row) { return usable(row) && label_of(row) == label; });
  }

  void add(const std::string& key, const std::vector<LabelEntry>& entries) override {
    check_utf8(key);
    for (const LabelEntry& entry : entries) {
      if (entry.box) set_type("localization");  // which is refused
      check_label(entry.label);
    }
    for (const LabelEntry& entry : entries) {
      add_label(entry.label);
      const bool there = std::any_of(rows_.begin(), rows_.end(), [&](const CsvRow& row) {
        return usable(row) && row.fields[0] == key && label_of(row) == entry.label;
      });
      if (!there) rows_.push_back({{key, entry.label}, 0});
    }
  }

  void remove(const std::string& key, const LabelEntry& entry) override {
    std::erase_if(rows_, [&](const CsvRow& row) {
      return usable(row) && row.fields[0] == key && label_of(row) == entry.label;
    });
  }

  /// Takes over what a newer document says. The rows of its pictures replace those of the same
  /// pictures, where the first of them was; its new pictures and labels follow those that are here.
  /// All else stays. To do it again changes nothing.
  /// @throws DataError for a label that would not come back; nothing is changed then
  LabelMerge merge(const CsvLabels& newer) {
    for (const std::string& label : newer.list_) check_label(label);
    LabelMerge merged;
    const auto here = labels();
    const std::unordered_set<std::string> known(here.begin(), here.end());
    for (const std::string& label : newer.labels()) {
      if (!known.contains(label)) merged.labels.push_back(label);
    }
    for (const std::string& label : newer.list_) add_label(label);

    std::unordered_map<std::string, std::vector<CsvRow>> fresh;
    for (const CsvRow& row : newer.rows_) {
      if (usable(row)) fresh[row.fields[0]].push_back(row);
    }
    std::vector<CsvRow> rows;
    std::unordered_set<std::string> placed;
    for (CsvRow& row : rows_) {
      const auto found = usable(row) ? fresh.find(row.fields[0]) : fresh.end();
      if (found == fresh.end()) {
        rows.push_back(std::move(row));
      } else if (placed.insert(found->first).second) {
        rows.insert(rows.end(), found->second.begin(), found->second.end());
      }
    }
    merged.pictures = fresh.size();
    merged.labelled_before = placed.size();
    for (const CsvRow& row : newer.rows_) {
      if (usable(row) && !placed.contains(row.fields[0])) rows.push_back(row);
    }
    rows_ = std::move(rows);
    return merged;
  }

  std::string text() const override {
    std::string text;
    for (const CsvRow& row : rows_) append_csv_row(text, row.fields, end_);
    return text;
  }
  std::string labels_text() const override { return labels_csv_text(list_, end_); }

 private:
  static std::string label_of(const CsvRow& row) { return std::string(trimmed(row.fields[1])); }
  static bool usable(const CsvRow& row) {
    return row.fields.size() >= 2 && !row.fields[0].empty() && !trimmed(row.fields[1]).empty();
  }

  void check_label(const std::string& label) const {
    check_utf8(label);
    if (!label.empty() && trimmed(label) == label &&
        label.find_first_of("\r\n") == std::string::npos) {
      return;
    }
    throw DataError(
        "the label \"" + label + "\" would not come back from a CSV file", name_,
        "leave out line breaks, and blanks around it");
  }
  void check_utf8(const std::string& text) const {
    if (is_utf8(text)) return;
    throw DataError(
        "\"" + utf8_shown(text) + "\" is not UTF-8, so it cannot be written", name_, "rename it");
  }

  std::string name_, end_;
  std::vector<CsvRow> rows_;
  std::vector<std::string> list_;
};

}  // namespace ocelli::data
