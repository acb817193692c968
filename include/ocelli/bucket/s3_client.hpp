// S3Client: one request of S3, signed, redirected and tried again until there is a last word on it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "ocelli/bucket/http.hpp"
#include "ocelli/bucket/s3_error.hpp"
#include "ocelli/bucket/s3_options.hpp"
#include "ocelli/bucket/sigv4.hpp"
#include "ocelli/bucket/uri.hpp"
#include "ocelli/core/inline.hpp"

namespace ocelli::bucket {

struct S3Request {
  std::string method = "GET";
  std::string bucket;  ///< empty: the service itself
  std::string key;     ///< empty: the bucket
  Query query;
  std::vector<Header> headers;  ///< besides those of the login; all are signed
  const Body* body = nullptr;
  std::uint64_t offset = 0, size = 0;  ///< the part of the body that is sent
  bool error_in_body = false;          ///< an answer of status 200 may hold an `<Error>`
};

/// How the attempts of a request differ, and where the bytes of its answer go. All may be empty.
struct S3Exchange {
  std::function<void(std::vector<Header>&)> prepare;  ///< adds headers, before each attempt
  HttpClient::OnHead head;                            ///< of an answer of 2xx
  HttpClient::OnData data;
  /// Whether enough has arrived since the last call that the count of attempts begins again.
  std::function<bool()> progressed;
  const std::atomic<bool>* stop = nullptr;  ///< true: no further attempt
};

/// May be used by several threads at once.
class S3Client {
 public:
  /// @throws ConfigError for an endpoint, bucket or region that cannot be one
  explicit S3Client(S3Options options);

  /// @return an answer, also a failed one; see S3Reply::good() and require()
  /// @throws AccessError for a token that would leave over plain http, or when there are no
  ///         credentials to be had; StoreError; what the exchange and the body throw
  S3Reply send(const S3Request& request, const S3Exchange& exchange = {});
  /// Throws what the reply means, unless it is good.
  const S3Reply& require(const S3Request& request, const S3Reply& reply);
  /// Both at once.
  S3Reply demand(const S3Request& request, const S3Exchange& exchange = {}) {
    S3Reply reply = send(request, exchange);
    require(request, reply);
    return reply;
  }

  /// For messages: "s3://bucket/key".
  static std::string name_of(const S3Request& request);
  std::string region() const;
  const S3Options& options() const { return options_; }
  HttpCounts counts() const { return http_.counts(); }

 private:
  /// Where a request goes; parts encoded.
  struct Target {
    Uri uri;
    std::string region;  ///< that requests are signed for
    bool moved = false;  ///< a redirect led there
  };

  bool amazon() const;
  Target target_of(const S3Request& request) const;
  S3Place place_of(const S3Request& request, const Uri& uri, const Credentials& keys) const;
  Credentials credentials() const;
  HttpResponse attempt(
      const S3Request& request, const S3Exchange& exchange, const Target& target,
      const Credentials& keys, std::string& payload_hash);
  void explain_head(
      const S3Request& request, const Target& target, const Credentials& keys, S3Reply& reply);
  bool redirect(const S3Request& request, const S3Reply& reply, bool bearer, Target& target);
  bool take_region(const S3Reply& reply, const Target& target);
  bool take_clock(const S3Reply& reply);
  void wait(int attempt, const HttpResponse& response, const std::atomic<bool>* stop) const;

  const S3Options options_;
  Uri endpoint_;  ///< empty for Amazon's own
  mutable std::mutex mutex_;
  std::string region_;                        ///< guarded by mutex_; a server may correct it
  std::atomic<std::int64_t> clock_ahead_{0};  ///< seconds that the server's clock is ahead of ours
  HttpClient http_;
};

}  // namespace ocelli::bucket

#ifndef OCELLI_COMPILED
#include "ocelli/bucket/s3_client_impl.hpp"
#endif
