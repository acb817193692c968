// S3Error: what a failed request means, in one sentence, without secrets.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <curl/curl.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "ocelli/bucket/http.hpp"
#include "ocelli/bucket/object_store.hpp"
#include "ocelli/bucket/s3_xml.hpp"

namespace ocelli::bucket {

/// The last word on a request, after all its attempts.
struct S3Reply {
  HttpResponse http;
  S3Fault fault;        ///< of the body, when there is one
  int attempts = 0;     ///< that were made
  bool unsure = false;  ///< an earlier attempt failed, but the server may have done what it asked
  bool good() const { return http.good() && fault.code.empty(); }
};

/// What a message needs to know about the request and its sender.
struct S3Place {
  std::string name;     ///< "s3://bucket/key"
  std::string server;   ///< "https://host"
  std::string origin;   ///< where the credentials come from; empty: there are none
  bool writes = false;  ///< whether the request changes something
  bool bearer = false;  ///< whether it carries a token
};

namespace s3_error_detail {

/// Words of a server's own sentence that may be keys, tokens or signatures become stars.
inline std::string without_secrets(std::string_view text) {
  constexpr std::size_t longest_text = 200, longest_word = 15;
  std::string clean, word;
  const auto flush = [&] {
    clean += word.size() > longest_word ? "***" : word;
    word.clear();
  };
  for (const char c : text.substr(0, longest_text)) {
    const bool part = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                      c == '+' || c == '/' || c == '=' || c == '_' || c == '-' || c == '.' ||
                      c == '%';
    if (part) {
      word += c;
    } else {
      flush();
      clean += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
  }
  flush();
  return clean;
}

/// A code or request id as servers give them; anything else is left out.
inline std::string plain(const std::string& text) {
  const bool good = text.size() <= 128 && std::all_of(text.begin(), text.end(), [](char c) {
                      return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                             (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
                    });
  return good ? text : std::string();
}

/// "HTTP 403, SignatureDoesNotMatch, request tx01"
inline std::string details(const S3Reply& reply) {
  std::string text = "HTTP " + std::to_string(reply.http.status);
  if (const std::string code = plain(reply.fault.code); !code.empty()) text += ", " + code;
  std::string id = plain(reply.fault.request_id);
  if (id.empty()) id = plain(reply.http.header("x-amz-request-id"));
  if (!id.empty()) text += ", request " + id;
  if (reply.attempts > 1) text += ", " + std::to_string(reply.attempts) + " attempts";
  return text;
}

[[noreturn]] inline void fail_transport(const S3Reply& reply, const S3Place& place) {
  const int code = reply.http.transport;
  std::string words = reply.http.fault;
  if (reply.attempts > 1) words += ", " + std::to_string(reply.attempts) + " attempts";
  if (code == CURLE_PEER_FAILED_VERIFICATION)
    throw StoreError(
        "the certificate of " + place.server + " is not trusted (" + words + ")", place.name,
        "name the file of its authority (AWS_CA_BUNDLE), or check the endpoint");
  if (code == CURLE_SSL_CACERT_BADFILE)
    throw StoreError(
        "the file of trusted authorities cannot be read", place.name, "check AWS_CA_BUNDLE");
  if (code == CURLE_COULDNT_RESOLVE_HOST)
    throw StoreError(
        "the name of " + place.server + " is not known (" + words + ")", place.name,
        "check the network and the endpoint");
  if (code == CURLE_COULDNT_CONNECT)
    throw StoreError(
        place.server + " cannot be reached (" + words + ")", place.name,
        "check the network and the endpoint");
  if (code == CURLE_OPERATION_TIMEDOUT)
    throw StoreError(
        place.server + " does not answer in time (" + words + ")", place.name,
        "check the network and try again");
  throw StoreError(
      "the transfer with " + place.server + " failed (" + words + ")", place.name,
      "check the network and try again");
}

}  // namespace s3_error_detail

/// Whether another try with the same request may succeed.
inline bool worth_another_try(const S3Reply& reply) {
  const int code = reply.http.transport;
  if (code != CURLE_OK) {
    // What a second try cannot mend: addresses, certificates, and ends that were asked for.
    for (const int final_code :
         {static_cast<int>(CURLE_UNSUPPORTED_PROTOCOL), static_cast<int>(CURLE_URL_MALFORMAT),
          static_cast<int>(CURLE_FAILED_INIT), static_cast<int>(CURLE_ABORTED_BY_CALLBACK),
          static_cast<int>(CURLE_PEER_FAILED_VERIFICATION),
          static_cast<int>(CURLE_SSL_CACERT_BADFILE), static_cast<int>(CURLE_SSL_CERTPROBLEM),
          static_cast<int>(CURLE_SSL_CIPHER), static_cast<int>(CURLE_OUT_OF_MEMORY)})
      if (code == final_code) return false;
    return true;
  }
  const long status = reply.http.status;
  if (status >= 200 && status < 300)  // with an error in its body
    return reply.fault.code == "InternalError" || reply.fault.code == "SlowDown" ||
           reply.fault.code == "ServiceUnavailable" || reply.fault.code == "RequestTimeout";
  return status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

/// Throws what the reply means.
[[noreturn]] inline void fail(const S3Reply& reply, const S3Place& place) {
  using namespace s3_error_detail;
  if (reply.http.transport != CURLE_OK) fail_transport(reply, place);
  const std::string& code = reply.fault.code;
  const long status = reply.http.status;
  const std::string said = " (" + details(reply) + ")";
  const std::string from = place.origin.empty() ? std::string() : " from " + place.origin;

  if (code == "NoSuchBucket")
    throw NoBucketError(
        "there is no such bucket at " + place.server + said, place.name,
        "check its name and the endpoint");
  if (code == "NoSuchKey" || (status == 404 && code.empty()))
    throw NotFoundError("there is no such object" + said, place.name, "check the key");
  if (code == "InvalidAccessKeyId")
    throw LoginError(
        "the server does not know this access key" + said, place.name,
        "check the access key id" + from + " and the endpoint");
  if (code == "SignatureDoesNotMatch")
    throw LoginError(
        "the secret key does not belong to this access key" + said, place.name,
        "check the secret key" + from);
  if (code == "RequestTimeTooSkewed")
    throw LoginError("this machine's clock is wrong" + said, place.name, "set the clock");
  if (code == "ExpiredToken" || code == "TokenRefreshRequired" || code == "InvalidToken" ||
      (status == 401 && place.bearer))
    throw LoginError(
        "the token has expired or is not valid" + said, place.name, "get new credentials" + from);
  if (status == 401 || status == 403) {
    if (place.origin.empty())
      throw AccessError(
          "access is denied without credentials" + said, place.name,
          "give credentials, or make the bucket public");
    throw AccessError(
        std::string("these credentials may not ") + (place.writes ? "write" : "read") + " here" +
            said,
        place.name,
        std::string("ask the bucket's owner for the right to ") +
            (place.writes ? "write" : "read") + ", or use other credentials than those" + from);
  }
  if (status == 412 || code == "ConditionalRequestConflict")
    throw ConditionError(
        "the object is not the one that was expected" + said, place.name, "read it again");
  if (code == "QuotaExceeded" || status == 507)
    throw StoreError("the store is full" + said, place.name, "remove objects or raise the quota");
  if (status == 429 || status >= 500)
    throw StoreError("the server is busy or out of order" + said, place.name, "try again later");
  if (status >= 300 && status < 400)
    throw StoreError(
        "the server redirects without end or without saying where" + said, place.name,
        "check the endpoint and the region");
  std::string words = without_secrets(reply.fault.message);
  if (!words.empty()) words = ": " + words;
  throw StoreError(
      "the server refuses the request" + said + words, place.name,
      "check bucket, endpoint and region");
}

}  // namespace ocelli::bucket
