// results.csv: one row an evaluation, for spreadsheets and scripts; goes on after a resume.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/core/file.hpp"

namespace ocelli::train {

/// A table with `step` as its first column. Rows are appended whole; numbers are the shortest text
/// that reads back as the same double; what is not finite is an empty cell.
class ResultsCsv {
 public:
  /// Opens or creates the file.
  /// @param columns       without `step`; names with commas or quotes are quoted
  /// @param resumed_step  rows of later steps are removed, since the resumed run writes them again;
  ///                      0 empties the table
  /// Throws ConfigError when the file on disk has other columns and its rows are to be kept.
  ResultsCsv(
      std::filesystem::path path, const std::vector<std::string>& columns, long resumed_step = 0)
      : path_(std::move(path)), columns_(columns.size()) {
    std::string header = "step";
    for (const std::string& column : columns) header += "," + quoted(column);
    header += "\n";
    const std::string old = std::filesystem::exists(path_) ? read_file(path_) : std::string();
    std::string kept = header;
    if (resumed_step > 0 && !old.empty()) {
      if (!old.starts_with(header))
        throw ConfigError(
            "the table has other columns than this run writes", path_.string(),
            "move it away, or resume with the same labels and settings");
      kept += rows_until(std::string_view(old).substr(header.size()), resumed_step);
    }
    if (kept != old) {
      make_folder(file_detail::folder_of(path_));
      write_file(path_, kept);
    }
    file_ = file_detail::Descriptor(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    if (!file_.valid()) file_detail::fail("opening", path_, errno);
  }

  /// Throws ShapeError unless there is a value for each column.
  void append(long step, std::span<const double> values) {
    if (values.size() != columns_)
      throw ShapeError(
          std::to_string(values.size()) + " values for " + std::to_string(columns_) + " columns",
          path_.string());
    std::string row = std::to_string(step);
    for (double value : values) {
      row += ',';
      if (!std::isfinite(value)) continue;
      std::array<char, 32> digits{};
      const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
      row.append(digits.data(), end.ptr);
    }
    row += '\n';
    file_detail::write_all(file_.get(), row.data(), row.size(), path_);
  }

 private:
  static std::string quoted(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string out = "\"";
    for (char character : text) {
      if (character == '"') out += '"';
      out += character == '\n' || character == '\r' ? ' ' : character;
    }
    return out + "\"";
  }

  /// The rows up to a step, without one that a crash cut short.
  std::string rows_until(std::string_view rows, long step) const {
    std::string kept;
    while (!rows.empty()) {
      const std::size_t end = rows.find('\n');
      if (end == std::string_view::npos) break;
      const std::string_view row = rows.substr(0, end + 1);
      long of = 0;
      const auto [stop, fault] = std::from_chars(row.data(), row.data() + row.size(), of);
      if (fault != std::errc() || (*stop != ',' && *stop != '\n'))
        throw ConfigError(
            "a row does not begin with a step: " + std::string(row.substr(0, end)), path_.string(),
            "repair or remove the file");
      if (of <= step) kept += row;
      rows.remove_prefix(end + 1);
    }
    return kept;
  }

  std::filesystem::path path_;
  std::size_t columns_;
  file_detail::Descriptor file_;
};

}  // namespace ocelli::train
