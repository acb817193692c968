// Where credentials are found: in the program, the environment, files, and in which order.
//
//   1  what the program gives itself (an API key or a pair)
//   2  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
//   3  a file that was named: service credential, notebook dictionary, NAME=VALUE lines, or
//   profiles 4  a profile of ~/.aws (AWS_PROFILE, AWS_SHARED_CREDENTIALS_FILE, AWS_CONFIG_FILE) 5
//   `.Credentials` in the working folder
//
// Endpoint, region and certificates are looked for on their own, in the same order.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "ocelli/bucket/credentials.hpp"
#include "ocelli/bucket/environment.hpp"
#include "ocelli/bucket/iam.hpp"
#include "ocelli/core/inline.hpp"

namespace ocelli::bucket {

struct CredentialOptions {
  Credentials keys;              ///< a pair or a bearer token; anonymous(): look elsewhere
  Secret api_key;                ///< of IBM IAM, instead of `keys`
  std::string instance;          ///< IBM's resource instance; empty: that of the file
  std::string credentials_file;  ///< of any of the kinds above; empty: none
  std::string profile;           ///< empty: AWS_PROFILE, or "default"
  bool anonymous = false;        ///< look for no keys: for public buckets
  std::string ca_bundle;         ///< PEM file, also for the token server; empty: AWS_CA_BUNDLE
  /// How bearer tokens are asked for. Address: `iam.url` when it is not the default, else
  /// OCELLI_IAM_URL. Key, instance, origin and certificates are set here from the above.
  IamOptions iam;
  Environment environment = process_environment();
  std::filesystem::path working_folder = ".";
};

struct FoundCredentials {
  std::shared_ptr<CredentialsProvider> provider;  ///< null: anonymous was asked for
  std::string endpoint, region, bucket;           ///< empty: nothing says
  std::string ca_bundle;                          ///< PEM file; empty: the system's
  std::string addressing_style;       ///< a profile's: "path", "virtual", "auto" or empty
  bool ibm = false;                   ///< so the keys are of no use at AWS: an endpoint is needed
  bool bearer = false;                ///< so https is needed
  std::string endpoints_page;         ///< where IBM lists its endpoints; may be empty
  std::vector<std::string> warnings;  ///< sentences, without secrets
};

/// Reads files and environment, and asks no server.
/// @throws ConfigError for half a pair, a malformed file (file and line, nothing quoted), a profile
///         that is not there or that this library cannot use; AccessError when there are no
///         credentials anywhere; StoreError for a file that cannot be read
FoundCredentials credentials_from(const CredentialOptions& options = {});

}  // namespace ocelli::bucket

#ifndef OCELLI_COMPILED
#include "ocelli/bucket/credential_sources_impl.hpp"
#endif
