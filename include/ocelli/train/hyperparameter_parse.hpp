// The value of a hyperparameter as text, both ways, by the rules of its row.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/core/nearest_name.hpp"
#include "ocelli/train/hyperparameter_table.hpp"
#include "ocelli/train/hyperparameter_text.hpp"

namespace ocelli::train {

namespace detail {

/// The shortest text that reads back as the same number.
inline std::string number_text(double value) {
  char text[32];
  const auto [end, fault] = std::to_chars(text, text + sizeof text, value);
  return fault == std::errc() ? std::string(text, end) : std::string("?");
}

inline std::string range_text(const Range& range) {
  if (range.low == range.high) return "must be " + number_text(range.low);
  const bool low = std::isfinite(range.low), high = std::isfinite(range.high);
  std::string text = "must be ";
  if (low) text += (range.low_open ? "greater than " : "at least ") + number_text(range.low);
  if (low && high) text += " and ";
  if (high) text += (range.high_open ? "less than " : "at most ") + number_text(range.high);
  return low || high ? text : "may be any number";
}

template <class Items>
std::string joined(const Items& items, std::string_view between) {
  std::string text;
  for (const auto& item : items)
    text += (text.empty() ? std::string() : std::string(between)) + std::string(item);
  return text;
}

inline std::vector<std::string> split_list(std::string_view text) {
  text = trimmed(text);
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']')
    text = trimmed(text.substr(1, text.size() - 2));
  std::vector<std::string> items;
  if (text.empty() || plain_name(text) == "none") return items;
  while (true) {
    const std::size_t comma = text.find(',');
    items.emplace_back(without_quotes(trimmed(text.substr(0, comma))));
    if (comma == std::string_view::npos) return items;
    text.remove_prefix(comma + 1);
  }
}

inline std::span<const std::string_view> words_of(const Choices& choices) {
  const auto end = std::find(choices.begin(), choices.end(), std::string_view());
  return {choices.data(), static_cast<std::size_t>(end - choices.begin())};
}

/// Reads one value of a row. Each returns the value or throws ConfigError with `where`.
struct ValueReader {
  const Hyperparameter& row;
  const std::string& where;

  [[noreturn]] void refuse(std::string_view text, const std::string& rule) const {
    throw ConfigError(
        std::string(row.name) + " cannot be \"" + shown(text) + "\"", where, "it " + rule);
  }
  double number(std::string_view text) const {
    double value = 0;
    const std::string_view digits = text.starts_with('+') ? text.substr(1) : text;
    const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (fault != std::errc() || end != digits.data() + digits.size() || !std::isfinite(value) ||
        !row.range.contains(value))
      refuse(text, "is a number and " + range_text(row.range));
    return value == 0 ? 0 : value;  // no -0, so that equal settings are written alike
  }
  void read(std::string_view text, long& out) const {
    double value = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole =
        fault == std::errc() && end == text.data() + text.size() && value == std::floor(value);
    if (whole && std::abs(value) >= 0x1p31) refuse(text, "must be less than 2^31");
    if (!whole || !row.range.contains(value) ||
        (row.odd && static_cast<std::int64_t>(value) % 2 == 0))
      refuse(
          text,
          "is an " + std::string(row.odd ? "odd " : "") + "integer and " + range_text(row.range));
    out = static_cast<long>(value);
  }
  void read(std::string_view text, double& out) const { out = number(text); }
  void read(std::string_view text, bool& out) const {
    const std::string word = plain_name(text);
    if (word == "true" || word == "1" || word == "yes" || word == "on") {
      out = true;
    } else if (word == "false" || word == "0" || word == "no" || word == "off") {
      out = false;
    } else {
      refuse(text, "is true or false");
    }
  }
  std::string choice(std::string_view text) const {
    std::string word = plain_name(text), bare = word;
    std::erase(bare, '_');
    std::size_t index = 0;
    for (const std::string_view known : words_of(row.choices)) {
      std::string lower = plain_name(known);
      std::erase(lower, '_');
      if (lower == bare || (row.choices[0] == "NONE" && word == std::to_string(index)))
        return std::string(known);
      ++index;
    }
    refuse(text, "is one of " + joined(words_of(row.choices), ", "));
  }
  void read(std::string_view text, std::string& out) const {
    if (!words_of(row.choices).empty()) {
      out = choice(text);
      return;
    }
    if (text.empty() || text.size() > 4096 ||
        std::any_of(text.begin(), text.end(), [](char c) { return c < 32 || c > 126; }))
      refuse(text, "is a text of at most 4096 printable ASCII characters");
    out = text;
  }
  void read(std::string_view text, std::vector<double>& out) const {
    std::vector<double> list;
    for (const std::string& item : split_list(text)) list.push_back(number(item));
    if (list.size() > 64) refuse(text, "is a list of at most 64 numbers");
    out = std::move(list);
  }
  void read(std::string_view text, std::vector<std::string>& out) const {
    std::vector<std::string> list;
    for (const std::string_view known : words_of(row.choices)) {  // in the table's order, each once
      for (const std::string& item : split_list(text))
        if (choice(item) == known && (list.empty() || list.back() != known))
          list.emplace_back(known);
    }
    out = std::move(list);
  }
};

/// A value of a row as the text that reads back as the same.
inline std::string value_text(const Hyperparameter& row, const HyperparameterValues& values) {
  return std::visit(
      [&](auto member) -> std::string {
        const auto& value = values.*member;
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, long>) {
          return std::to_string(value);
        } else if constexpr (std::is_same_v<T, double>) {
          return number_text(value);
        } else if constexpr (std::is_same_v<T, bool>) {
          return value ? "true" : "false";
        } else if constexpr (std::is_same_v<T, std::string>) {
          return value;
        } else if constexpr (std::is_same_v<T, std::vector<double>>) {
          std::vector<std::string> items;
          for (const double item : value) items.push_back(number_text(item));
          return items.empty() ? "none" : joined(items, ",");
        } else {
          return value.empty() ? "none" : joined(value, ",");
        }
      },
      row.member);
}

}  // namespace detail

}  // namespace ocelli::train
