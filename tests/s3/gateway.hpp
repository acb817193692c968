// The S3 server of these tests: named by OCELLI_TEST_S3 (its address), AWS_ACCESS_KEY_ID and
// AWS_SECRET_ACCESS_KEY. Without it they are skipped, loudly.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

#include "ocelli/bucket/s3_store.hpp"

namespace ocelli::test {

inline std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

inline bool gateway_there() {
  static const bool there = [] {
    const bool set = !environment("OCELLI_TEST_S3").empty();
    if (!set) std::cerr << "SKIPPED: OCELLI_TEST_S3 names no S3 server, so nothing was tested\n";
    return set;
  }();
  return there;
}

inline bucket::S3Options gateway_options(const std::string& bucket) {
  bucket::Credentials keys;
  keys.access_key_id = environment("AWS_ACCESS_KEY_ID");
  keys.secret_access_key = bucket::Secret(environment("AWS_SECRET_ACCESS_KEY"));
  bucket::S3Options options;
  options.bucket = bucket;
  options.endpoint = environment("OCELLI_TEST_S3");
  options.credentials = std::make_shared<bucket::FixedCredentials>(keys, "the environment");
  options.backoff = std::chrono::milliseconds(20);
  return options;
}

}  // namespace ocelli::test
