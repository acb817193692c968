// IamProvider: an API key of IBM Cloud, changed for bearer tokens that live for an hour or less.
//
// The token is asked for at the first get(). After 80 % of its life one caller asks for the next
// one, while the others go on with the old one; when that fails, the old one serves until its end.
//
// IBM Cloud docs, "Generating an IBM Cloud IAM token by using an API key".
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>

#include "ocelli/bucket/credentials.hpp"
#include "ocelli/core/inline.hpp"

namespace ocelli::bucket {

class HttpClient;

struct IamOptions {
  Secret api_key;
  std::string instance;  ///< the resource instance, handed on with each token
  std::string origin;    ///< where the key is from, for messages
  std::string url = "https://iam.cloud.ibm.com/identity/token";  ///< http on this machine alone
  std::string ca_bundle;                                         ///< PEM file; empty: the system's
  int attempts = 5;                        ///< when there is no token to go on with; else 1
  std::chrono::milliseconds backoff{250};  ///< before the second attempt, doubled each time
  std::chrono::milliseconds connect_timeout{10000};
  std::chrono::milliseconds stall_timeout{30000};
  std::function<std::chrono::system_clock::time_point()> now = std::chrono::system_clock::now;
  std::function<void(std::chrono::milliseconds)> pause = [](std::chrono::milliseconds time) {
    std::this_thread::sleep_for(time);
  };
};

class IamProvider : public CredentialsProvider {
 public:
  /// Asks nobody yet. @throws ConfigError for a malformed address, or http to another machine
  explicit IamProvider(IamOptions options);
  ~IamProvider() override;

  /// @throws AccessError for an API key that is refused; StoreError when the token server cannot be
  ///         reached, or says what no token server says
  Credentials get() override;
  /// Asks for another token, unless there is a newer one already than get() gave to this thread.
  /// False when none was given; the old one is then kept.
  bool renew() override;
  std::string origin() const override { return options_.origin; }

 private:
  using Time = std::chrono::system_clock::time_point;
  struct Token {
    Secret text;
    Time refresh{}, end{};  ///< when to ask for the next one; when this one is of no use
  };

  void ask(std::unique_lock<std::mutex>& lock, int attempts);
  void wait(std::unique_lock<std::mutex>& lock);
  Token fetch(int attempts);
  Token read_answer(const std::string& body) const;
  std::string shown(std::string text) const;

  IamOptions options_;
  std::unique_ptr<HttpClient> client_;  ///< used by the one thread that asks

  std::mutex mutex_;
  std::condition_variable asked_;
  bool asking_ = false;
  std::uint64_t answers_ = 0;  ///< good or bad
  std::exception_ptr fault_;   ///< of the last answer
  Token token_;
  std::uint64_t number_ = 0;                                      ///< of the token
  std::unordered_map<std::thread::id, std::uint64_t> handed_to_;  ///< the last token's number
};

}  // namespace ocelli::bucket

#ifndef OCELLI_COMPILED
#include "ocelli/bucket/iam_impl.hpp"
#endif
