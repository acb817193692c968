// Uri: percent signs as S3 wants them. A path or query is encoded once, and the same string is sent
// and signed.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"

namespace ocelli::bucket {

/// Every byte but A-Z a-z 0-9 - _ . ~ becomes %XX, in upper case (RFC 3986, strictly).
/// @param keep  further bytes that stay as they are: "/" in a path
inline std::string percent_encode(std::string_view text, std::string_view keep = {}) {
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~' ||
                       keep.find(c) != std::string_view::npos;
    if (plain) {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += '%';
      encoded += "0123456789ABCDEF"[byte >> 4];
      encoded += "0123456789ABCDEF"[byte & 15];
    }
  }
  return encoded;
}

/// The other way. A percent sign without two hexadecimal digits stays as it is.
/// @param plus_is_space  as in queries and in S3's listings
inline std::string percent_decode(std::string_view text, bool plus_is_space = false) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 &&
        digit(text[i + 2]) >= 0) {
      decoded += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      decoded += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

/// Of a key; slashes stay, also double, leading and trailing ones, and so do "." and "..".
inline std::string encode_path(std::string_view key) { return percent_encode(key, "/"); }

using Query = std::vector<std::pair<std::string, std::string>>;

/// "a=1&b=": each name and value encoded, sorted by the encoded pairs; a name without a value keeps
/// its equals sign. To be sent and to be signed.
inline std::string encode_query(const Query& query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& [name, value] : query)
    pairs.emplace_back(percent_encode(name), percent_encode(value));
  std::sort(pairs.begin(), pairs.end());
  std::string text;
  for (const auto& [name, value] : pairs) {
    if (!text.empty()) text += '&';
    text += name + '=' + value;
  }
  return text;
}

/// The pairs of a query as it was received.
inline Query decode_query(std::string_view text) {
  Query query;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (!pair.empty())
      query.emplace_back(
          percent_decode(pair.substr(0, equals), true),
          equals < pair.size() ? percent_decode(pair.substr(equals + 1), true) : std::string());
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return query;
}

/// The parts of an address; path and query still encoded.
struct Uri {
  std::string scheme;     ///< "http" or "https"
  std::string authority;  ///< host, or host:port
  std::string path;       ///< empty, or from its first slash
  std::string query;

  std::string origin() const { return scheme + "://" + authority; }
  /// Without the port, and without the brackets of an IPv6 address.
  std::string host() const {
    if (authority.starts_with('['))
      return authority.substr(1, std::min(authority.find(']'), authority.size()) - 1);
    return authority.substr(0, authority.find(':'));
  }
  bool secure() const { return scheme == "https"; }
  /// Whether what is sent stays on this machine.
  bool loopback() const {
    const std::string name = host();
    if (authority.starts_with('[') && authority != "[" + name + "]" &&
        !authority.starts_with("[" + name + "]:"))
      return false;  // "[::1].elsewhere"
    return name == "localhost" || name.ends_with(".localhost") || name == "::1" ||
           (name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string::npos);
  }
};

/// @throws ConfigError for anything but http://HOST... and https://HOST..., and for a password in
/// it
inline Uri parse_uri(std::string_view text) {
  const std::size_t colon = text.find("://");
  Uri uri;
  if (colon != std::string_view::npos) {
    uri.scheme = text.substr(0, colon);
    for (char& c : uri.scheme) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    text.remove_prefix(colon + 3);
  }
  const std::size_t end = std::min(text.find_first_of("/?#"), text.size());
  uri.authority = text.substr(0, end);
  // What stands before an @ may be a password, so the text is not shown.
  if (uri.authority.find('@') != std::string::npos)
    throw ConfigError(
        "the address has a user or password in it", {}, "give credentials in their own place");
  if ((uri.scheme != "http" && uri.scheme != "https") || uri.authority.empty() ||
      uri.authority.find_first_of(std::string_view(" \t\r\n\\\0", 6)) != std::string::npos)
    throw ConfigError(
        "not an address of a server", std::string(text.substr(0, 200)),
        "write https://HOST or http://HOST:PORT");
  text.remove_prefix(end);
  text = text.substr(0, text.find('#'));
  const std::size_t mark = std::min(text.find('?'), text.size());
  uri.path = text.substr(0, mark);
  if (mark < text.size()) uri.query = text.substr(mark + 1);
  return uri;
}

}  // namespace ocelli::bucket
