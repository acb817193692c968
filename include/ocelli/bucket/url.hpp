// Url: scheme, host, port and path of an address on the network.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>

#include "ocelli/core/error.hpp"

namespace ocelli::bucket {

struct Url {
  std::string scheme;  ///< "http" or "https"
  std::string host;    ///< in lower case; "[::1]" keeps its brackets
  int port = 0;        ///< 0: the scheme's own
  std::string path;    ///< with its first '/', undecoded; may be empty

  bool secure() const { return scheme == "https"; }
  /// "https://host:port", without the path.
  std::string origin() const {
    return scheme + "://" + host + (port == 0 ? "" : ":" + std::to_string(port));
  }
};

/// Where no scheme is written, https is meant.
/// @param name  what the address is for, in messages: "endpoint"
/// @throws ConfigError; the text is not repeated where a password could stand in it
inline Url parse_url(std::string_view text, const std::string& name) {
  const auto fail = [&](const std::string& what) {
    throw ConfigError("the " + name + " " + what, {}, "write it as https://HOST[:PORT]");
  };
  for (const char c : text)
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f' || c == '\\')
      fail("has a blank, a backslash or a control character in it");
  Url url;
  const std::size_t mark = text.find("://");
  url.scheme = mark == std::string_view::npos ? "https" : std::string(text.substr(0, mark));
  if (mark != std::string_view::npos) text.remove_prefix(mark + 3);
  const auto lower = [](unsigned char c) { return static_cast<char>(std::tolower(c)); };
  std::transform(url.scheme.begin(), url.scheme.end(), url.scheme.begin(), lower);
  if (url.scheme != "http" && url.scheme != "https") fail("is neither http nor https");
  const std::size_t slash = std::min(text.find_first_of("/?#"), text.size());
  std::string_view place = text.substr(0, slash);
  if (text.find_first_of("?#") != std::string_view::npos) fail("has a query or a fragment");
  // Whoever puts a name before '@' can make another host look like this machine.
  if (place.find('@') != std::string_view::npos) fail("has a user or password in it");
  url.path = std::string(text.substr(slash));

  const std::size_t colon = place.find(':', place.starts_with('[') ? place.find(']') : 0);
  if (colon != std::string_view::npos) {
    const std::string_view digits = place.substr(colon + 1);
    const auto [end, fault] =
        std::from_chars(digits.data(), digits.data() + digits.size(), url.port);
    if (fault != std::errc() || end != digits.data() + digits.size() || url.port < 1 ||
        url.port > 65535)
      fail("has a port that is no number from 1 to 65535");
    place = place.substr(0, colon);
  }
  url.host = std::string(place);
  std::transform(url.host.begin(), url.host.end(), url.host.begin(), lower);
  const bool bracketed = url.host.starts_with('[') && url.host.ends_with(']');
  const std::string_view allowed =
      bracketed ? "[]0123456789abcdef:." : "abcdefghijklmnopqrstuvwxyz0123456789.-_";
  if (url.host.empty()) fail("names no host");
  if (url.host.find_first_not_of(allowed) != std::string::npos)
    fail("has a host with characters that no host has");
  return url;
}

/// Whether what is sent there stays on this machine.
inline bool is_loopback(const Url& url) {
  if (url.host == "localhost" || url.host.ends_with(".localhost") || url.host == "[::1]")
    return true;
  // 127.a.b.c: four numbers, so that no name that only begins like it passes.
  if (!url.host.starts_with("127.")) return false;
  const bool digits = url.host.find_first_not_of("0123456789.") == std::string::npos;
  return digits && std::count(url.host.begin(), url.host.end(), '.') == 3;
}

/// Keys in the open are for this machine alone.
/// @param what  for messages: "bearer tokens"
inline void require_secure(const Url& url, const std::string& what, const std::string& name) {
  if (!url.secure() && !is_loopback(url))
    throw ConfigError(
        what + " are not sent over http", url.origin(), "use an https:// address as the " + name);
}

}  // namespace ocelli::bucket
