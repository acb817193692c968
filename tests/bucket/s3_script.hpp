// Stores of a scripted server: options without patience, and answers as S3 servers give them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "bucket/scripted_server.hpp"
#include "ocelli/bucket/credentials.hpp"
#include "ocelli/bucket/s3_options.hpp"

namespace ocelli::test {

inline constexpr const char* secret_words[] = {
    "scriptedAccessKeyId1", "scriptedSecretKey000001", "scriptedSessionToken",
    "scriptedBearerToken0001"};

inline bucket::Credentials key_credentials() {
  bucket::Credentials keys;
  keys.access_key_id = secret_words[0];
  keys.secret_access_key = bucket::Secret(secret_words[1]);
  keys.session_token = bucket::Secret(secret_words[2]);
  return keys;
}
inline bucket::Credentials bearer_credentials() {
  bucket::Credentials keys;
  keys.bearer = bucket::Secret(secret_words[3]);
  keys.instance = "instance-1";
  return keys;
}

inline bucket::S3Options scripted_options(
    const std::string& endpoint, const bucket::Credentials& keys = key_credentials()) {
  bucket::S3Options options;
  options.bucket = "cats";
  options.endpoint = endpoint;
  options.credentials = std::make_shared<bucket::FixedCredentials>(keys, "the test");
  options.attempts = 4;
  options.backoff = std::chrono::milliseconds(1);
  options.longest_backoff = std::chrono::milliseconds(20);
  options.stall_timeout = std::chrono::seconds(2);  // of busy machines too
  return options;
}

inline Answer said(int status, std::string body = {}) {
  Answer answer;
  answer.status = status;
  answer.body = std::move(body);
  return answer;
}
inline Answer refused(int status, const std::string& code, const std::string& more = {}) {
  Answer answer = said(
      status, "<Error><Code>" + code + "</Code><Message></Message><RequestId>tx-7</RequestId>" +
                  more + "</Error>");
  answer.headers = {{"Date", "Sat, 21 Nov 2026 12:00:00 GMT"}};
  return answer;
}
/// An object with these bytes; a range of it, if one is asked for.
inline Answer object(const HttpMessage& asked, const std::string& bytes, const std::string& etag) {
  Answer answer = said(200, bytes);
  answer.headers = {{"ETag", '"' + etag + '"'}, {"Last-Modified", "Fri, 24 May 2013 00:00:00 GMT"}};
  const std::string range = asked.header("Range");
  if (range.empty()) return answer;
  const std::size_t first = std::stoul(range.substr(6));
  const std::size_t dash = range.find('-');
  const std::size_t last =
      dash + 1 < range.size()
          ? std::min<std::size_t>(std::stoul(range.substr(dash + 1)), bytes.size() - 1)
          : bytes.size() - 1;
  answer.status = 206;
  answer.body = bytes.substr(first, last - first + 1);
  answer.headers.emplace_back(
      "Content-Range", "bytes " + std::to_string(first) + "-" + std::to_string(last) + "/" +
                           std::to_string(bytes.size()));
  return answer;
}

/// Whether a text shows something that nobody may see: keys, tokens, or a signature.
inline bool shows_secrets(const std::string& text) {
  for (const char* word : secret_words)
    if (text.find(word) != std::string::npos) return true;
  return text.find("Signature=") != std::string::npos ||
         text.find("AWS4-HMAC") != std::string::npos;
}

}  // namespace ocelli::test
