// Http: requests over libcurl, several at once on kept connections. Knows nothing of S3: no
// signature, no redirect, no second attempt.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ocelli/bucket/transfer.hpp"
#include "ocelli/core/inline.hpp"

namespace ocelli::bucket {

struct HttpRequest {
  std::string method = "GET";
  std::string url;                               ///< encoded; sent as it is
  std::vector<std::string> headers;              ///< "Name: value"
  const Body* body = nullptr;                    ///< of a PUT or POST; null: none
  std::uint64_t body_offset = 0, body_size = 0;  ///< the part of it that is sent
  bool head_only = false;                        ///< HEAD: the answer has no body
};

struct HttpResponse {
  /// curl's code; anything but 0 means that the transfer failed, whatever the status.
  int transport = 0;
  std::string fault;                           ///< its words: "Connection refused"
  long status = 0;                             ///< 0: no answer
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;                            ///< unless on_data took it
  bool resent = false;  ///< a kept connection had died, so the body was sent a second time

  bool good() const { return transport == 0 && status >= 200 && status < 300; }
  /// The value of a header, by its name in lower case; empty when there is none.
  std::string header(const std::string& name) const {
    const auto at = headers.find(name);
    return at == headers.end() ? std::string() : at->second;
  }
};

struct HttpOptions {
  int connections = 16;  ///< at most, at once; further requests wait
  bool reuse_connections = true;
  std::string ca_bundle;  ///< PEM file; empty: the system's
  std::chrono::milliseconds connect_timeout{10000};
  std::chrono::milliseconds stall_timeout{30000};  ///< without a byte, either way
  bool http_allowed = true;                        ///< false: https alone
};

/// What a client has done so far.
struct HttpCounts {
  std::uint64_t requests = 0, connections = 0;  ///< connections: opened
  int most_open = 0;                            ///< connections, at once
};

/// A thread of its own drives all transfers; perform() may be called by any thread and waits.
class HttpClient {
 public:
  explicit HttpClient(const HttpOptions& options = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  using OnHead = std::function<void(const HttpResponse&)>;
  using OnData = std::function<void(std::span<const std::byte>)>;
  /// A failed transfer is no exception: it stands in the answer. Bodies of statuses other than 2xx
  /// go to the answer, and those of 2xx too without `on_data`.
  /// @param on_data  takes the body of a 2xx answer piece by piece, on the caller's thread; what it
  ///                 throws ends the transfer and leaves
  /// @param on_head  once before it, with status and headers; needs `on_data`
  /// @throws StoreError for a header that is none; what the request's body throws
  HttpResponse perform(
      const HttpRequest& request, const OnData& on_data = {}, const OnHead& on_head = {});

  HttpCounts counts() const;

 private:
  class Driver;
  std::unique_ptr<Driver> driver_;
};

}  // namespace ocelli::bucket

#ifndef OCELLI_COMPILED
#include "ocelli/bucket/http_impl.hpp"
#endif
