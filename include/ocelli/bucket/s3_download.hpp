// S3Download: one object into a sink, over as many requests as it takes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <curl/curl.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "ocelli/bucket/object_store.hpp"
#include "ocelli/bucket/s3_client.hpp"
#include "ocelli/bucket/s3_xml.hpp"

namespace ocelli::bucket {

namespace s3_detail {

/// What the headers of an answer tell of an object. Of a part, size is the part's.
inline ObjectInfo info_of(const HttpResponse& response, const std::string& key) {
  ObjectInfo info;
  info.key = key;
  const std::string length = response.header("content-length");
  std::from_chars(length.data(), length.data() + length.size(), info.size);
  info.etag = s3_xml_detail::without_quotes(response.header("etag"));
  const std::time_t modified = curl_getdate(response.header("last-modified").c_str(), nullptr);
  info.modified = modified < 0 ? 0 : static_cast<std::int64_t>(modified);
  return info;
}

/// What an answer of 2xx about an object tells. S3 always tells an etag; a network's login page,
/// which answers every request with 200, does not. @throws StoreError for such a page
inline ObjectInfo object_info(
    const HttpResponse& response, const std::string& key, const std::string& name) {
  ObjectInfo info = info_of(response, key);
  if (info.etag.empty())
    throw StoreError(
        "the answer is not that of an S3 server (HTTP " + std::to_string(response.status) +
            " without an ETag)",
        name, "check the endpoint, and that no proxy or login page answers for it");
  return info;
}

/// An etag as conditions and uploads want it.
inline std::string quoted(const std::string& etag) { return '"' + etag + '"'; }

/// An empty key would make a request of the whole bucket.
inline const std::string& check_key(const std::string& key, const std::string& store) {
  if (key.empty()) throw StoreError("an object's key cannot be empty", store, "name an object");
  return key;
}

}  // namespace s3_detail

/// A body that is cut is resumed where it broke, if it is still the same object; the sink begins
/// again if it is another one by now.
class S3Download {
 public:
  S3Download(
      S3Client& client, std::string bucket, const std::string& key, Sink& sink,
      const GetOptions& options, const std::atomic<bool>* stop = nullptr)
      : client_(client), sink_(sink), options_(options) {
    request_.bucket = std::move(bucket);
    request_.key = key;
    exchange_.stop = stop;
    exchange_.prepare = [this](std::vector<Header>& headers) { prepare(headers); };
    exchange_.head = [this](const HttpResponse& response) { head(response); };
    exchange_.data = [this](std::span<const std::byte> bytes) { data(bytes); };
    exchange_.progressed = [this] { return progressed(); };
  }
  S3Download(const S3Download&) = delete;
  S3Download& operator=(const S3Download&) = delete;

  /// As ObjectStore::get().
  std::optional<ObjectInfo> run() {
    bool grown = false;
    if (options_.length == std::uint64_t{0}) return without_bytes(grown);
    for (int started = 1;; ++started) {
      const S3Reply reply = client_.send(request_, exchange_);
      const long status = reply.http.transport == CURLE_OK ? reply.http.status : 0;
      if (reply.good()) {
        // A length that something on the way has shortened looks like the end.
        if (begun_ && received_ < wanted_ && started < client_.options().attempts) {
          if (info_.etag.empty()) begun_ = false;
          continue;
        }
        if (!begun_ || received_ != wanted_)
          throw StoreError(
              "the server sent " + std::to_string(received_) + " bytes of " +
                  std::to_string(wanted_),
              name(), "try again");
        return info_;
      }
      if (status == 304 && !begun_ && !options_.if_none_match.empty()) return std::nullopt;
      if (status == 416 && !begun_) {
        const std::optional<ObjectInfo> empty = without_bytes(grown);
        if (!grown) return empty;
        if (started < client_.options().attempts) continue;
        throw StoreError("the object changes while it is read", name(), "try again");
      }
      const bool changed = begun_ && (status == 412 || status == 416);
      if (!changed || !options_.if_match.empty() || started >= client_.options().attempts)
        client_.require(request_, reply);
      begun_ = false;
    }
  }

 private:
  std::string name() const { return S3Client::name_of(request_); }

  void prepare(std::vector<Header>& headers) const {
    const std::uint64_t done = begun_ ? received_ : 0;
    // Of a whole object too: only the answer to a range tells the object's size beside the length
    // of what is sent, so that a body with a shortened length is known.
    std::string range = "bytes=" + std::to_string(options_.offset + done) + "-";
    if (begun_)
      range += std::to_string(options_.offset + wanted_ - 1);
    else if (options_.length)
      range += std::to_string(last(options_.offset, *options_.length));
    headers.emplace_back("Range", range);
    if (begun_) {
      headers.emplace_back("If-Match", s3_detail::quoted(info_.etag));
      return;
    }
    if (!options_.if_match.empty())
      headers.emplace_back("If-Match", s3_detail::quoted(options_.if_match));
    if (!options_.if_none_match.empty())
      headers.emplace_back("If-None-Match", s3_detail::quoted(options_.if_none_match));
  }

  static std::uint64_t last(std::uint64_t first, std::uint64_t length) {
    const std::uint64_t most = std::uint64_t{1} << 62;
    return std::min(first, most) + std::min(length, most) - 1;
  }

  void head(const HttpResponse& response) {
    ObjectInfo info = response.status == 206
                          ? s3_detail::info_of(response, request_.key)
                          : s3_detail::object_info(response, request_.key, name());
    std::uint64_t first = 0;
    if (response.status == 206) {
      // "bytes 5-9/100"
      const std::string range = response.header("content-range");
      std::string_view text = range;
      std::uint64_t end = 0, whole = 0;
      if (!take(text, "bytes ", first) || !take(text, "-", end) || !take(text, "/", whole))
        throw StoreError("the server does not say which bytes it sends", name(), "try again");
      info.size = whole;
    }
    const bool goes_on = begun_ && response.status == 206 && info.etag == info_.etag &&
                         info.size == info_.size && first == options_.offset + received_;
    if (goes_on) return;
    const bool asked = options_.offset > 0 || options_.length;
    if (first != options_.offset || (asked && response.status != 206))
      throw StoreError(
          "the server sends other bytes than those that were asked for", name(),
          "check that no proxy answers for it");
    const std::uint64_t there = info.size - std::min(info.size, options_.offset);
    wanted_ = std::min(options_.length.value_or(there), there);
    info_ = std::move(info);
    received_ = counted_ = 0;
    begun_ = true;
    sink_.begin(info_);
  }

  static bool take(std::string_view& text, std::string_view before, std::uint64_t& value) {
    if (!text.starts_with(before)) return false;
    text.remove_prefix(before.size());
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return fault == std::errc();
  }

  void data(std::span<const std::byte> bytes) {
    if (bytes.size() > wanted_ - received_)
      throw StoreError("the server sends more bytes than it announced", name(), "try again");
    sink_.write(bytes);
    received_ += bytes.size();
  }

  /// A transfer that goes on, if in pieces, is not given up.
  bool progressed() {
    constexpr std::uint64_t enough = 1u << 20;
    // Without an etag nobody can tell whether the rest belongs to the same object; and where the
    // end alone was lost there is no rest.
    if (begun_ && (info_.etag.empty() || received_ == wanted_)) begun_ = false;
    if (!begun_ || received_ - counted_ < enough) return false;
    counted_ = received_;
    return true;
  }

  /// Where there are no bytes to ask for, which servers refuse.
  /// @param grown  true when there are some by now; then nothing else has happened
  std::optional<ObjectInfo> without_bytes(bool& grown) {
    grown = false;
    S3Request asked = request_;
    asked.method = "HEAD";
    const S3Reply reply = client_.demand(asked);
    const ObjectInfo info = s3_detail::object_info(reply.http, request_.key, name());
    if (!options_.if_match.empty() && options_.if_match != info.etag)
      throw ConditionError("the object is another one by now", name(), "read it again");
    if (!options_.if_none_match.empty() && options_.if_none_match == info.etag) return std::nullopt;
    grown = options_.length != std::uint64_t{0} && info.size > options_.offset;
    if (grown) return std::nullopt;
    sink_.begin(info);
    return info;
  }

  S3Client& client_;
  Sink& sink_;
  const GetOptions options_;
  S3Request request_;
  S3Exchange exchange_;
  ObjectInfo info_;
  bool begun_ = false;  ///< the sink has; else the next answer begins it
  std::uint64_t wanted_ = 0, received_ = 0, counted_ = 0;
};

}  // namespace ocelli::bucket
