// S3Client's work: addresses, logins, redirects, and when to try again.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <random>
#include <thread>
#include <utility>

#include "ocelli/bucket/s3_client.hpp"
#include "ocelli/bucket/server_address.hpp"
#include "ocelli/core/error.hpp"

namespace ocelli::bucket {

namespace s3_client_detail {

inline constexpr int most_redirects = 5;

inline HttpOptions http_options(const S3Options& options) {
  HttpOptions http;
  http.connections = options.connections;
  http.reuse_connections = options.reuse_connections;
  http.ca_bundle = options.ca_bundle;
  http.connect_timeout = options.connect_timeout;
  http.stall_timeout = options.stall_timeout;
  return http;
}

/// Bucket and region become parts of a host's name, so they hold nothing but what can stand there.
inline bool plain_name(const std::string& text, bool dots) {
  return !text.empty() && text.size() <= 255 && text.front() != '.' &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || (dots && c == '.');
         });
}

inline std::int64_t now() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

inline bool is_redirect(long status) { return status == 301 || status == 307 || status == 308; }

}  // namespace s3_client_detail

OCELLI_INLINE S3Client::S3Client(S3Options options)
    : options_(std::move(options)),
      region_(options_.region.empty() ? "us-east-1" : options_.region),
      http_(s3_client_detail::http_options(options_)) {
  if (!s3_client_detail::plain_name(region_, false))
    throw ConfigError("no region is called so", region_, "write it like us-east-1");
  if (!options_.bucket.empty() && !s3_client_detail::plain_name(options_.bucket, true))
    throw ConfigError(
        "no bucket can be called so", options_.bucket,
        "a bucket's name has letters, digits, hyphens and dots");
  if (options_.connections < 1 || options_.attempts < 1 || options_.part_size < 1)
    throw ConfigError(
        "connections, attempts and part_size begin at 1", "s3://" + options_.bucket,
        "correct the options");
  if (options_.endpoint.empty()) return;
  endpoint_ = parse_uri(options_.endpoint);
  while (endpoint_.path.ends_with('/')) endpoint_.path.pop_back();
  if (!endpoint_.query.empty())
    throw ConfigError("an endpoint has no query", options_.endpoint, "write https://HOST");
}

OCELLI_INLINE std::string S3Client::name_of(const S3Request& request) {
  if (request.bucket.empty()) return "s3://";
  return "s3://" + request.bucket + (request.key.empty() ? "" : "/" + request.key);
}

OCELLI_INLINE std::string S3Client::region() const {
  const std::lock_guard lock(mutex_);
  return region_;
}

OCELLI_INLINE bool S3Client::amazon() const {
  return endpoint_.authority.empty() || endpoint_.host().ends_with(".amazonaws.com") ||
         endpoint_.host().ends_with(".amazonaws.com.cn");
}

OCELLI_INLINE S3Client::Target S3Client::target_of(const S3Request& request) const {
  Target target;
  target.uri = endpoint_;
  target.region = region();
  if (endpoint_.authority.empty()) {
    const std::string& in = target.region;
    target.uri.scheme = "https";
    target.uri.authority = "s3." + in + ".amazonaws.com" + (in.starts_with("cn-") ? ".cn" : "");
  }
  if (!request.bucket.empty()) {
    // A name with dots is outside of Amazon's certificate, so it goes into the path.
    const bool host = options_.addressing == S3Options::Addressing::virtual_host ||
                      (options_.addressing == S3Options::Addressing::automatic && amazon() &&
                       !(target.uri.secure() && request.bucket.find('.') != std::string::npos));
    if (host)
      target.uri.authority = request.bucket + "." + target.uri.authority;
    else
      target.uri.path += "/" + encode_path(request.bucket);
  }
  if (!request.key.empty() || target.uri.path.empty())
    target.uri.path += "/" + encode_path(request.key);
  target.uri.query = encode_query(request.query);
  return target;
}

OCELLI_INLINE Credentials S3Client::credentials() const {
  return options_.credentials ? options_.credentials->get() : Credentials{};
}

OCELLI_INLINE S3Place
S3Client::place_of(const S3Request& request, const Uri& uri, const Credentials& keys) const {
  S3Place place;
  place.name = name_of(request);
  place.server = uri.origin();
  if (!keys.anonymous() && options_.credentials) place.origin = options_.credentials->origin();
  place.writes = request.method != "GET" && request.method != "HEAD";
  place.bearer = !keys.bearer.empty();
  return place;
}

OCELLI_INLINE const S3Reply& S3Client::require(const S3Request& request, const S3Reply& reply) {
  if (reply.good()) return reply;
  Credentials keys;
  try {
    keys = credentials();
  } catch (const Error&) {
    // The reply says what is wrong; the message then lacks the credentials' origin alone.
  }
  fail(reply, place_of(request, target_of(request).uri, keys));
}

OCELLI_INLINE HttpResponse S3Client::attempt(
    const S3Request& request, const S3Exchange& exchange, const Target& target,
    const Credentials& keys, std::string& payload_hash) {
  std::vector<Header> headers = request.headers;
  if (exchange.prepare) exchange.prepare(headers);
  headers.emplace_back("Host", target.uri.authority);
  const std::string path = target.uri.path.empty() ? "/" : target.uri.path;
  if (!keys.bearer.empty()) {
    headers.emplace_back("Authorization", "Bearer " + keys.bearer.reveal());
  } else if (!keys.anonymous()) {
    SigV4Request to_sign;
    to_sign.method = request.method;
    to_sign.path = path;
    to_sign.query = target.uri.query;
    to_sign.headers = std::move(headers);
    if (request.body && request.size > 0 && target.uri.secure()) {
      to_sign.payload_hash = unsigned_payload;
    } else {
      if (payload_hash.empty())
        payload_hash = request.body ? Sha256::hex_of(*request.body, request.offset, request.size)
                                    : Sha256::hex_of("");
      to_sign.payload_hash = payload_hash;
    }
    to_sign.region = target.region;
    to_sign.time = s3_client_detail::now() + clock_ahead_.load();
    headers = sign_v4(to_sign, keys);
  }
  HttpRequest http;
  http.method = request.method;
  http.head_only = request.method == "HEAD";
  http.url = target.uri.origin() + path + (target.uri.query.empty() ? "" : "?" + target.uri.query);
  for (const auto& [name, value] : headers) http.headers.push_back(name + ": " + value);
  http.body = request.body;
  http.body_offset = request.offset;
  http.body_size = request.size;
  return http_.perform(http, exchange.data, exchange.head);
}

/// The answer to a HEAD has no body, so its error has no code. The same question as a GET has one.
OCELLI_INLINE void S3Client::explain_head(
    const S3Request& request, const Target& target, const Credentials& keys, S3Reply& reply) {
  S3Request asked = request;
  asked.method = "GET";
  asked.headers.emplace_back("Range", "bytes=0-0");
  S3Exchange exchange;
  exchange.data = [](std::span<const std::byte>) {};
  std::string hash;
  const HttpResponse response = attempt(asked, exchange, target, keys, hash);
  if (response.transport == CURLE_OK && response.status == reply.http.status)
    reply.fault = parse_fault(response.body).value_or(S3Fault{});
}

OCELLI_INLINE bool S3Client::take_region(const S3Reply& reply, const Target& target) {
  std::string told = reply.http.header("x-amz-bucket-region");
  if (told.empty()) told = reply.fault.region;
  if (!s3_client_detail::plain_name(told, false)) return false;
  // Another thread may have been told before: what counts is what this request was signed for.
  if (told == target.region) return false;
  const std::lock_guard lock(mutex_);
  region_ = told;
  return true;
}

OCELLI_INLINE bool S3Client::take_clock(const S3Reply& reply) {
  const std::time_t theirs = curl_getdate(reply.http.header("date").c_str(), nullptr);
  if (theirs < 0) return false;
  clock_ahead_ = static_cast<std::int64_t>(theirs) - s3_client_detail::now();
  return true;
}

OCELLI_INLINE bool S3Client::redirect(
    const S3Request& request, const S3Reply& reply, bool bearer, Target& target) {
  const bool region_changed = take_region(reply, target);
  const std::string location = reply.http.header("location");
  Uri next;
  if (location.starts_with('/')) {
    next = parse_uri(target.uri.origin() + location);
  } else if (!location.empty()) {
    try {
      next = parse_uri(location);
    } catch (const ConfigError&) {
      return false;
    }
  } else if (amazon() && region_changed && endpoint_.authority.empty()) {
    next = target_of(request).uri;
  } else if (!reply.fault.endpoint.empty()) {
    try {
      next = parse_server(target.uri.scheme + "://" + reply.fault.endpoint, "endpoint");
    } catch (const ConfigError&) {
      return false;
    }
    next.path = target.uri.path;
    next.query = target.uri.query;
    if (amazon() && next.authority.starts_with(request.bucket + "."))  // the bucket is in the host
      next.path = "/" + encode_path(request.key);
  } else {
    return false;
  }
  if (target.uri.secure() && !next.secure())
    throw StoreError(
        target.uri.origin() + " redirects from https to http", name_of(request),
        "check the endpoint");
  if (bearer && !next.secure() && !next.loopback())
    throw LoginError(
        target.uri.origin() + " redirects to plain http, where a token is not sent",
        name_of(request), "check the endpoint");
  // A signature is of use to the host alone that it names; a token is to whoever has it.
  if (bearer && next.authority != target_of(request).uri.authority)
    throw LoginError(
        target.uri.origin() + " redirects to another server, where a token is not sent",
        name_of(request), "name that server as the endpoint");
  // Encoded once more in the one way that is signed.
  next.path = encode_path(percent_decode(next.path));
  next.query =
      next.query.empty() ? encode_query(request.query) : encode_query(decode_query(next.query));
  target.uri = next;
  target.moved = true;
  target.region = region();
  return true;
}

OCELLI_INLINE void S3Client::wait(
    int attempt, const HttpResponse& response, const std::atomic<bool>* stop) const {
  using std::chrono::milliseconds;
  const double longest = static_cast<double>(options_.longest_backoff.count());
  double delay = static_cast<double>(options_.backoff.count());
  for (int i = 1; i < attempt && delay < longest; ++i) delay *= 2;
  thread_local std::minstd_rand random{std::random_device{}()};
  delay *= std::uniform_real_distribution<double>(0.5, 1)(random);
  if (const std::string asked = response.header("retry-after"); !asked.empty()) {
    std::int64_t seconds = 0;
    const auto [end, fault] = std::from_chars(asked.data(), asked.data() + asked.size(), seconds);
    if (fault != std::errc() || end != asked.data() + asked.size()) {
      const std::time_t date = curl_getdate(asked.c_str(), nullptr);
      seconds = date < 0 ? 0 : date - s3_client_detail::now() - clock_ahead_.load();
    }
    delay = std::max(delay, 1000.0 * static_cast<double>(std::max<std::int64_t>(seconds, 0)));
  }
  const auto until = std::chrono::steady_clock::now() +
                     milliseconds(static_cast<std::int64_t>(std::min(delay, longest)));
  while (std::chrono::steady_clock::now() < until && !(stop && *stop))
    std::this_thread::sleep_for(std::min<std::chrono::steady_clock::duration>(
        milliseconds(20), until - std::chrono::steady_clock::now()));
}

OCELLI_INLINE S3Reply S3Client::send(const S3Request& request, const S3Exchange& exchange) {
  Target target = target_of(request);
  std::string payload_hash;
  bool unsure = false, clock_taken = false, renewed = false, region_taken = false;
  int redirects = 0;
  for (int made = 0, counted = 1;;) {
    const Credentials keys = credentials();
    const bool bearer = !keys.bearer.empty();
    if (bearer && !target.uri.secure() && !target.uri.loopback())
      throw LoginError(
          "a token is not sent over plain http", name_of(request), "use an https endpoint");
    S3Reply reply;
    reply.http = attempt(request, exchange, target, keys, payload_hash);
    reply.attempts = ++made;
    const long status = reply.http.status;
    const bool answered = reply.http.transport == CURLE_OK;
    if (answered && (status >= 300 || request.error_in_body))
      reply.fault = parse_fault(reply.http.body).value_or(S3Fault{});
    if (answered && request.method == "HEAD" && status >= 400 && status < 500 && status != 404 &&
        status != 412 && !request.key.empty())
      explain_head(request, target, keys, reply);
    reply.unsure = unsure || reply.http.resent;
    if (reply.good() || status == 304) return reply;

    if (answered && s3_client_detail::is_redirect(status)) {
      if (++redirects > s3_client_detail::most_redirects ||
          !redirect(request, reply, bearer, target))
        return reply;
      continue;
    }
    if (answered && status >= 400 && status < 500) {
      if (!clock_taken && reply.fault.code == "RequestTimeTooSkewed") {
        clock_taken = true;
        if (take_clock(reply)) continue;
      }
      const bool expired = reply.fault.code == "ExpiredToken" ||
                           reply.fault.code == "TokenRefreshRequired" || (status == 401 && bearer);
      if (!renewed && expired && options_.credentials) {
        renewed = true;
        if (options_.credentials->renew()) continue;
      }
      if (!region_taken && (status == 400 || status == 403) && take_region(reply, target)) {
        region_taken = true;
        if (target.moved)
          target.region = region();
        else
          target = target_of(request);
        continue;
      }
    }
    if (!worth_another_try(reply) || (exchange.stop && *exchange.stop)) return reply;
    if (exchange.progressed && exchange.progressed()) counted = 1;
    if (counted >= options_.attempts) return reply;
    unsure = true;
    wait(counted++, reply.http, exchange.stop);
    target = target_of(request);
    redirects = 0;
  }
}

}  // namespace ocelli::bucket
