// open_store: from an address to the store behind it, with its credentials.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "ocelli/bucket/address.hpp"
#include "ocelli/bucket/credentials.hpp"
#include "ocelli/bucket/environment.hpp"
#include "ocelli/bucket/object_store.hpp"
#include "ocelli/bucket/s3_options.hpp"
#include "ocelli/core/inline.hpp"

namespace ocelli::bucket {

/// What an address does not say. For folders nothing of this counts.
struct StoreOptions {
  std::string
      endpoint;  ///< "https://host[:port]"; empty: the address's, or what credentials_from finds
  std::string region;            ///< empty: what is found, else us-east-1
  std::string profile;           ///< of ~/.aws; empty: AWS_PROFILE, or "default"
  std::string credentials_file;  ///< any kind that credential_sources.hpp lists
  std::string ca_bundle;         ///< PEM file of trusted authorities
  bool anonymous = false;        ///< sign nothing, for public buckets
  int connections = 16;          ///< at most, at once

  Credentials keys;      ///< given by the program itself, before all others
  Secret api_key;        ///< of IBM IAM, likewise
  std::string instance;  ///< IBM's resource instance
  std::string iam_url;   ///< of the token server; empty: OCELLI_IAM_URL, or IBM's

  Environment environment = process_environment();
  std::filesystem::path working_folder = ".";  ///< where `.Credentials` may be
  bool make_folder = false;                    ///< a folder that is not there is created
};

struct OpenedStore {
  std::shared_ptr<ObjectStore> store;
  std::string prefix;                 ///< of the address, as written; see folder_prefix()
  std::vector<std::string> warnings;  ///< sentences for the user, without secrets
};

/// What a bucket's address and the options come to; open_store() makes its store from this.
/// @param address   of a bucket  @param warnings  gets what is worth saying
/// @throws as open_store()
S3Options s3_options(
    const Address& address, const StoreOptions& options, std::vector<std::string>& warnings);

/// Reads files and environment, but asks no server: whether the bucket is there shows later.
/// @throws ConfigError for an address, an endpoint or credentials that cannot be right; AccessError
///         when there are no credentials; StoreError for files that cannot be read and for a folder
///         that is not there
OpenedStore open_store(const std::string& address, const StoreOptions& options = {});

}  // namespace ocelli::bucket

#ifndef OCELLI_COMPILED
#include "ocelli/bucket/open_impl.hpp"
#endif
