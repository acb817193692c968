// Files with keys in them: read with care, and never quoted.
//
// Every reader of such a file says which line is wrong and what belongs there, but repeats nothing
// of what it read: a secret may stand where nobody expects one.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "ocelli/bucket/credentials.hpp"
#include "ocelli/core/error.hpp"
#include "ocelli/core/file.hpp"

namespace ocelli::bucket {

/// What a file, or the environment, may hold.
struct StoredKeys {
  Credentials keys;      ///< a pair and its session token; anonymous() when there is none
  Secret api_key;        ///< of IBM IAM, for bearer tokens
  std::string instance;  ///< IBM's resource instance
  std::string endpoint, region, bucket;  ///< empty: it does not say
  std::string ca_bundle;
  std::string endpoints_page;  ///< where IBM lists its endpoints, for advice
  bool ibm = false;            ///< so the keys are of no use at AWS
  std::string origin;          ///< for messages: "FILE", "the environment (AWS_ACCESS_KEY_ID)"
  std::vector<std::string> warnings;
  bool empty() const { return keys.anonymous() && api_key.empty(); }
};

namespace credential_detail {

inline std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n\f\v";
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

/// The lines of a text, without their ends and without a byte order mark before the first.
inline std::vector<std::string_view> lines_of(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

inline std::string place(const std::string& file, std::size_t line) {
  return file + ":" + std::to_string(line);
}

/// Keys, ids and tokens go into headers: a blank or a control character in one is a mistake in
/// copying, and a line's end in one would be a header of its own.
inline void check_value(
    const std::string& value, const std::string& name, const std::string& where) {
  for (const char c : value)
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f')
      throw ConfigError(
          name + " has a blank or a control character in it", where, "copy it again, on one line");
}

/// For a shell, so that an advice can be pasted.
inline std::string quoted_for_shell(const std::string& path) {
  if (path.find_first_not_of(
          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-") ==
      std::string::npos)
    return path;
  std::string quoted = "'";
  for (const char c : path) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

/// Adds a warning when others than the owner may read or change the file.
inline void warn_of_permissions(
    const std::filesystem::path& path, std::vector<std::string>& warnings) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || (info.st_mode & 077) == 0) return;
  std::array<char, 8> mode{};
  std::snprintf(mode.data(), mode.size(), "%04o", static_cast<unsigned>(info.st_mode & 07777));
  warnings.push_back(
      path.string() + ": holds keys and is open to others (mode " + mode.data() + "); chmod 600 " +
      quoted_for_shell(path.string()));
}

/// Whole; such files are small. @throws StoreError
inline std::string read_credential_file(const std::filesystem::path& path) {
  return read_file(path, 1u << 20);
}

}  // namespace credential_detail

}  // namespace ocelli::bucket
