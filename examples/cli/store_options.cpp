// Options for buckets.
// SPDX-License-Identifier: Apache-2.0
#include "store_options.hpp"

#include <fmt/core.h>

#include <cstdio>

#include "ocelli/bucket/address.hpp"

namespace program {

void add_store_options(CLI::App& command, ocelli::bucket::StoreOptions& options) {
  CLI::Option_group& group = *command.add_option_group(
      "Buckets",
      "For s3:// addresses. Keys are never given as options, which other users of the machine can "
      "read: they come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, from a file, from a "
      "profile of ~/.aws, or from .Credentials in this folder.");
  group.add_option(
      "--endpoint", options.endpoint,
      "Server, as https://HOST[:PORT]; else AWS_ENDPOINT_URL_S3, the credentials file or AWS");
  group.add_option("--region", options.region, "Region; else AWS_REGION, or us-east-1");
  group.add_option("--profile", options.profile, "Profile of ~/.aws; else AWS_PROFILE");
  group.add_option(
      "--credentials", options.credentials_file,
      "File with credentials: a service credential (JSON), NAME=VALUE lines, or profiles");
  group.add_option(
      "--ca-bundle", options.ca_bundle, "PEM file of trusted authorities; else AWS_CA_BUNDLE");
  group.add_flag("--anonymous", options.anonymous, "Sign nothing: for public buckets");
  group.add_option("--connections", options.connections, "Connections to the server, at most")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
}

bool is_bucket(const std::string& address) {
  using ocelli::bucket::Address;
  return !address.empty() && ocelli::bucket::parse_address(address).kind == Address::Kind::bucket;
}

ocelli::bucket::OpenedStore open_store(
    const std::string& address, const ocelli::bucket::StoreOptions& options) {
  ocelli::bucket::OpenedStore opened = ocelli::bucket::open_store(address, options);
  for (const std::string& warning : opened.warnings) fmt::print(stderr, "ocelli: {}\n", warning);
  return opened;
}

}  // namespace program
