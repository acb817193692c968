// AwsProfile: keys and settings under a name, in the two files that the AWS tools share.
//
// ~/.aws/credentials has a section [NAME] for each profile, ~/.aws/config [profile NAME], or
// [default]; AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE name others. A value in the first file
// counts before one in the second. An endpoint for S3 alone, in the section that `services` names,
// counts before one for everything.
//
// AWS SDKs and Tools Reference Guide, "Shared config and credentials files", "Service-specific
// endpoints".
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "ocelli/bucket/credential_file.hpp"
#include "ocelli/bucket/credentials.hpp"
#include "ocelli/bucket/environment.hpp"
#include "ocelli/bucket/ini_file.hpp"
#include "ocelli/core/error.hpp"
#include "ocelli/core/nearest_name.hpp"

namespace ocelli::bucket {

struct AwsProfile {
  std::string name;
  bool named = false;  ///< somebody asked for it; else it is "default", which need not exist
  Credentials keys;    ///< anonymous() when it has none
  std::string origin;  ///< of the keys: "FILE [NAME]"
  std::string
      other_way;  ///< how it gets keys that are not written down: "role_arn"; empty: it does not
  std::string endpoint, region, ca_bundle;
  std::string addressing_style;           ///< "path", "virtual", "auto" or empty
  bool ignore_endpoints = false;          ///< no endpoint of any variable or file is to be used
  std::vector<std::string> warnings;      ///< of files that are missing
  std::vector<std::string> key_warnings;  ///< to be shown when its keys are used
};

namespace aws_detail {

/// One of the two files, or an empty one.
/// @param variable  names the file before `usual`, which is below the home folder
inline IniFile open_shared_file(
    const Environment& environment, const std::string& variable, const std::string& usual,
    std::vector<std::string>& warnings) {
  const std::string home = environment("HOME");
  std::string path = environment(variable);
  const bool named = !path.empty();
  if (!named && home.empty()) return {};
  if (!named) path = home + "/" + usual;
  if (path.starts_with("~/") && !home.empty()) path = home + path.substr(1);
  std::error_code code;
  if (std::filesystem::status(path, code).type() == std::filesystem::file_type::not_found) {
    if (named) warnings.push_back(variable + " names " + path + ", which is not there");
    return {};
  }
  // A home that is somebody else's, as in many containers.
  if (!named && ::faccessat(AT_FDCWD, path.c_str(), R_OK, AT_EACCESS) != 0) {
    warnings.push_back(path + " is not used: " + std::strerror(errno));
    return {};
  }
  return {credential_detail::read_credential_file(path), path};
}

/// A profile's part of one file.
struct Part {
  const IniFile* file = nullptr;
  const IniFile::Section* section = nullptr;

  const IniFile::Value* find(const std::string& key) const {
    if (section == nullptr) return nullptr;
    const auto at = section->find(key);
    return at == section->end() || at->second.text.empty() ? nullptr : &at->second;
  }
  std::string where(const IniFile::Value& value) const {
    return credential_detail::place(file->name(), value.line);
  }
  std::string text(const std::string& key) const {
    const IniFile::Value* value = find(key);
    return value == nullptr ? std::string() : value->text;
  }
  /// Of what goes into a header.
  std::string checked(const std::string& key) const {
    const IniFile::Value* value = find(key);
    if (value == nullptr) return {};
    credential_detail::check_value(value->text, key, where(*value));
    return value->text;
  }
};

/// The first part that has the key gives the value.
inline std::string first_of(const std::vector<Part>& parts, const std::string& key) {
  for (const Part& part : parts)
    if (part.find(key) != nullptr) return part.text(key);
  return {};
}

/// @throws ConfigError when there is half a pair
inline bool take_keys(const Part& part, AwsProfile& profile) {
  const IniFile::Value* id = part.find("aws_access_key_id");
  const IniFile::Value* secret = part.find("aws_secret_access_key");
  if (id == nullptr && secret == nullptr) return false;
  if (id == nullptr || secret == nullptr)
    throw ConfigError(
        "profile " + profile.name + " has " +
            (id != nullptr ? "aws_access_key_id but no aws_secret_access_key"
                           : "aws_secret_access_key but no aws_access_key_id"),
        part.where(id != nullptr ? *id : *secret), "add the other half");
  profile.keys.access_key_id = part.checked("aws_access_key_id");
  profile.keys.secret_access_key = Secret(part.checked("aws_secret_access_key"));
  profile.keys.session_token = Secret(part.checked("aws_session_token"));
  profile.origin = part.file->name() + " [" + profile.name + "]";
  credential_detail::warn_of_permissions(part.file->name(), profile.key_warnings);
  return true;
}

[[noreturn]] inline void fail_unknown(
    const std::string& name, const IniFile& credentials, const IniFile& config) {
  std::vector<std::string> known;
  for (const auto& entry : credentials.sections()) known.push_back(entry.first);
  for (const auto& entry : config.sections()) {
    if (entry.first == "default") known.push_back(entry.first);
    if (entry.first.starts_with("profile ")) known.push_back(entry.first.substr(8));
  }
  std::string files;
  for (const IniFile* file : {&credentials, &config})
    if (!file->name().empty()) files += (files.empty() ? "" : " and ") + file->name();
  throw ConfigError(
      "there is no profile \"" + name + "\"", files,
      known.empty() ? "run `aws configure --profile " + name + "`"
                    : "did you mean \"" + nearest_name(name, known) + "\"?");
}

/// Of S3, before that of all services.
inline std::string endpoint_of(
    const std::vector<Part>& parts, const IniFile& config, const std::string& profile) {
  const std::string services = first_of(parts, "services");
  if (!services.empty()) {
    const IniFile::Section* section = config.section("services " + services);
    if (section == nullptr)
      throw ConfigError(
          "profile " + profile + " names services = " + services +
              ", but there is no section [services " + services + "]",
          config.name(), "add the section or remove the line");
    const std::string endpoint = Part{&config, section}.text("s3.endpoint_url");
    if (!endpoint.empty()) return endpoint;
  }
  const std::string nested = first_of(parts, "s3.endpoint_url");
  return nested.empty() ? first_of(parts, "endpoint_url") : nested;
}

}  // namespace aws_detail

/// The profile `name`, or else that of AWS_PROFILE, or "default".
/// @throws ConfigError for a profile that was named and is not there, half a pair of keys, or a
///         malformed file; StoreError for a file that cannot be read
inline AwsProfile read_aws_profile(const std::string& name, const Environment& environment) {
  AwsProfile profile;
  profile.name = name.empty() ? environment("AWS_PROFILE") : name;
  profile.named = !profile.name.empty();
  if (!profile.named) profile.name = "default";
  const IniFile credentials = aws_detail::open_shared_file(
      environment, "AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials", profile.warnings);
  const IniFile config =
      aws_detail::open_shared_file(environment, "AWS_CONFIG_FILE", ".aws/config", profile.warnings);

  std::vector<aws_detail::Part> parts;
  if (const auto* section = credentials.section(profile.name))
    parts.push_back({&credentials, section});
  if (const auto* section = config.section("profile " + profile.name))
    parts.push_back({&config, section});
  else if (const auto* plain = config.section("default"); plain && profile.name == "default")
    parts.push_back({&config, plain});
  if (parts.empty() && profile.named) aws_detail::fail_unknown(profile.name, credentials, config);

  for (const aws_detail::Part& part : parts)
    if (aws_detail::take_keys(part, profile)) break;
  // Whoever names a role wants its rights and not those of the keys beside it.
  for (const char* way : {"role_arn", "credential_process", "sso_session", "sso_start_url"}) {
    for (const aws_detail::Part& part : parts) {
      const bool before_keys = std::string(way) == "role_arn";
      if (part.find(way) != nullptr && (before_keys || profile.keys.anonymous()) &&
          profile.other_way.empty())
        profile.other_way = way;
    }
  }
  profile.region = aws_detail::first_of(parts, "region");
  profile.ca_bundle = aws_detail::first_of(parts, "ca_bundle");
  profile.addressing_style = aws_detail::first_of(parts, "s3.addressing_style");
  std::string ignore = environment("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
  if (ignore.empty()) ignore = aws_detail::first_of(parts, "ignore_configured_endpoint_urls");
  profile.ignore_endpoints = ignore == "true" || ignore == "True" || ignore == "TRUE";
  if (!profile.ignore_endpoints)
    profile.endpoint = aws_detail::endpoint_of(parts, config, profile.name);
  return profile;
}

}  // namespace ocelli::bucket
