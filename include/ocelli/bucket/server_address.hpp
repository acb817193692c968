// Addresses of servers as people give them: checked, before keys are sent there.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>

#include "ocelli/bucket/uri.hpp"
#include "ocelli/core/error.hpp"

namespace ocelli::bucket {

/// Stricter than parse_uri(): host and port must be ones, and there is no query. Where no scheme is
/// written, https is meant. The host becomes lower case.
/// @param name  what the address is for, in messages: "endpoint"
/// @throws ConfigError; the text is not repeated, since a password could stand in it
inline Uri parse_server(std::string_view text, const std::string& name) {
  const auto fail = [&](const std::string& what) {
    throw ConfigError("the " + name + " " + what, {}, "write it as https://HOST[:PORT]");
  };
  for (const char c : text)
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f' || c == '\\')
      fail("has a blank, a backslash or a control character in it");
  const auto lower = [](unsigned char c) { return static_cast<char>(std::tolower(c)); };
  Uri uri;
  const std::size_t mark = text.find("://");
  uri.scheme = mark == std::string_view::npos ? "https" : std::string(text.substr(0, mark));
  std::transform(uri.scheme.begin(), uri.scheme.end(), uri.scheme.begin(), lower);
  if (mark != std::string_view::npos) text.remove_prefix(mark + 3);
  if (uri.scheme != "http" && uri.scheme != "https") fail("is neither http nor https");
  if (text.find_first_of("?#") != std::string_view::npos) fail("has a query or a fragment");
  const std::size_t slash = std::min(text.find('/'), text.size());
  uri.authority = std::string(text.substr(0, slash));
  uri.path = std::string(text.substr(slash));
  std::transform(uri.authority.begin(), uri.authority.end(), uri.authority.begin(), lower);
  // Whoever puts a name before '@' can make another host look like this machine.
  if (uri.authority.find('@') != std::string::npos) fail("has a user or password in it");

  std::string_view host = uri.authority;
  const std::size_t colon = host.find(':', host.starts_with('[') ? host.find(']') : 0);
  if (colon != std::string_view::npos) {
    const std::string_view digits = host.substr(colon + 1);
    int port = 0;
    const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (fault != std::errc() || end != digits.data() + digits.size() || port < 1 || port > 65535)
      fail("has a port that is no number from 1 to 65535");
    host = host.substr(0, colon);
  }
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host.empty()) fail("names no host");
  constexpr std::string_view in_brackets = "0123456789abcdef:.";
  constexpr std::string_view in_names = "abcdefghijklmnopqrstuvwxyz0123456789.-_";
  if (host.find_first_not_of(bracketed ? in_brackets : in_names) != std::string_view::npos)
    fail("has a host with characters that no host has");
  return uri;
}

/// Keys in the open are for this machine alone.
/// @param what  for messages: "bearer tokens"  @param name  of the address, for the advice
inline void require_secure(const Uri& uri, const std::string& what, const std::string& name) {
  if (!uri.secure() && !uri.loopback())
    throw ConfigError(
        what + " are not sent over http", uri.origin(), "use an https:// address as the " + name);
}

}  // namespace ocelli::bucket
