// The S3 server that tests/s3/with-gateway started, and buckets of one test.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "ocelli/bucket/credentials.hpp"
#include "ocelli/bucket/s3_options.hpp"
#include "ocelli/bucket/s3_store.hpp"

namespace ocelli::test {

inline std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// Is there a server? Without one the test must return; that is said aloud, once. In CI (CI=true)
/// it is an error.
inline bool gateway_there() {
  if (!from_environment("OCELLI_TEST_S3").empty()) return true;
  if (from_environment("CI") == "true")
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
  return std::make_shared<bucket::FixedCredentials>(credentials);
}

/// The server, with the keys of the one who may do anything.
inline bucket::S3Options gateway_options(const std::string& bucket) {
  bucket::S3Options options;
  options.bucket = bucket;
  options.endpoint = from_environment("OCELLI_TEST_S3");
  options.region = from_environment("AWS_DEFAULT_REGION");
  options.credentials =
      key_pair(from_environment("AWS_ACCESS_KEY_ID"), from_environment("AWS_SECRET_ACCESS_KEY"));
  return options;
}

/// The server, with the keys of one who may only read.
inline bucket::S3Options reader_options(const std::string& bucket) {
  bucket::S3Options options = gateway_options(bucket);
  options.credentials = key_pair(
      from_environment("OCELLI_TEST_S3_READER_ID"), from_environment("OCELLI_TEST_S3_READER_KEY"));
  return options;
}

/// A new bucket with a name of its own, removed with all its objects at the end.
class GatewayBucket {
 public:
  explicit GatewayBucket(std::string_view what = "test")
      : name_(unique(what)), store_(gateway_options(name_)) {
    bucket::create_bucket(options());
  }
  ~GatewayBucket() {
    try {
      for (const bucket::ObjectInfo& info : store_.list("")) store_.remove(info.key);
      bucket::remove_bucket(options());
    } catch (const std::exception& fault) {
      std::printf("the bucket %s stays: %s\n", name_.c_str(), fault.what());
    }
  }
  GatewayBucket(const GatewayBucket&) = delete;
  GatewayBucket& operator=(const GatewayBucket&) = delete;

  const std::string& name() const { return name_; }
  bucket::S3Options options() const { return gateway_options(name_); }
  bucket::S3Store& store() { return store_; }

 private:
  static std::string unique(std::string_view what) {
    static std::atomic<int> count{0};
    const auto now = std::chrono::system_clock::now().time_since_epoch().count();
    return std::string(what) + "-" + std::to_string(now) + "-" + std::to_string(::getpid()) + "-" +
           std::to_string(++count);
  }

  std::string name_;
  bucket::S3Store store_;
};

}  // namespace ocelli::test
