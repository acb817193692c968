// The S3 server that tests/s3/with-gateway started.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>

#include "ocelli/bucket/credentials.hpp"
#include "ocelli/bucket/s3_options.hpp"
#include "ocelli/bucket/s3_store.hpp"

namespace ocelli::test {

inline std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// Is there a server? Without one the test must return; that is said aloud, once. In CI (CI=true)
/// it is an error.
inline bool gateway_there() {
  if (!environment("OCELLI_TEST_S3").empty()) return true;
  if (environment("CI") == "true")
    throw std::runtime_error("no S3 server, which CI must have: run it by tests/s3/with-gateway");
  static std::atomic<bool> said{false};
  if (!said.exchange(true))
    std::printf(
        "SKIPPED: tests that need an S3 server; run the program by tests/s3/with-gateway\n");
  return false;
}

inline std::shared_ptr<bucket::CredentialsProvider> key_pair(
    const std::string& id, const std::string& secret) {
  bucket::Credentials credentials;
  credentials.access_key_id = id;
  credentials.secret_access_key = bucket::Secret(secret);
  return std::make_shared<bucket::FixedCredentials>(credentials, "the environment");
}

/// The server, with the keys of the one who may do anything.
inline bucket::S3Options gateway_options(const std::string& bucket) {
  bucket::S3Options options;
  options.bucket = bucket;
  options.endpoint = environment("OCELLI_TEST_S3");
  options.region = environment("AWS_DEFAULT_REGION");
  options.backoff = std::chrono::milliseconds(20);
  options.credentials =
      key_pair(environment("AWS_ACCESS_KEY_ID"), environment("AWS_SECRET_ACCESS_KEY"));
  return options;
}

/// The server, with the keys of one who may only read.
inline bucket::S3Options reader_options(const std::string& bucket) {
  bucket::S3Options options = gateway_options(bucket);
  options.credentials =
      key_pair(environment("OCELLI_TEST_S3_READER_ID"), environment("OCELLI_TEST_S3_READER_KEY"));
  return options;
}

}  // namespace ocelli::test
