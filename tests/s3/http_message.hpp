// HttpMessage: a request or an answer of HTTP/1.1 as text, for servers and proxies inside a test.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <strings.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "s3/loopback.hpp"

namespace ocelli::test {

struct HttpMessage {
  std::string start;  ///< "GET /a HTTP/1.1" or "HTTP/1.1 200 OK"
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  /// The n-th word of the first line, from 0: method, target; or version, status.
  std::string word(int n) const {
    std::size_t begin = 0;
    for (; n > 0 && begin != std::string::npos; --n) {
      begin = start.find(' ', begin);
      if (begin != std::string::npos) ++begin;
    }
    return begin == std::string::npos ? "" : start.substr(begin, start.find(' ', begin) - begin);
  }
  int status() const { return std::atoi(word(1).c_str()); }
  /// Its value; empty when there is none.
  std::string header(const std::string& name) const {
    for (const auto& [key, value] : headers)
      if (::strcasecmp(key.c_str(), name.c_str()) == 0) return value;
    return {};
  }
  void remove_header(const std::string& name) {
    std::erase_if(headers, [&](const auto& one) {
      return ::strcasecmp(one.first.c_str(), name.c_str()) == 0;
    });
  }
  void set_header(const std::string& name, std::string value) {
    remove_header(name);
    headers.emplace_back(name, std::move(value));
  }
  /// What goes over the line before the body.
  std::string head() const {
    std::string text = start + "\r\n";
    for (const auto& [key, value] : headers) text += key + ": " + value + "\r\n";
    return text + "\r\n";
  }
};

/// First line and headers. False when the connection ended before.
inline bool read_head(Reader& from, HttpMessage& message) {
  message = {};
  std::string line;
  if (!from.line(message.start)) return false;
  while (true) {
    if (!from.line(line)) return false;
    if (line.empty()) return true;
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::size_t value = line.find_first_not_of(" \t", colon + 1);
    message.headers.emplace_back(
        line.substr(0, colon), value == std::string::npos ? "" : line.substr(value));
  }
}

/// The body by the length that the headers tell. In chunks it is put together, and its length
/// becomes a header. False when it ended before; what there was is kept.
/// @param to_end  an answer without a length lasts until the connection ends
inline bool read_body(Reader& from, HttpMessage& message, bool to_end = false) {
  if (::strcasecmp(message.header("Transfer-Encoding").c_str(), "chunked") == 0) {
    std::string line;
    std::size_t size = 0;
    do {
      if (!from.line(line)) return false;
      size = std::strtoull(line.c_str(), nullptr, 16);
      if (!from.bytes(size, message.body)) return false;
      if (!from.line(line)) return false;  // behind the chunk; behind the last one there is only it
    } while (size > 0);
    message.remove_header("Transfer-Encoding");
    message.set_header("Content-Length", std::to_string(message.body.size()));
    return true;
  }
  const std::string length = message.header("Content-Length");
  if (!length.empty()) return from.bytes(std::strtoull(length.c_str(), nullptr, 10), message.body);
  if (to_end) from.rest(message.body);
  return true;
}

/// An answer to a request with this method; skips "100 Continue".
inline bool read_answer(Reader& from, const std::string& method, HttpMessage& answer) {
  do {
    if (!read_head(from, answer)) return false;
  } while (answer.status() / 100 == 1);
  if (method == "HEAD" || answer.status() == 204 || answer.status() == 304) return true;
  return read_body(from, answer, true);
}

}  // namespace ocelli::test
