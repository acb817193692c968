// How credentials are looked for, one source after the other.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "ocelli/bucket/aws_profile.hpp"
#include "ocelli/bucket/credential_file.hpp"
#include "ocelli/bucket/credential_sources.hpp"
#include "ocelli/bucket/dotenv.hpp"
#include "ocelli/bucket/object_store.hpp"
#include "ocelli/bucket/service_credential.hpp"
#include "ocelli/core/error.hpp"
#include "ocelli/core/inline.hpp"

namespace ocelli::bucket {

namespace sources_detail {

/// Profiles have [sections], the other kinds have not.
inline bool has_sections(std::string_view text) {
  for (const std::string_view line : credential_detail::lines_of(text))
    if (line.starts_with('[')) return true;
  return false;
}

inline bool is_there(const std::filesystem::path& path) {
  std::error_code code;
  return std::filesystem::status(path, code).type() != std::filesystem::file_type::not_found;
}

/// What the program gives itself.
inline StoredKeys from_program(const CredentialOptions& options) {
  StoredKeys found;
  found.keys = options.keys;
  found.api_key = options.api_key;
  found.instance = options.instance;
  found.origin = "the program";
  const bool id = !options.keys.access_key_id.empty();
  const bool secret = !options.keys.secret_access_key.empty();
  if (id != secret)
    throw ConfigError(
        id ? "an access key id without its secret access key"
           : "a secret access key without its access key id",
        "the credentials of the program", "give both");
  if (!id && !options.keys.session_token.empty())
    throw ConfigError(
        "a session token without a pair of keys", "the credentials of the program",
        "give the pair too");
  const int ways =
      (id ? 1 : 0) + (options.api_key.empty() ? 0 : 1) + (options.keys.bearer.empty() ? 0 : 1);
  if (ways > 1)
    throw ConfigError(
        "more than one of a pair of keys, an API key and a bearer token",
        "the credentials of the program", "give one");
  if (options.anonymous && (ways > 0 || !options.credentials_file.empty()))
    throw ConfigError(
        "credentials are given, and none are to be used", {}, "leave one of the two options out");
  for (const auto& [value, name] :
       {std::pair(&options.keys.access_key_id, "the access key id"),
        std::pair(&options.keys.secret_access_key.reveal(), "the secret access key"),
        std::pair(&options.keys.session_token.reveal(), "the session token"),
        std::pair(&options.keys.bearer.reveal(), "the bearer token"),
        std::pair(&options.api_key.reveal(), "the API key"),
        std::pair(&options.instance, "the resource instance")})
    credential_detail::check_value(*value, name, "the credentials of the program");
  return found;
}

inline StoredKeys from_environment(const Environment& environment) {
  StoredKeys found =
      aws_variables(environment, [](const std::string&) { return "the environment"; });
  found.origin = "the environment (AWS_ACCESS_KEY_ID)";
  return found;
}

inline StoredKeys from_file(const std::filesystem::path& path, std::string_view text) {
  StoredKeys found = is_service_credential(text) ? read_service_credential(text, path.string())
                                                 : read_dotenv(text, path.string());
  if (!found.empty()) credential_detail::warn_of_permissions(path, found.warnings);
  return found;
}

inline StoredKeys from_profile(const AwsProfile& profile) {
  StoredKeys found;
  found.keys = profile.keys;
  found.origin = profile.origin;
  found.endpoint = profile.endpoint;
  found.region = profile.region;
  found.ca_bundle = profile.ca_bundle;
  found.warnings = profile.key_warnings;
  return found;
}

[[noreturn]] inline void fail_other_way(const AwsProfile& profile) {
  throw ConfigError(
      "profile " + profile.name + " gets its keys by " + profile.other_way +
          ", which is not done here",
      "profile " + profile.name,
      "run `eval \"$(aws configure export-credentials --profile " + profile.name +
          " --format env)\"` before");
}

/// All sources, in their order. Those behind the first with keys are read for their settings alone.
class Search {
 public:
  explicit Search(const CredentialOptions& options) : options_(options) {}

  FoundCredentials run() {
    const bool profiles_named = read_named_file();
    const AwsProfile profile = read_aws_profile(options_.profile, environment_);
    StoredKeys variables = from_environment(options_.environment);
    if (profile.ignore_endpoints) variables.endpoint.clear();

    consider(from_program(options_));
    consider(std::move(variables));
    if (!options_.credentials_file.empty() && !profiles_named) {
      const bool unused = has_keys_;
      consider(std::move(file_));
      if (unused) say_unused(options_.credentials_file);
    }
    consider_profile(profile, profiles_named);
    if (!has_keys_ && !options_.anonymous) {
      const std::filesystem::path path = options_.working_folder / ".Credentials";
      if (is_there(path)) consider(from_file(path, credential_detail::read_credential_file(path)));
    }
    if (!has_keys_ && !options_.anonymous) fail_none(profile.name);
    if (!options_.ca_bundle.empty()) found_.ca_bundle = options_.ca_bundle;
    if (has_keys_) set_provider();
    return std::move(found_);
  }

 private:
  /// Keeps the keys of the first that has some, and what it says besides when nothing said so yet.
  void consider(StoredKeys source) {
    const auto first = [](std::string& value, const std::string& other) {
      if (value.empty()) value = other;
    };
    first(found_.endpoint, source.endpoint);
    first(found_.region, source.region);
    first(found_.bucket, source.bucket);
    first(found_.ca_bundle, source.ca_bundle);
    if (!source.empty() && !has_keys_ && !options_.anonymous) {
      has_keys_ = true;
      keys_ = std::move(source);
      add(keys_.warnings);
    } else if (source.empty()) {
      add(source.warnings);
    }
  }

  void add(const std::vector<std::string>& warnings) {
    found_.warnings.insert(found_.warnings.end(), warnings.begin(), warnings.end());
  }

  /// Somebody named this source, so that its keys are not used must be said.
  void say_unused(const std::string& name) {
    found_.warnings.push_back(
        name + ": its keys are not used, since those of " + keys_.origin + " come first");
  }

  /// True when it has profiles: it then stands for ~/.aws/credentials.
  bool read_named_file() {
    environment_ = options_.environment;
    if (options_.credentials_file.empty()) return false;
    const std::filesystem::path path = options_.credentials_file;
    const std::string text = credential_detail::read_credential_file(path);
    if (!is_service_credential(text) && has_sections(text)) {
      environment_ = [inner = options_.environment, path](const std::string& name) {
        return name == "AWS_SHARED_CREDENTIALS_FILE" ? path.string() : inner(name);
      };
      return true;
    }
    file_ = from_file(path, text);
    if (file_.empty())
      throw ConfigError(
          "no credentials in it", path.string(),
          "give a file with API_KEY=..., AWS_ACCESS_KEY_ID=..., [profiles] or a service "
          "credential");
    return false;
  }

  void consider_profile(const AwsProfile& profile, bool profiles_named) {
    add(profile.warnings);
    found_.addressing_style = profile.addressing_style;
    const bool wanted = !has_keys_ && !options_.anonymous;
    if (wanted && !profile.other_way.empty()) fail_other_way(profile);
    if (wanted && profile.keys.anonymous() && (profile.named || profiles_named))
      throw ConfigError(
          "profile " + profile.name + " has no keys",
          profiles_named ? options_.credentials_file : "profile " + profile.name,
          "add aws_access_key_id and aws_secret_access_key to it or name another one");
    const bool unused = has_keys_ && !profile.keys.anonymous();
    consider(from_profile(profile));
    // AWS_PROFILE beside AWS_ACCESS_KEY_ID is a habit of scripts, an option is not.
    if (unused && (!options_.profile.empty() || profiles_named))
      say_unused("profile " + profile.name);
  }

  [[noreturn]] void fail_none(const std::string& profile) const {
    throw LoginError(
        "no credentials: neither AWS_ACCESS_KEY_ID nor a profile \"" + profile +
            "\" with keys nor a file .Credentials here",
        {}, "set one of them up, or name a file with credentials");
  }

  void set_provider() {
    found_.ibm = keys_.ibm;
    found_.endpoints_page = keys_.endpoints_page;
    const std::string instance = options_.instance.empty() ? keys_.instance : options_.instance;
    if (keys_.api_key.empty()) {
      Credentials credentials = keys_.keys;
      if (!instance.empty()) credentials.instance = instance;
      found_.bearer = !credentials.bearer.empty();
      found_.provider = std::make_shared<FixedCredentials>(std::move(credentials), keys_.origin);
      return;
    }
    IamOptions iam = options_.iam;
    const std::string url = options_.environment("OCELLI_IAM_URL");
    if (iam.url == IamOptions{}.url && !url.empty()) iam.url = url;
    iam.api_key = keys_.api_key;
    iam.instance = instance;
    iam.origin = keys_.origin;
    iam.ca_bundle = found_.ca_bundle;
    found_.bearer = true;
    found_.ibm = true;
    found_.provider = std::make_shared<IamProvider>(std::move(iam));
  }

  const CredentialOptions& options_;
  Environment environment_;  ///< in which a named file with profiles stands for the usual one
  StoredKeys file_;          ///< of a named file without
  StoredKeys keys_;          ///< the first source with keys
  bool has_keys_ = false;
  FoundCredentials found_;
};

}  // namespace sources_detail

OCELLI_INLINE FoundCredentials credentials_from(const CredentialOptions& options) {
  return sources_detail::Search(options).run();
}

}  // namespace ocelli::bucket
