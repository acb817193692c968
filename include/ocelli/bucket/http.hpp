// Http: requests over libcurl, several at once on kept connections. Knows nothing of S3: no
// signature, no redirect, no second attempt.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "ocelli/bucket/http_request.hpp"
#include "ocelli/core/inline.hpp"

namespace ocelli::bucket {

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
