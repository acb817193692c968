// CSV: tables as text, read and written as RFC 4180 says.
//
// A row ends with a line break (CRLF, LF or CR), fields with commas. A field in quotes may hold
// both; a quote in it is doubled. A quote inside a field that does not begin with one is a letter
// like any other. An empty line is a row without fields, as in Python's csv module.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"

namespace ocelli::data {

struct CsvRow {
  std::vector<std::string> fields;
  std::size_t line = 0;  ///< where it begins, from 1
};

/// Walks a table a row at a time.
class CsvReader {
 public:
  /// @param text  is kept by reference; a byte order mark at its start is left out
  /// @param name  for messages
  CsvReader(std::string_view text, std::string name) : text_(text), name_(std::move(name)) {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
  }

  /// The next row. @return false: there are no more
  /// @throws DataError "name:line: ...": a quote that does not end, text behind one that did, a NUL
  bool next(CsvRow& row) {
    row.fields.clear();
    row.line = line_;
    if (at_ == text_.size()) return false;
    if (end_of_line()) return true;
    do {
      row.fields.push_back(peek() == '"' ? quoted() : plain());
    } while (accept(','));
    if (at_ < text_.size() && !end_of_line()) fail("text behind a closing quote", line_);
    return true;
  }

 private:
  /// 0 at the end; there is no NUL in a field.
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool accept(char c) {
    if (peek() != c || at_ == text_.size()) return false;
    ++at_;
    return true;
  }
  bool end_of_line() {
    const bool cr = accept('\r'), lf = accept('\n');
    if (cr || lf) ++line_;
    return cr || lf;
  }

  std::string plain() {
    const std::size_t begin = at_;
    at_ = std::min(text_.find_first_of(",\r\n", begin), text_.size());
    std::string field(text_.substr(begin, at_ - begin));
    if (field.find('\0') != std::string::npos) fail("a NUL byte", line_);
    return field;
  }

  std::string quoted() {
    const std::size_t opened = line_;
    std::string field;
    for (++at_;;) {
      if (at_ == text_.size()) fail("a quote that does not end", opened);
      const char c = text_[at_++];
      if (c == '\0') fail("a NUL byte", line_);
      if (c == '"' && !accept('"')) return field;
      if (c == '\n' || (c == '\r' && peek() != '\n')) ++line_;
      field += c;
    }
  }

  [[noreturn]] void fail(const std::string& what, std::size_t line) const {
    throw DataError(
        "not a CSV table: " + what, name_ + ":" + std::to_string(line),
        "correct the file or write it again");
  }

  std::string_view text_;
  std::string name_;
  std::size_t at_ = 0, line_ = 1;
};

/// All rows of a table. Errors as `CsvReader::next`.
inline std::vector<CsvRow> parse_csv(std::string_view text, const std::string& name) {
  std::vector<CsvRow> rows;
  CsvReader reader(text, name);
  for (CsvRow row; reader.next(row);) rows.push_back(std::move(row));
  return rows;
}

namespace detail {

inline bool csv_needs_quotes(std::string_view field) {
  // What begins with a byte order mark would lose it at the start of a file.
  return field.find_first_of(",\"\r\n") != std::string_view::npos ||
         field.starts_with("\xEF\xBB\xBF");
}

}  // namespace detail

/// A field, in quotes only when it needs them.
/// @throws DataError when it holds a NUL, which no reader takes
inline std::string csv_field(std::string_view field) {
  if (field.find('\0') != std::string_view::npos) {
    throw DataError("a NUL byte cannot be written to a CSV table");
  }
  if (!detail::csv_needs_quotes(field)) return std::string(field);
  std::string quoted = "\"";
  for (const char c : field) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

/// Appends a row. A row of one empty field is written as "" in quotes: an empty line has no fields.
inline void append_csv_row(
    std::string& text, std::span<const std::string> fields, std::string_view end = "\n") {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) text += ',';
    text += csv_field(fields[i]);
  }
  if (fields.size() == 1 && fields[0].empty()) text += "\"\"";
  text += end;
}

}  // namespace ocelli::data
