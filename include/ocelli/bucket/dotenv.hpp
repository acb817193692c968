// Dotenv: NAME=VALUE lines, as a `.Credentials` file has them; and which names hold keys.
//
//   API_KEY=...                  of IBM IAM
//   RESOURCE_INSTANCE_ID=...     needed only to list and make buckets
//
// The names of the AWS variables are read too, so that a file can stand for the environment.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "ocelli/bucket/credential_file.hpp"
#include "ocelli/bucket/environment.hpp"
#include "ocelli/core/error.hpp"

namespace ocelli::bucket {

namespace dotenv_detail {

struct Line {
  std::string value;
  std::size_t number = 0;  ///< from 1
};

/// Without quotes around it, and without a comment behind it.
inline std::string value_of(std::string_view text, const std::string& where) {
  text = credential_detail::trimmed(text);
  if (!text.empty() && (text.front() == '"' || text.front() == '\'')) {
    const std::size_t end = text.find(text.front(), 1);
    if (end == std::string_view::npos)
      throw ConfigError("a quote is not closed", where, "close it, or leave the quotes out");
    const std::string_view rest = credential_detail::trimmed(text.substr(end + 1));
    if (!rest.empty() && rest.front() != '#')
      throw ConfigError("text after a closing quote", where, "correct the line");
    return std::string(text.substr(1, end - 1));
  }
  return std::string(credential_detail::trimmed(text.substr(0, text.find(" #"))));
}

/// By name. @throws ConfigError "name:line: ...", which quotes nothing
inline std::map<std::string, Line> lines_by_name(std::string_view text, const std::string& file) {
  std::map<std::string, Line> found;
  std::size_t number = 0;
  for (const std::string_view line : credential_detail::lines_of(text)) {
    const std::string where = credential_detail::place(file, ++number);
    std::string_view rest = credential_detail::trimmed(line);
    if (rest.empty() || rest.front() == '#') continue;
    if (rest.starts_with("export ")) rest.remove_prefix(7);
    const std::size_t equals = rest.find('=');
    const std::string_view name = credential_detail::trimmed(rest.substr(0, equals));
    const bool good = std::all_of(
        name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
    if (equals == std::string_view::npos || name.empty() || !good)
      throw ConfigError("not of the form NAME=VALUE", where, "correct the line or remove it");
    found[std::string(name)] = {value_of(rest.substr(equals + 1), where), number};
  }
  return found;
}

}  // namespace dotenv_detail

/// The pair, its session token and the settings among AWS's variables.
/// @param where  of a variable, for messages
/// @throws ConfigError for half a pair, naming what is missing
inline StoredKeys aws_variables(
    const Environment& variable, const std::function<std::string(const std::string&)>& where) {
  const auto checked = [&](const std::string& name) {
    std::string value = variable(name);
    credential_detail::check_value(value, name, where(name));
    return value;
  };
  const std::string id = "AWS_ACCESS_KEY_ID", secret = "AWS_SECRET_ACCESS_KEY";
  StoredKeys found;
  found.keys.access_key_id = checked(id);
  found.keys.secret_access_key = Secret(checked(secret));
  if (found.keys.access_key_id.empty() != found.keys.secret_access_key.empty()) {
    const bool has_id = !found.keys.access_key_id.empty();
    throw ConfigError(
        (has_id ? id : secret) + " is set, but " + (has_id ? secret : id) + " is not",
        where(has_id ? id : secret), "set both or none");
  }
  found.keys.session_token = Secret(checked("AWS_SESSION_TOKEN"));
  if (found.keys.anonymous() && !found.keys.session_token.empty()) {
    found.warnings.push_back(
        where("AWS_SESSION_TOKEN") + ": AWS_SESSION_TOKEN is not used without " + id);
    found.keys.session_token = {};
  }
  const auto first = [&](const std::string& a, const std::string& b) {
    const std::string value = variable(a);
    return value.empty() ? variable(b) : value;
  };
  found.region = first("AWS_REGION", "AWS_DEFAULT_REGION");
  found.endpoint = first("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL");
  found.ca_bundle = variable("AWS_CA_BUNDLE");
  return found;
}

/// Of the text of a file. @throws ConfigError "file:line: ...", which quotes nothing
inline StoredKeys read_dotenv(std::string_view text, const std::string& file) {
  const auto lines = dotenv_detail::lines_by_name(text, file);
  const auto where = [&](const std::string& name) {
    const auto at = lines.find(name);
    return at == lines.end() ? file : credential_detail::place(file, at->second.number);
  };
  const Environment variable = [&](const std::string& name) {
    const auto at = lines.find(name);
    return at == lines.end() ? std::string() : at->second.value;
  };
  StoredKeys found = aws_variables(variable, where);
  found.origin = file;
  found.api_key = Secret(variable("API_KEY"));
  found.instance = variable("RESOURCE_INSTANCE_ID");
  credential_detail::check_value(found.api_key.reveal(), "API_KEY", where("API_KEY"));
  credential_detail::check_value(
      found.instance, "RESOURCE_INSTANCE_ID", where("RESOURCE_INSTANCE_ID"));
  if (found.api_key.empty() && !found.instance.empty())
    throw ConfigError(
        "RESOURCE_INSTANCE_ID is there, but API_KEY is not", where("RESOURCE_INSTANCE_ID"),
        "add a line API_KEY=...");
  found.ibm = !found.api_key.empty();

  constexpr std::array<std::string_view, 10> known = {
      "API_KEY",           "RESOURCE_INSTANCE_ID", "AWS_ACCESS_KEY_ID",  "AWS_SECRET_ACCESS_KEY",
      "AWS_SESSION_TOKEN", "AWS_REGION",           "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_S3",
      "AWS_ENDPOINT_URL",  "AWS_CA_BUNDLE"};
  // Not by name: a key may stand where a name should.
  for (const auto& [name, line] : lines)
    if (std::find(known.begin(), known.end(), name) == known.end())
      found.warnings.push_back(
          credential_detail::place(file, line.number) + ": a name that is not used here");
  return found;
}

}  // namespace ocelli::bucket
