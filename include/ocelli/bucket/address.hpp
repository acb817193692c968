// Address: where objects are, as people write it.
//
//   s3://BUCKET[/PREFIX]              a bucket; its endpoint is an option
//   https://HOST[:PORT]/BUCKET[/PREFIX]   the same with its endpoint; %XX in it are bytes
//   FOLDER, file:///FOLDER            a local folder with the layout of a bucket
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <string>
#include <string_view>

#include "ocelli/bucket/server_address.hpp"
#include "ocelli/bucket/uri.hpp"
#include "ocelli/core/error.hpp"

namespace ocelli::bucket {

struct Address {
  enum class Kind { folder, bucket } kind = Kind::folder;
  std::string folder;    ///< path, of a folder
  std::string bucket;    ///< name, of a bucket
  std::string prefix;    ///< what the keys begin with, as it was written; of a bucket
  std::string endpoint;  ///< "https://host[:port]"; empty: the address does not say
};

namespace address_detail {

constexpr const char* advice =
    "write s3://BUCKET/PREFIX, https://ENDPOINT/BUCKET/PREFIX or the path of a folder";

inline void split(std::string_view rest, Address& address) {
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  address.bucket = std::string(rest.substr(0, slash));
  address.prefix = std::string(rest.substr(std::min(slash + 1, rest.size())));
}

}  // namespace address_detail

/// The names that every server takes: 3 to 63 of a-z, 0-9, '-' and '.', with a letter or a digit
/// at both ends, and no IP address. Amazon S3 User Guide, "Bucket naming rules".
/// @param where  for messages: the address  @throws ConfigError
inline void check_bucket_name(std::string_view name, const std::string& where) {
  const auto fail = [&](const std::string& what, const std::string& advice) {
    throw ConfigError(what, where, advice);
  };
  if (name.empty()) fail("no bucket is named", address_detail::advice);
  const std::string quoted = "the bucket's name \"" + std::string(name) + "\"";
  if (std::any_of(name.begin(), name.end(), [](unsigned char c) { return std::isupper(c) != 0; }))
    fail(quoted + " has upper-case letters", "bucket names are in lower case");
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz0123456789";
  if (name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-.") != std::string_view::npos)
    fail(quoted + " has other characters than a-z, 0-9, '-' and '.'", "check the name");
  if (name.size() < 3 || name.size() > 63)
    fail(
        quoted + " has " + std::to_string(name.size()) + " characters",
        "bucket names have 3 to 63");
  if (letters.find(name.front()) == std::string_view::npos ||
      letters.find(name.back()) == std::string_view::npos)
    fail(quoted + " does not begin and end with a letter or a digit", "check the name");
  if (name.find("..") != std::string_view::npos) fail(quoted + " has \"..\"", "check the name");
  if (name.find_first_not_of("0123456789.") == std::string_view::npos &&
      std::count(name.begin(), name.end(), '.') == 3)
    fail(quoted + " is an IP address", "name a bucket");
}

/// @throws ConfigError for what is none of the above
inline Address parse_address(const std::string& text) {
  Address address;
  const std::size_t mark = text.find("://");
  std::string scheme = mark == std::string::npos ? std::string() : text.substr(0, mark);
  std::transform(scheme.begin(), scheme.end(), scheme.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  // "a/b://c" is a path: a scheme has letters and digits alone.
  const bool has_scheme =
      !scheme.empty() &&
      scheme.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789+-.") == std::string::npos;
  if (text.empty()) throw ConfigError("an empty address", {}, address_detail::advice);
  if (!has_scheme) {
    address.folder = text;
    return address;
  }
  const std::string_view rest = std::string_view(text).substr(mark + 3);
  if (scheme == "file") {
    const std::size_t slash = rest.find('/');
    const std::string_view host = rest.substr(0, slash);
    if (slash == std::string_view::npos || (!host.empty() && host != "localhost"))
      throw ConfigError(
          "a file address names a folder of this machine, from its root", text,
          "write file:///FOLDER, with three slashes");
    address.folder = percent_decode(rest.substr(slash));
    return address;
  }
  address.kind = Address::Kind::bucket;
  if (scheme == "s3") {
    address_detail::split(rest, address);
    // Not repeated in the message: some write keys there.
    if (address.bucket.find_first_of(":@") != std::string::npos)
      throw ConfigError(
          "an s3 address has a user, a password or a port in it", {},
          "write s3://BUCKET/PREFIX, give keys in their own place, and a server as the endpoint");
    check_bucket_name(address.bucket, text);
    return address;
  }
  if (scheme != "https" && scheme != "http")
    throw ConfigError(
        "an address of an unknown kind, " + scheme + "://", {}, address_detail::advice);
  // Not repeated in messages before it is known that no password and no signature is in it.
  const Uri url = parse_server(text, "address");
  address.endpoint = url.origin();
  if (url.host().ends_with(".amazonaws.com"))
    throw ConfigError(
        "buckets of AWS are not addressed by host here", url.origin(),
        "write s3://BUCKET/PREFIX and give the region");
  address_detail::split(std::string_view(url.path).substr(url.path.empty() ? 0 : 1), address);
  check_bucket_name(address.bucket, text);
  address.prefix = percent_decode(address.prefix);
  return address;
}

/// A prefix as a folder: empty, or with a '/' at its end, so that "set" does not mean "settings/a".
inline std::string folder_prefix(std::string prefix) {
  if (!prefix.empty() && prefix.back() != '/') prefix += '/';
  return prefix;
}

}  // namespace ocelli::bucket
