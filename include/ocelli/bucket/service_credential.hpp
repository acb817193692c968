// Service credentials: the JSON that IBM Cloud hands out, and the dictionary for notebooks.
//
//   {"apikey": ..., "resource_instance_id": ..., "endpoints": ...,
//    "cos_hmac_keys": {"access_key_id": ..., "secret_access_key": ...}}
//   {"bucket": ..., "access_key_id": ..., "secret_access_key": ..., "endpoint_url": ...}
//
// The second is written as JSON or as Python writes it: 'single quotes', a comma before the brace,
// # comments, `credentials = ` in front.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "ocelli/bucket/credential_file.hpp"
#include "ocelli/core/error.hpp"

namespace ocelli::bucket {

namespace service_detail {

inline std::size_t line_at(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  return 1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
}

/// Where a brace or a bracket opens the value: at the beginning, or behind `name =`; npos when the
/// text is of another kind.
inline std::size_t begin_of_literal(std::string_view text) {
  std::size_t at = text.starts_with("\xEF\xBB\xBF") ? 3 : 0;
  bool named = false;
  for (; at < text.size(); ++at) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c == '{') return at;
    if (c == '#') {
      at = std::min(text.find('\n', at), text.size() - 1);
    } else if (c == '[') {
      // "[" and then "{" or a blank is a list; "[default]" a section of another kind of file.
      const std::string_view rest = credential_detail::trimmed(text.substr(at + 1));
      return rest.starts_with('{') ? at : std::string_view::npos;
    } else if (c == '=' && named) {
      const std::string_view rest = credential_detail::trimmed(text.substr(at + 1));
      return rest.starts_with('{') ? text.find('{', at) : std::string_view::npos;
    } else if (std::isalnum(c) != 0 || c == '_') {
      named = true;
    } else if (std::isspace(c) == 0) {
      break;
    }
  }
  return std::string_view::npos;
}

/// Writes a Python literal as JSON. Lines stay lines, so that places in it are places in the text.
class PythonToJson {
 public:
  PythonToJson(std::string_view text, std::string file) : text_(text), file_(std::move(file)) {}

  std::string convert(std::size_t begin) {
    out_.assign(line_at(text_, begin) - 1, '\n');
    for (at_ = begin; at_ < text_.size();) {
      const char c = text_[at_];
      if (c == '"' || c == '\'') {
        string(c);
      } else if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (c == ',' && before_end(at_ + 1)) {
        ++at_;
      } else if (std::isalpha(static_cast<unsigned char>(c)) != 0) {
        word();
      } else {
        out_ += text_[at_++];
      }
    }
    return std::move(out_);
  }

 private:
  void string(char quote) {
    const std::size_t begin = at_++;
    out_ += '"';
    for (; at_ < text_.size() && text_[at_] != quote && text_[at_] != '\n'; ++at_) {
      const char c = text_[at_];
      if (c == '\\' && at_ + 1 < text_.size()) {
        if (text_[++at_] != '\'') out_ += '\\';
        out_ += text_[at_];
      } else {
        if (c == '"') out_ += '\\';
        out_ += c;
      }
    }
    if (at_ == text_.size() || text_[at_] != quote)
      throw ConfigError(
          "a quote is not closed", credential_detail::place(file_, line_at(text_, begin)),
          "copy the credentials again");
    out_ += '"';
    ++at_;
  }

  void word() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && std::isalpha(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
    const std::string_view word = text_.substr(begin, at_ - begin);
    out_ += word == "True" ? "true" : word == "False" ? "false" : word == "None" ? "null" : word;
  }

  /// Is a closing bracket the next thing that is neither blank nor comment?
  bool before_end(std::size_t at) const {
    for (; at < text_.size(); ++at) {
      if (text_[at] == '#')
        at = std::min(text_.find('\n', at), text_.size() - 1);
      else if (std::isspace(static_cast<unsigned char>(text_[at])) == 0)
        return text_[at] == '}' || text_[at] == ']';
    }
    return false;
  }

  std::string_view text_;
  std::string file_, out_;
  std::size_t at_ = 0;
};

/// An object of the file, with messages that name a place.
struct Fields {
  const nlohmann::json& object;
  std::string_view text;
  const std::string& file;

  std::string where(const std::string& name) const {
    for (const char* quote : {"\"", "'"}) {
      const std::size_t at = text.find(quote + name + quote);
      if (at != std::string_view::npos) return credential_detail::place(file, line_at(text, at));
    }
    return file;
  }
  bool has(const std::string& name) const {
    return object.contains(name) && !object.at(name).is_null();
  }
  /// Empty when it is not there.
  std::string get(const std::string& name) const {
    if (!has(name)) return {};
    const nlohmann::json& value = object.at(name);
    if (!value.is_string())
      throw ConfigError(name + " is not a text", where(name), "copy the credentials again");
    std::string string = value.get<std::string>();
    credential_detail::check_value(string, name, where(name));
    return string;
  }
  void take_pair(Credentials& keys) const {
    const std::string id = "access_key_id", secret = "secret_access_key";
    keys.access_key_id = get(id);
    keys.secret_access_key = Secret(get(secret));
    const bool has_id = !keys.access_key_id.empty();
    if (has_id == keys.secret_access_key.empty())
      throw ConfigError(
          (has_id ? id : secret) + " is there, but " + (has_id ? secret : id) + " is not",
          where(has_id ? id : secret), "copy the credentials again");
  }
};

/// nlohmann's own messages quote what they read.
inline nlohmann::json parse(const std::string& text, const std::string& file) {
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    throw ConfigError(
        "neither JSON nor a Python dictionary",
        credential_detail::place(file, line_at(text, error.byte == 0 ? 0 : error.byte - 1)),
        "copy the credentials again");
  } catch (const nlohmann::json::exception&) {
    throw ConfigError("neither JSON nor a Python dictionary", file, "copy the credentials again");
  }
}

}  // namespace service_detail

/// Whether the text is one of these.
inline bool is_service_credential(std::string_view text) {
  return service_detail::begin_of_literal(text) != std::string_view::npos;
}

/// Keys are preferred to the API key: they need no token server.
/// @throws ConfigError "file:line: ...", which quotes nothing of the text
inline StoredKeys read_service_credential(std::string_view text, const std::string& file) {
  const std::string json =
      service_detail::PythonToJson(text, file).convert(service_detail::begin_of_literal(text));
  nlohmann::json document = service_detail::parse(json, file);
  // As the command line of IBM Cloud prints it: [{..., "credentials": {...}}].
  if (document.is_array() && document.size() == 1) document = nlohmann::json(document[0]);
  if (document.is_object() && document.contains("credentials"))
    document = nlohmann::json(document["credentials"]);
  const service_detail::Fields fields{document, text, file};
  StoredKeys found;
  found.origin = file;
  found.ibm = true;
  if (document.is_object() && (fields.has("cos_hmac_keys") || fields.has("apikey"))) {
    if (fields.has("cos_hmac_keys")) {
      if (!document["cos_hmac_keys"].is_object())
        throw ConfigError(
            "cos_hmac_keys is not an object", fields.where("cos_hmac_keys"),
            "copy the credentials again");
      service_detail::Fields{document["cos_hmac_keys"], text, file}.take_pair(found.keys);
    }
    found.instance = fields.get("resource_instance_id");
    found.keys.instance = found.instance;
    if (found.keys.anonymous()) found.api_key = Secret(fields.get("apikey"));
    found.endpoints_page = fields.get("endpoints");
    if (found.empty())
      throw ConfigError("apikey is empty", fields.where("apikey"), "copy the credentials again");
    return found;
  }
  if (!document.is_object() || (!fields.has("access_key_id") && !fields.has("secret_access_key")))
    throw ConfigError(
        "no credentials that are known here", file,
        "give a JSON with apikey or cos_hmac_keys, or with access_key_id and secret_access_key");
  fields.take_pair(found.keys);
  found.bucket = fields.get("bucket");
  found.endpoint = fields.get("endpoint_url");
  return found;
}

}  // namespace ocelli::bucket
