// Hyperparameters as text: `key=value` lines, `key: value` lines, or one flat JSON object.
//
//   num-steps=4000          # a comment
//   initial_learning_rate: 0.004
//   anchor_generator_scales: [0.1, 0.2, 0.35, 0.5, 0.65, 0.8]
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/core/nearest_name.hpp"

namespace ocelli::train {

/// One key with its value, as found.
struct Setting {
  std::string key, value;
  std::string where;  ///< "my.params:3"
};

namespace detail {

inline std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// Without a comment: a '#' at the start or after a blank, outside quotes.
inline std::string_view without_comment(std::string_view line) {
  char quote = 0;
  for (std::size_t k = 0; k < line.size(); ++k) {
    const char c = line[k];
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (
        (c == '"' || c == '\'') &&
        (k == 0 || line[k - 1] == ' ' || line[k - 1] == '=' || line[k - 1] == ':')) {
      quote = c;
    } else if (c == '#' && (k == 0 || line[k - 1] == ' ' || line[k - 1] == '\t')) {
      return line.substr(0, k);
    }
  }
  return line;
}

inline std::string_view without_quotes(std::string_view text) {
  if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'') &&
      text.back() == text.front())
    return text.substr(1, text.size() - 2);
  return text;
}

/// Splits one line into key and value at the first '=' or ':'.
inline Setting parse_setting(std::string_view line, const std::string& where) {
  const std::size_t at = line.find_first_of("=:");
  const std::string_view key =
      at == std::string_view::npos ? line : without_quotes(trimmed(line.substr(0, at)));
  const std::string_view value =
      at == std::string_view::npos ? line.substr(0, 0) : trimmed(line.substr(at + 1));
  if (key.empty() || value.empty())
    throw ConfigError(
        "\"" + shown(line) + "\" is no setting", where, "write key=value or key: value");
  return {std::string(key), std::string(without_quotes(value)), where};
}

/// A value of a JSON object as the text that a line would have.
inline std::string json_value_text(const nlohmann::ordered_json& value, const std::string& where) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number() || value.is_boolean()) return value.dump();
  if (value.is_array()) {
    std::string list;
    for (const auto& item : value) {
      if (!item.is_number() && !item.is_string())
        throw ConfigError("a list holds neither numbers nor texts", where, "write [0.1, 0.2]");
      list +=
          (list.empty() ? "" : ",") + (item.is_string() ? item.get<std::string>() : item.dump());
    }
    return list.empty() ? "none" : list;
  }
  throw ConfigError(
      "the value is no number, text, true, false or list", where, "write \"key\": value");
}

inline std::size_t line_of(std::string_view text, std::size_t at) {
  const std::string_view before = text.substr(0, std::min(at, text.size()));
  return 1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
}

/// Where a key is written; the first line when an escape hides it.
inline std::string place_of(
    std::string_view text, const std::string& key, const std::string& where) {
  const std::size_t at = text.find("\"" + key + "\"");
  return where + ":" + std::to_string(at == std::string_view::npos ? 1 : line_of(text, at));
}

inline std::vector<Setting> parse_json_settings(std::string_view text, const std::string& where) {
  std::vector<std::string> keys;  // of the outermost object
  int count = 0;                  // of all keys: looking them up takes time
  const auto watch = [&](int depth, nlohmann::ordered_json::parse_event_t event,
                         nlohmann::ordered_json& value) {
    if (depth > 8)
      throw ConfigError("the JSON is nested too deeply", where, "write one flat object");
    if (event != nlohmann::ordered_json::parse_event_t::key) return true;
    if (++count > 10000)
      throw ConfigError("the JSON has more than 10000 keys", where, "write less");
    if (depth != 1) return true;
    const auto& key = value.get_ref<const std::string&>();
    if (std::find(keys.begin(), keys.end(), key) != keys.end())
      throw ConfigError(
          "\"" + shown(key) + "\" is there twice", place_of(text, key, where), "remove one");
    keys.push_back(key);
    return true;
  };
  nlohmann::ordered_json object;
  try {
    object = nlohmann::ordered_json::parse(text.begin(), text.end(), watch);
  } catch (const nlohmann::json::parse_error& error) {
    throw ConfigError(
        "this is not JSON", where + ":" + std::to_string(line_of(text, error.byte)),
        "write one object: {\"num_steps\": 4000}");
  } catch (const nlohmann::json::exception&) {
    throw ConfigError("a number of this JSON is out of range", where, "use a smaller one");
  }
  // The config.json of a run holds its settings one level down, each with where it came from.
  const auto nested = object.find("hyperparameters");
  const bool resolved = nested != object.end() && nested->is_object();
  std::vector<Setting> settings;
  for (const auto& [key, value] : (resolved ? *nested : object).items()) {
    const std::string place = place_of(text, key, where);
    const bool described = resolved && value.is_object() && value.contains("value");
    settings.push_back({key, json_value_text(described ? value["value"] : value, place), place});
  }
  return settings;
}

}  // namespace detail

/// Reads all settings of a text in order. Throws ConfigError with `where`:line.
inline std::vector<Setting> parse_settings(std::string_view text, const std::string& where) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // a byte order mark
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text[first] == '{')
    return detail::parse_json_settings(text, where);
  std::vector<Setting> settings;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = detail::trimmed(detail::without_comment(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line == "---" || line == "...") continue;
    settings.push_back(detail::parse_setting(line, where + ":" + std::to_string(number)));
  }
  return settings;
}

}  // namespace ocelli::train
