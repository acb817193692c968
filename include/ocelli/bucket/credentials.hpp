// Credentials: what a store is shown, and who hands it out. They print as stars.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <ostream>
#include <string>
#include <utility>

namespace ocelli::bucket {

/// A string that no stream, log or message shows. Only reveal() gives it, so a search for that word
/// finds every use.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  bool empty() const { return text_.empty(); }
  const std::string& reveal() const { return text_; }

 private:
  std::string text_;
};
inline std::ostream& operator<<(std::ostream& out, const Secret& secret) {
  return out << (secret.empty() ? "(none)" : "***");
}

/// One way to be let in: a pair of keys that sign each request (AWS signature, version 4), or a
/// bearer token; or neither, for public buckets.
struct Credentials {
  std::string access_key_id;  ///< names the key; no secret, but shown nowhere either
  Secret secret_access_key;   ///< signs
  Secret session_token;       ///< of temporary keys
  Secret bearer;              ///< sent as it is, over https alone
  std::string instance;       ///< IBM's ibm-service-instance-id, to list and make buckets
  bool anonymous() const { return access_key_id.empty() && bearer.empty(); }
};

/// Hands out credentials that hold now.
class CredentialsProvider {
 public:
  CredentialsProvider() = default;
  CredentialsProvider(const CredentialsProvider&) = delete;
  CredentialsProvider& operator=(const CredentialsProvider&) = delete;
  virtual ~CredentialsProvider() = default;
  /// May be called by several threads at once, before each request. @throws AccessError, StoreError
  virtual Credentials get() = 0;
  /// The store has refused what get() gave as expired. True when another get() may give better.
  virtual bool renew() { return false; }
  /// For messages, without secrets: "the environment (AWS_ACCESS_KEY_ID)".
  virtual std::string origin() const = 0;
};

/// Always the same.
class FixedCredentials : public CredentialsProvider {
 public:
  explicit FixedCredentials(Credentials credentials, std::string origin = "the program")
      : credentials_(std::move(credentials)), origin_(std::move(origin)) {}
  Credentials get() override { return credentials_; }
  std::string origin() const override { return origin_; }

 private:
  Credentials credentials_;
  std::string origin_;
};

}  // namespace ocelli::bucket
