// SigV4: AWS's signature, version 4, of a request's headers. The formulas are OpenSSL's.
//
// Amazon S3, "Authenticating Requests: Using the Authorization Header".
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ocelli/bucket/credentials.hpp"
#include "ocelli/bucket/sha256.hpp"
#include "ocelli/bucket/transfer.hpp"
#include "ocelli/core/error.hpp"

namespace ocelli::bucket {

/// What stands for a payload that is not hashed. Over https alone: there the line protects it.
inline constexpr std::string_view unsigned_payload = "UNSIGNED-PAYLOAD";

/// A name and a value, as they are sent.
using Header = std::pair<std::string, std::string>;

struct SigV4Request {
  std::string method;           ///< "GET"
  std::string path;             ///< encoded, from its first slash
  std::string query;            ///< of encode_query()
  std::vector<Header> headers;  ///< all that is signed, "host" among them
  std::string payload_hash;     ///< of the body: hexadecimal SHA-256, or unsigned_payload
  std::string region;           ///< "us-east-1"
  std::string service = "s3";
  std::int64_t time = 0;  ///< seconds since 1970, UTC
};

namespace sigv4_detail {

using Digest = std::array<unsigned char, 32>;

inline Digest hmac(std::span<const unsigned char> key, std::string_view text) {
  Digest out{};
  unsigned int size = 0;
  const auto* data = reinterpret_cast<const unsigned char*>(text.data());
  if (!HMAC(
          EVP_sha256(), key.data(), static_cast<int>(key.size()), data, text.size(), out.data(),
          &size))
    throw StoreError("OpenSSL cannot compute HMAC", {}, "check its installation");
  return out;
}

/// Lower case; blanks at the ends removed, several in a row one.
inline Header canonical(const Header& header) {
  Header made;
  for (const char c : header.first)
    made.first += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  for (const char c : header.second) {
    const bool blank = c == ' ' || c == '\t';
    if (blank && (made.second.empty() || made.second.back() == ' ')) continue;
    made.second += blank ? ' ' : c;
  }
  if (!made.second.empty() && made.second.back() == ' ') made.second.pop_back();
  return made;
}

}  // namespace sigv4_detail

/// The headers to send: the given ones, and x-amz-date, x-amz-content-sha256, of temporary keys
/// x-amz-security-token, and Authorization, which is as secret as the request.
inline std::vector<Header> sign_v4(const SigV4Request& request, const Credentials& credentials) {
  using sigv4_detail::hmac;
  const auto moment = static_cast<std::time_t>(request.time);
  std::tm utc{};
  if (!gmtime_r(&moment, &utc)) throw StoreError("the clock cannot be read", {}, "set the clock");
  std::array<char, 32> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &utc);
  const std::string stamp(text.data(), length), day = stamp.substr(0, 8);

  std::vector<Header> headers = request.headers;
  headers.emplace_back("x-amz-date", stamp);
  headers.emplace_back("x-amz-content-sha256", request.payload_hash);
  if (!credentials.session_token.empty())
    headers.emplace_back("x-amz-security-token", credentials.session_token.reveal());

  std::vector<Header> sorted;
  for (const Header& header : headers) sorted.push_back(sigv4_detail::canonical(header));
  std::sort(sorted.begin(), sorted.end());
  std::string canonical = request.method + '\n' + request.path + '\n' + request.query + '\n';
  std::string names;
  for (const auto& [name, value] : sorted) {
    canonical += name + ':' + value + '\n';
    names += (names.empty() ? "" : ";") + name;
  }
  canonical += '\n' + names + '\n' + request.payload_hash;

  const std::string scope = day + '/' + request.region + '/' + request.service + "/aws4_request";
  const std::string to_sign =
      "AWS4-HMAC-SHA256\n" + stamp + '\n' + scope + '\n' + Sha256::hex_of(canonical);
  const std::string secret = "AWS4" + credentials.secret_access_key.reveal();
  sigv4_detail::Digest key =
      hmac(std::span(reinterpret_cast<const unsigned char*>(secret.data()), secret.size()), day);
  for (const std::string& step : {request.region, request.service, std::string("aws4_request")})
    key = hmac(key, step);
  headers.emplace_back(
      "Authorization", "AWS4-HMAC-SHA256 Credential=" + credentials.access_key_id + '/' + scope +
                           ", SignedHeaders=" + names + ", Signature=" + hex(hmac(key, to_sign)));
  return headers;
}

}  // namespace ocelli::bucket
