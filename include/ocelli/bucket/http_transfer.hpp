// HttpTransfer: one request on its way: what curl is told of it, and what curl's calls do with it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ocelli/bucket/http_request.hpp"
#include "ocelli/bucket/http_sockets.hpp"
#include "ocelli/core/error.hpp"

namespace ocelli::bucket {

namespace http_detail {

// A transfer is paused while this much of it waits for the caller, who is woken for a quarter of
// it.
inline constexpr std::size_t most_waiting = 512u << 10, worth_waking = most_waiting / 4;
// Of a body that is kept: listings and errors. A thousand keys of 1,024 bytes fit several times.
inline constexpr std::size_t longest_kept_body = 64u << 20;
inline constexpr long curl_buffer = 128 << 10;

template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
  if (curl_easy_setopt(easy, option, value) != CURLE_OK)
    throw StoreError(
        "libcurl refuses option " + std::to_string(static_cast<int>(option)), {},
        "check its version and the CA bundle");
}

}  // namespace http_detail

/// Lives on the stack of perform(), from which the caller takes what has arrived.
class HttpTransfer {
 public:
  using Clock = std::chrono::steady_clock;

  /// @param shared   guards what caller and driver both touch
  /// @param stream   the body goes to the caller as it comes, if the request succeeds
  HttpTransfer(
      std::mutex& shared, HttpSockets& all_sockets, const HttpOptions& how, const HttpRequest& what,
      bool stream)
      : mutex(shared), sockets(all_sockets), options(how), request(what), streamed(stream) {}
  HttpTransfer(const HttpTransfer&) = delete;
  HttpTransfer& operator=(const HttpTransfer&) = delete;

  std::mutex& mutex;
  HttpSockets& sockets;
  const HttpOptions& options;
  const HttpRequest& request;
  const bool streamed;
  HttpResponse response;

  // Guarded by the mutex.
  std::vector<std::byte> arrived;
  bool head_there = false, paused = false, done = false;
  std::condition_variable changed;

  // The driver's alone, until the transfer is done.
  std::exception_ptr fault;
  CURL* easy = nullptr;
  curl_socket_t socket = CURL_SOCKET_BAD;
  curl_slist* headers = nullptr;
  std::uint64_t sent = 0;
  curl_off_t moved = 0;
  Clock::time_point last_move{};
  bool connected = false, too_long = false;
  std::array<char, CURL_ERROR_SIZE> words{};

  bool successful() const { return response.status >= 200 && response.status < 300; }

  /// Gives the handle everything that the request needs. @throws StoreError
  void configure() {
    using http_detail::set;
    set(easy, CURLOPT_PRIVATE, this);
    set(easy, CURLOPT_ERRORBUFFER, words.data());
    set(easy, CURLOPT_URL, request.url.c_str());
    set(easy, CURLOPT_PATH_AS_IS, 1L);
    set(easy, CURLOPT_FOLLOWLOCATION, 0L);
    set(easy, CURLOPT_NOSIGNAL, 1L);
    set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    set(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(easy, CURLOPT_TCP_NODELAY, 1L);
    set(easy, CURLOPT_BUFFERSIZE, http_detail::curl_buffer);
    set(easy, CURLOPT_UPLOAD_BUFFERSIZE, http_detail::curl_buffer);
    set(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
#if LIBCURL_VERSION_NUM >= 0x075500
    set(easy, CURLOPT_PROTOCOLS_STR, options.http_allowed ? "http,https" : "https");
#else
    set(easy, CURLOPT_PROTOCOLS,
        options.http_allowed ? CURLPROTO_HTTP | CURLPROTO_HTTPS : CURLPROTO_HTTPS);
#endif
    if (!options.ca_bundle.empty()) set(easy, CURLOPT_CAINFO, options.ca_bundle.c_str());
    if (!options.reuse_connections) {
      set(easy, CURLOPT_FRESH_CONNECT, 1L);
      set(easy, CURLOPT_FORBID_REUSE, 1L);
    }
    set(easy, CURLOPT_PREREQFUNCTION, &HttpTransfer::on_connected);
    set(easy, CURLOPT_PREREQDATA, this);
    set(easy, CURLOPT_NOPROGRESS, 0L);
    set(easy, CURLOPT_XFERINFOFUNCTION, &HttpTransfer::on_progress);
    set(easy, CURLOPT_XFERINFODATA, this);
    set(easy, CURLOPT_HEADERFUNCTION, &HttpTransfer::on_header);
    set(easy, CURLOPT_HEADERDATA, this);
    set(easy, CURLOPT_WRITEFUNCTION, &HttpTransfer::on_write);
    set(easy, CURLOPT_OPENSOCKETFUNCTION, &HttpSockets::on_open);
    set(easy, CURLOPT_OPENSOCKETDATA, &sockets);
    set(easy, CURLOPT_CLOSESOCKETFUNCTION, &HttpSockets::on_close);
    set(easy, CURLOPT_CLOSESOCKETDATA, &sockets);
    set(easy, CURLOPT_WRITEDATA, this);
    configure_method();
    bool typed = false;
    for (const std::string& header : request.headers) {
      if (header.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
        throw StoreError("a header has a line break in it", request.url, "remove it");
      typed = typed || header.starts_with("Content-Type:") || header.starts_with("content-type:");
      append(header.ends_with(':') ? header.substr(0, header.size() - 1) + ";" : header);
    }
    if (!typed) append("Content-Type:");  // without a value: curl sends none
    append("Expect:");
    append("User-Agent: ocelli");
    set(easy, CURLOPT_HTTPHEADER, headers);
  }

 private:
  void configure_method() {
    using http_detail::set;
    const bool sends = request.body != nullptr && request.body_size > 0;
    if (request.head_only) {
      set(easy, CURLOPT_NOBODY, 1L);
    } else if (request.method == "PUT" || request.method == "POST") {
      const auto size = static_cast<curl_off_t>(sends ? request.body_size : 0);
      if (request.method == "PUT") {
        set(easy, CURLOPT_UPLOAD, 1L);
        set(easy, CURLOPT_INFILESIZE_LARGE, size);
      } else {
        set(easy, CURLOPT_POST, 1L);
        set(easy, CURLOPT_POSTFIELDSIZE_LARGE, size);
        if (!sends) set(easy, CURLOPT_POSTFIELDS, "");
      }
      set(easy, CURLOPT_READFUNCTION, &HttpTransfer::on_read);
      set(easy, CURLOPT_READDATA, this);
      set(easy, CURLOPT_SEEKFUNCTION, &HttpTransfer::on_seek);
      set(easy, CURLOPT_SEEKDATA, this);
    } else if (request.method != "GET") {
      set(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
  }

  void append(const std::string& header) {
    curl_slist* longer = curl_slist_append(headers, header.c_str());
    if (!longer) throw StoreError("libcurl is out of memory", {}, "free memory");
    headers = longer;
  }

  // --- what curl calls --------------------------------------------------------------------------

  static int on_connected(void* data, char*, char*, int, int local_port) {
    HttpTransfer& job = *static_cast<HttpTransfer*>(data);
    job.socket = job.sockets.of_port(local_port);
    job.connected = true;
    job.last_move = Clock::now();
    return CURL_PREREQFUNC_OK;
  }

  static int on_progress(void* data, curl_off_t, curl_off_t down, curl_off_t, curl_off_t up) {
    HttpTransfer& job = *static_cast<HttpTransfer*>(data);
    if (down + up != job.moved) {
      job.moved = down + up;
      job.last_move = Clock::now();
    }
    return 0;
  }

  static std::size_t on_header(char* data, std::size_t, std::size_t size, void* user) {
    HttpTransfer& job = *static_cast<HttpTransfer*>(user);
    if (job.head_there) return size;  // a trailer, or the caller already reads the headers
    job.last_move = Clock::now();
    std::string_view line(data, size);
    while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
    if (line.starts_with("HTTP/")) {
      HttpSockets::acknowledge(job.socket);
      job.response.headers.clear();
      job.response.status = 0;
      for (std::size_t at = line.find(' ') + 1; at > 0 && at < line.size(); ++at) {
        if (line[at] < '0' || line[at] > '9') break;
        job.response.status = job.response.status * 10 + (line[at] - '0');
      }
    } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
      std::string name(line.substr(0, colon));
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      line.remove_prefix(colon + 1);
      while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
      while (!line.empty() && (line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
      job.response.headers[name] = line;
    } else if (line.empty() && job.response.status >= 200) {
      const std::lock_guard lock(job.mutex);
      job.head_there = true;
    }
    return size;
  }

  static std::size_t on_write(char* data, std::size_t, std::size_t size, void* user) {
    HttpTransfer& job = *static_cast<HttpTransfer*>(user);
    HttpSockets::acknowledge(job.socket);
    if (!job.streamed || !job.successful()) {
      if (job.response.body.size() + size > http_detail::longest_kept_body) {
        job.too_long = true;
        return 0;
      }
      job.response.body.append(data, size);
      return size;
    }
    const std::lock_guard lock(job.mutex);
    if (job.arrived.size() >= http_detail::most_waiting) {
      job.paused = true;
      job.changed.notify_all();
      return CURL_WRITEFUNC_PAUSE;
    }
    const auto* bytes = reinterpret_cast<const std::byte*>(data);
    job.arrived.insert(job.arrived.end(), bytes, bytes + size);
    if (job.arrived.size() >= http_detail::worth_waking) job.changed.notify_all();
    return size;
  }

  static std::size_t on_read(char* data, std::size_t, std::size_t size, void* user) {
    HttpTransfer& job = *static_cast<HttpTransfer*>(user);
    const HttpRequest& request = job.request;
    if (!request.body) return 0;
    const std::size_t take = static_cast<std::size_t>(
        std::min<std::uint64_t>(size, request.body_size - std::min(request.body_size, job.sent)));
    try {
      request.body->read(
          request.body_offset + job.sent, std::span(reinterpret_cast<std::byte*>(data), take));
    } catch (...) {
      job.fault = std::current_exception();
      return CURL_READFUNC_ABORT;
    }
    job.sent += take;
    return take;
  }

  static int on_seek(void* user, curl_off_t offset, int origin) {
    HttpTransfer& job = *static_cast<HttpTransfer*>(user);
    if (origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_CANTSEEK;
    job.response.resent = true;
    job.sent = static_cast<std::uint64_t>(offset);
    return CURL_SEEKFUNC_OK;
  }
};

}  // namespace ocelli::bucket
