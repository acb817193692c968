// How an address, options, environment and files become a store.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "ocelli/bucket/credential_sources.hpp"
#include "ocelli/bucket/folder_store.hpp"
#include "ocelli/bucket/open.hpp"
#include "ocelli/bucket/s3_store.hpp"
#include "ocelli/bucket/url.hpp"
#include "ocelli/core/error.hpp"
#include "ocelli/core/file.hpp"
#include "ocelli/core/inline.hpp"

namespace ocelli::bucket {

namespace open_detail {

inline FoundCredentials find_credentials(const StoreOptions& options) {
  CredentialOptions search;
  search.keys = options.keys;
  search.api_key = options.api_key;
  search.instance = options.instance;
  search.credentials_file = options.credentials_file;
  search.profile = options.profile;
  search.anonymous = options.anonymous;
  search.ca_bundle = options.ca_bundle;
  if (!options.iam_url.empty()) search.iam.url = options.iam_url;
  search.environment = options.environment;
  search.working_folder = options.working_folder;
  return credentials_from(search);
}

/// The address's own endpoint, that of the options, or what was found; without a path.
inline std::string endpoint_of(
    const Address& address, const StoreOptions& options, const FoundCredentials& found) {
  const auto normal = [](const std::string& text) {
    const Url url = parse_url(text, "endpoint");
    if (!url.path.empty() && url.path != "/")
      throw ConfigError(
          "the endpoint has a path", url.origin(), "the bucket belongs into s3://BUCKET/PREFIX");
    return url.origin();
  };
  const std::string given = options.endpoint.empty() ? std::string() : normal(options.endpoint);
  if (!address.endpoint.empty()) {
    if (!given.empty() && given != address.endpoint)
      throw ConfigError(
          "the address names one endpoint and the options another, " + given, address.endpoint,
          "name one");
    return address.endpoint;
  }
  if (!given.empty()) return given;
  return found.endpoint.empty() ? std::string() : normal(found.endpoint);
}

inline void check_region(const std::string& region) {
  constexpr const char* allowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  // It becomes a part of host names and signatures.
  if (region.empty() || region.find_first_not_of(allowed) != std::string::npos)
    throw ConfigError(
        "the region has other characters than letters, digits, '-' and '_'", {},
        "name one as us-east-1 or eu-de");
}

inline S3Options::Addressing addressing_of(const std::string& style) {
  if (style.empty() || style == "auto") return S3Options::Addressing::automatic;
  if (style == "path") return S3Options::Addressing::path;
  if (style == "virtual") return S3Options::Addressing::virtual_host;
  throw ConfigError(
      "addressing_style is none of auto, path and virtual", "the profile's s3 settings",
      "correct the line or remove it");
}

[[noreturn]] inline void fail_no_endpoint(const FoundCredentials& found) {
  throw ConfigError(
      "the credentials are not those of AWS, and no endpoint is named", found.provider->origin(),
      "name one as https://s3.REGION.cloud-object-storage.appdomain.cloud" +
          (found.endpoints_page.empty() ? std::string()
                                        : "; " + found.endpoints_page + " lists them"));
}

inline OpenedStore open_folder(const Address& address, const StoreOptions& options) {
  OpenedStore opened;
  std::string unused;
  for (const auto& [value, name] :
       {std::pair(&options.endpoint, "endpoint"), std::pair(&options.region, "region"),
        std::pair(&options.profile, "profile"),
        std::pair(&options.credentials_file, "credentials file"),
        std::pair(&options.ca_bundle, "certificates")})
    if (!value->empty()) unused += (unused.empty() ? "" : ", ") + std::string(name);
  if (!unused.empty())
    opened.warnings.push_back(address.folder + " is a folder: not used: " + unused);
  if (options.make_folder) make_folder(address.folder);
  opened.store = std::make_shared<FolderStore>(address.folder);
  return opened;
}

}  // namespace open_detail

OCELLI_INLINE S3Options s3_options(
    const Address& address, const StoreOptions& options, std::vector<std::string>& warnings) {
  FoundCredentials found = open_detail::find_credentials(options);
  warnings.insert(warnings.end(), found.warnings.begin(), found.warnings.end());
  S3Options s3;
  s3.bucket = address.bucket;
  s3.endpoint = open_detail::endpoint_of(address, options, found);
  if (s3.endpoint.empty() && found.ibm) open_detail::fail_no_endpoint(found);
  if (found.bearer && !s3.endpoint.empty())
    require_secure(parse_url(s3.endpoint, "endpoint"), "bearer tokens", "endpoint");
  if (!options.region.empty())
    s3.region = options.region;
  else if (!found.region.empty())
    s3.region = found.region;
  open_detail::check_region(s3.region);
  s3.ca_bundle = found.ca_bundle;
  std::error_code code;
  if (!s3.ca_bundle.empty() && !std::filesystem::is_regular_file(s3.ca_bundle, code))
    throw StoreError(
        "no such file of certificates", s3.ca_bundle, "check the option and AWS_CA_BUNDLE");
  s3.addressing = open_detail::addressing_of(found.addressing_style);
  if (options.connections < 1 || options.connections > 1000)
    throw ConfigError("connections must be from 1 to 1000", {}, "leave the option out for 16");
  s3.connections = options.connections;
  s3.credentials = std::move(found.provider);
  if (!found.bucket.empty() && found.bucket != address.bucket)
    warnings.push_back(
        "the credentials were made for bucket " + found.bucket + ", not for " + address.bucket);
  return s3;
}

OCELLI_INLINE OpenedStore open_store(const std::string& address, const StoreOptions& options) {
  const Address parsed = parse_address(address);
  if (parsed.kind == Address::Kind::folder) return open_detail::open_folder(parsed, options);
  OpenedStore opened;
  const S3Options s3 = s3_options(parsed, options, opened.warnings);
  opened.store = std::make_shared<S3Store>(s3);
  opened.prefix = parsed.prefix;
  return opened;
}

}  // namespace ocelli::bucket
