// S3Options: where an S3 bucket is and how patient its client is.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "ocelli/bucket/credentials.hpp"

namespace ocelli::bucket {

struct S3Options {
  std::string bucket;
  std::string endpoint;  ///< "https://host[:port]"; empty: AWS, in `region`
  std::string region = "us-east-1";
  std::string ca_bundle;  ///< PEM file of trusted authorities; empty: the system's
  /// Null: no signature, for public buckets.
  std::shared_ptr<CredentialsProvider> credentials;
  /// ENDPOINT/BUCKET/KEY rather than BUCKET.ENDPOINT/KEY. Automatic: for every endpoint but AWS's.
  enum class Addressing { automatic, path, virtual_host } addressing = Addressing::automatic;

  int connections = 16;  ///< at most, at once
  bool reuse_connections = true;
  std::uint64_t part_size = 16u << 20;  ///< bytes; above it an upload goes in parts of that size
  std::uint64_t copy_size = std::uint64_t{5} << 30;  ///< bytes; above it a copy goes in parts
  int attempts = 6;                                  ///< of a request, before its error leaves
  std::chrono::milliseconds backoff{
      200};  ///< before the second attempt, doubled each time, with jitter
  std::chrono::milliseconds longest_backoff{10000};
  std::chrono::milliseconds connect_timeout{10000};
  std::chrono::milliseconds stall_timeout{30000};  ///< without a byte, either way
};

}  // namespace ocelli::bucket
