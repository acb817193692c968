// FreshBucket: an empty bucket of the gateway, removed with its objects at the end.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>

#include <iostream>
#include <string>

#include "s3/gateway.hpp"

namespace ocelli::test {

class FreshBucket {
 public:
  explicit FreshBucket(const std::string& name)
      : options(gateway_options("ocelli-" + name + "-" + std::to_string(::getpid()))) {
    bucket::create_bucket(options);
  }
  ~FreshBucket() {
    try {
      bucket::S3Store store(options);
      for (const bucket::ObjectInfo& object : store.list("")) store.remove(object.key);
      bucket::remove_bucket(options);
    } catch (const Error& error) {
      std::cerr << "the test's bucket stays: " << error.what() << '\n';
    }
  }
  FreshBucket(const FreshBucket&) = delete;
  FreshBucket& operator=(const FreshBucket&) = delete;

  const bucket::S3Options options;
};

}  // namespace ocelli::test
