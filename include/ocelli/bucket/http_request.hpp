// HttpRequest: what is asked, what is answered, and how patiently.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ocelli/bucket/transfer.hpp"

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

}  // namespace ocelli::bucket
