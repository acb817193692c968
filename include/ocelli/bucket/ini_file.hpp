// IniFile: sections of key = value, as the AWS tools write and read them.
//
// A line that is indented belongs to the key above: below an empty value it is a key of its own
// ("s3 =", then "  endpoint_url = ..."), kept as "s3.endpoint_url"; below another it goes on with
// that value. Keys are read in lower case. Lines that begin with # or ; are comments.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "ocelli/bucket/credential_file.hpp"
#include "ocelli/core/error.hpp"

namespace ocelli::bucket {

class IniFile {
 public:
  struct Value {
    std::string text;
    std::size_t line = 0;  ///< in the file, from 1
  };
  using Section = std::map<std::string, Value>;

  IniFile() = default;
  /// @param name  for messages
  /// @throws ConfigError "name:line: ...", which quotes nothing of the text
  IniFile(std::string_view text, std::string name) : name_(std::move(name)) {
    std::size_t number = 0;
    for (const std::string_view line : credential_detail::lines_of(text)) read(line, ++number);
    section_ = nullptr;  // a copy's sections are at another place
  }

  const std::string& name() const { return name_; }
  /// By the words between the brackets: "default", "profile cats". Sections of one name are one,
  /// in which the last value of a key counts.
  const std::map<std::string, Section>& sections() const { return sections_; }
  const Section* section(const std::string& title) const {
    const auto at = sections_.find(title);
    return at == sections_.end() ? nullptr : &at->second;
  }

 private:
  void read(std::string_view line, std::size_t number) {
    const std::string_view text = credential_detail::trimmed(line);
    if (text.empty() || text.front() == '#' || text.front() == ';') return;
    const bool indented = line.front() == ' ' || line.front() == '\t';
    if (text.front() == '[' && !indented) return open(text, number);
    if (section_ == nullptr) fail("a line before the first [section]", number);
    if (indented && !parent_.empty() && !section_->at(parent_).text.empty()) {
      section_->at(parent_).text += "\n" + std::string(text);
      return;
    }
    const std::size_t equals = text.find('=');
    const std::string_view left = credential_detail::trimmed(text.substr(0, equals));
    if (equals == std::string_view::npos || left.empty())
      fail("not of the form key = value", number);
    std::string key(left);
    std::transform(key.begin(), key.end(), key.begin(), [](unsigned char c) {
      return static_cast<char>(std::tolower(c));
    });
    if (indented && !parent_.empty())
      key = parent_ + "." + key;
    else
      parent_ = key;
    (*section_)[key] = {std::string(credential_detail::trimmed(text.substr(equals + 1))), number};
  }

  void open(std::string_view text, std::size_t number) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) fail("a [section] without its ]", number);
    const std::string_view rest = credential_detail::trimmed(text.substr(end + 1));
    if (!rest.empty() && rest.front() != '#' && rest.front() != ';')
      fail("text after a [section]", number);
    section_ = &sections_[title_of(text.substr(1, end - 1))];
    parent_.clear();
  }

  /// One blank between the words; quotes, which names with blanks may have, are left out.
  static std::string title_of(std::string_view text) {
    std::string title;
    for (const char c : credential_detail::trimmed(text)) {
      if (c == '"' || c == '\'') continue;
      const bool blank = c == ' ' || c == '\t';
      if (blank && title.ends_with(' ')) continue;
      title += blank ? ' ' : c;
    }
    return title;
  }

  [[noreturn]] void fail(const std::string& what, std::size_t number) const {
    throw ConfigError(
        what, credential_detail::place(name_, number), "correct the line or remove it");
  }

  std::string name_;
  std::map<std::string, Section> sections_;
  Section* section_ = nullptr;
  std::string parent_;  ///< the last key that was not indented
};

}  // namespace ocelli::bucket
