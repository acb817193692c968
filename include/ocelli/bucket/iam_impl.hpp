// How an API key becomes a token, and who asks for the next one.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "ocelli/bucket/http.hpp"
#include "ocelli/bucket/iam.hpp"
#include "ocelli/bucket/object_store.hpp"
#include "ocelli/bucket/server_address.hpp"
#include "ocelli/bucket/transfer.hpp"
#include "ocelli/bucket/uri.hpp"
#include "ocelli/core/error.hpp"
#include "ocelli/core/inline.hpp"

namespace ocelli::bucket {

namespace iam_detail {

inline void replace_all(std::string& text, const std::string& what, const std::string& by) {
  if (what.empty()) return;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
}

inline std::string text_of(const nlohmann::json& object, const char* name) {
  if (!object.is_object() || !object.contains(name) || !object.at(name).is_string()) return {};
  return object.at(name).get<std::string>();
}

}  // namespace iam_detail

OCELLI_INLINE IamProvider::IamProvider(IamOptions options) : options_(std::move(options)) {
  require_secure(parse_server(options_.url, "token URL"), "API keys", "token URL");
  if (options_.origin.empty()) options_.origin = "the program";
}

OCELLI_INLINE IamProvider::~IamProvider() = default;

OCELLI_INLINE Credentials IamProvider::get() {
  std::unique_lock lock(mutex_);
  const Time now = options_.now();
  const bool good = !token_.text.empty() && now < token_.end;
  if (!good || now >= token_.refresh) {
    if (!asking_) {
      ask(lock, good ? 1 : options_.attempts);
    } else if (!good) {
      wait(lock);
    }
    const bool still_good = !token_.text.empty() && options_.now() < token_.end;
    if (fault_ && !still_good) std::rethrow_exception(fault_);
  }
  // Threads come and go: what is forgotten here costs a request at most.
  if (handed_to_.size() > 4096) handed_to_.clear();
  handed_to_[std::this_thread::get_id()] = number_;
  Credentials credentials;
  credentials.bearer = token_.text;
  credentials.instance = options_.instance;
  return credentials;
}

OCELLI_INLINE bool IamProvider::renew() {
  std::unique_lock lock(mutex_);
  // Of many requests that were refused with one token, the first asks for all.
  const auto mine = handed_to_.find(std::this_thread::get_id());
  if (mine != handed_to_.end() && mine->second != number_) return true;
  if (asking_)
    wait(lock);
  else
    ask(lock, options_.attempts);
  return !fault_;
}

/// Asks without the lock, then sets token_ or fault_.
OCELLI_INLINE void IamProvider::ask(std::unique_lock<std::mutex>& lock, int attempts) {
  asking_ = true;
  lock.unlock();
  Token token;
  std::exception_ptr fault;
  try {
    token = fetch(attempts);
  } catch (...) {
    fault = std::current_exception();
  }
  lock.lock();
  asking_ = false;
  ++answers_;
  fault_ = fault;
  if (!fault) {
    token_ = std::move(token);
    ++number_;
  } else if (!token_.text.empty()) {
    // Not at every get(): a server in trouble is left alone for a while.
    const auto left = token_.end - options_.now();
    token_.refresh = options_.now() + std::max<Time::duration>(left / 4, std::chrono::seconds(1));
  }
  asked_.notify_all();
}

/// For the answer to the question that another thread has asked.
OCELLI_INLINE void IamProvider::wait(std::unique_lock<std::mutex>& lock) {
  const std::uint64_t before = answers_;
  asked_.wait(lock, [&] { return answers_ != before; });
}

OCELLI_INLINE IamProvider::Token IamProvider::fetch(int attempts) {
  if (!client_) {
    HttpOptions http;
    http.connections = 1;
    http.ca_bundle = options_.ca_bundle;
    http.connect_timeout = options_.connect_timeout;
    http.stall_timeout = options_.stall_timeout;
    http.http_allowed = !parse_server(options_.url, "token URL").secure();
    client_ = std::make_unique<HttpClient>(http);
  }
  const std::string form =
      "grant_type=" + percent_encode("urn:ibm:params:oauth:grant-type:apikey") +
      "&apikey=" + percent_encode(options_.api_key.reveal());
  const BytesBody body{std::string_view(form)};
  HttpRequest request;
  request.method = "POST";
  request.url = options_.url;
  request.headers = {"Content-Type: application/x-www-form-urlencoded", "Accept: application/json"};
  request.body = &body;
  request.body_size = body.size();

  std::chrono::milliseconds backoff = options_.backoff;
  thread_local std::minstd_rand random{std::random_device{}()};
  for (int attempt = 1;; ++attempt) {
    const HttpResponse answer = client_->perform(request);
    if (answer.good()) return read_answer(answer.body);
    const bool passing = answer.transport != 0 || answer.status == 429 || answer.status >= 500;
    if (passing && attempt < attempts) {
      // Many programs that lost one server shall not come back all at once.
      options_.pause(std::chrono::milliseconds(static_cast<std::int64_t>(
          static_cast<double>(backoff.count()) *
          std::uniform_real_distribution<double>(0.5, 1)(random))));
      backoff *= 2;
      continue;
    }
    if (answer.transport != 0)
      throw StoreError(
          "no token: the token server cannot be reached (" + shown(answer.fault) + ")",
          options_.url, "check the network and the address");
    const std::string status = "HTTP " + std::to_string(answer.status);
    const nlohmann::json json = nlohmann::json::parse(answer.body, nullptr, false);
    const std::string words = shown(iam_detail::text_of(json, "errorMessage"));
    const std::string reason = status + (words.empty() ? "" : ": " + words);
    if (answer.status == 400 || answer.status == 401 || answer.status == 403)
      throw LoginError(
          "the API key is refused (" + reason + ")", options_.url,
          "check the key in " + options_.origin);
    throw StoreError(
        "no token: the token server answers with " + reason, options_.url,
        passing ? "try again later" : "check the address of the token server");
  }
}

OCELLI_INLINE IamProvider::Token IamProvider::read_answer(const std::string& body) const {
  const nlohmann::json json = nlohmann::json::parse(body, nullptr, false);
  const auto fail = [&](const std::string& what) {
    throw StoreError(
        "no token: the answer " + what, options_.url, "check the address of the token server");
  };
  const std::string text = iam_detail::text_of(json, "access_token");
  if (text.empty()) fail("holds no access_token");
  for (const char c : text)
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') fail("holds a malformed token");
  const auto seconds = [&](const char* name) {
    const bool there = json.contains(name) && json.at(name).is_number();
    // Within what the clock can count.
    return there ? std::clamp(json.at(name).get<double>(), 0.0, 9e9) : 0.0;
  };
  const Time now = options_.now();
  const auto duration = [](double count) {
    return std::chrono::duration_cast<Time::duration>(std::chrono::duration<double>(count));
  };
  // The life is told twice. The first does not depend on the clock of this machine.
  Time::duration life = duration(seconds("expires_in"));
  if (life == Time::duration::zero() && seconds("expiration") > 0)
    life = Time(duration(seconds("expiration"))) - now;
  if (life <= Time::duration::zero())
    fail("holds a token that has expired already, or does not say when it will");
  life = std::min<Time::duration>(life, std::chrono::hours(24));
  return {Secret(text), now + life * 4 / 5, now + life};
}

/// Words of others, fit for a message: without the key, on one line, of bounded length.
OCELLI_INLINE std::string IamProvider::shown(std::string text) const {
  const std::string& key = options_.api_key.reveal();
  iam_detail::replace_all(text, key, "***");
  iam_detail::replace_all(text, percent_encode(key), "***");
  for (char& c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  constexpr std::size_t longest = 200;
  if (text.size() <= longest) return text;
  text.resize(longest);
  // Not through a character of UTF-8.
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80) text.pop_back();
  return text + "...";
}

}  // namespace ocelli::bucket
