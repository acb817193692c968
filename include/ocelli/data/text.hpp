// Small text helpers of the label readers: numbers, lines, file names, labels that look alike.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ocelli::data {

/// Without blanks, tabs and line ends on either side.
inline std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n\v\f";
  const std::size_t first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

/// A number in the C locale, blanks around it allowed; nothing else may follow ("3,5" is none).
template <class T = double>
std::optional<T> parse_number(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  T value{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || code != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

/// The lines of a text without their ends; a BOM at the start is left out.
inline std::vector<std::string_view> split_lines(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

/// From an offset in a text to its line number, counted from 1.
class LineIndex {
 public:
  explicit LineIndex(std::string_view text) {
    for (std::size_t i = text.find('\n'); i != std::string_view::npos; i = text.find('\n', i + 1)) {
      ends_.push_back(i);
    }
  }
  std::size_t line(std::size_t offset) const {
    return static_cast<std::size_t>(
               std::lower_bound(ends_.begin(), ends_.end(), offset) - ends_.begin()) +
           1;
  }

 private:
  std::vector<std::size_t> ends_;
};

/// "Annotations/a.xml" -> "Annotations/", "a.xml", "a", ".xml".
inline std::string_view folder_of(std::string_view key) {
  return key.substr(0, key.rfind('/') + 1);
}
inline std::string_view file_name_of(std::string_view key) {
  return key.substr(key.rfind('/') + 1);
}
inline std::string_view stem_of(std::string_view key) {
  const std::string_view name = file_name_of(key);
  const std::size_t dot = name.rfind('.');
  return dot == 0 ? name : name.substr(0, dot);
}
inline std::string_view extension_of(std::string_view key) {
  const std::string_view name = file_name_of(key);
  return name.substr(stem_of(key).size());
}
inline std::string lower_ascii(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}
/// By name: .jpg, .jpeg, .png or .bmp in any case.
inline bool is_picture_name(std::string_view key) {
  const std::string extension = lower_ascii(extension_of(key));
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png" || extension == ".bmp";
}

/// A label without what makes two spellings of one word differ: case, blanks around it, accents and
/// the way they are encoded (composed or not). For warnings only; labels themselves keep their
/// bytes.
inline std::string label_skeleton(std::string_view label) {
  // Base letters of U+00C0 .. U+017F; '?' stands for letters that have none.
  constexpr std::string_view base =
      "aaaaaa?ceeeeiiii?nooooo??uuuuy??aaaaaa?ceeeeiiii?nooooo??uuuuy?y"
      "aaaaaaccccccccdd??eeeeeeeeeegggggggghh??iiiiiiiii???jjkk?llllll?"
      "???nnnnnn???oooooo??rrrrrrsssssssstttt??uuuuuuuuuuuuwwyyyzzzzzz?";
  std::string skeleton;
  const std::string text = lower_ascii(trimmed(label));
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead >= 0xC3 && lead <= 0xCD && i + 1 < text.size()) {
      const unsigned code = (lead & 0x1Fu) << 6 | (static_cast<unsigned char>(text[i + 1]) & 0x3Fu);
      const std::size_t at = code - 0xC0;
      if (code >= 0x300 && code <= 0x36F) {  // combining mark
        ++i;
        continue;
      }
      if (at < base.size() && base[at] != '?') {
        skeleton += base[at];
        ++i;
        continue;
      }
    }
    skeleton += text[i];
  }
  return skeleton;
}

}  // namespace ocelli::data
