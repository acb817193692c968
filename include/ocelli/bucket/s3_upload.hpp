// S3Upload: an object in one piece or in parts, so that it appears whole or not at all.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ocelli/bucket/object_store.hpp"
#include "ocelli/bucket/s3_client.hpp"
#include "ocelli/bucket/s3_download.hpp"
#include "ocelli/bucket/s3_xml.hpp"

namespace ocelli::bucket {

namespace s3_detail {

inline constexpr std::uint64_t most_parts = 10'000;  // S3's limit

/// The size of parts, a whole MiB: at least `least`, and not more than 10,000 of them.
inline std::uint64_t part_size_for(std::uint64_t size, std::uint64_t least) {
  constexpr std::uint64_t mib = 1u << 20;
  const std::uint64_t needed = (size + most_parts - 1) / most_parts;
  return needed <= least ? least : (needed + mib - 1) / mib * mib;
}

/// Calls work(i) for all i < count, on up to `threads` threads. After the first error no further
/// one begins, and when all have ended it leaves.
inline void in_parallel(
    std::size_t count, int threads, std::atomic<bool>& stop,
    const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::exception_ptr fault;
  const auto run = [&] {
    try {
      for (std::size_t i = next++; i < count && !stop; i = next++) work(i);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!fault) fault = std::current_exception();
      stop = true;
    }
  };
  std::vector<std::thread> crew;
  const std::size_t most = std::min(count, static_cast<std::size_t>(threads));
  try {
    for (std::size_t i = 1; i < most; ++i) crew.emplace_back(run);
  } catch (const std::system_error&) {
    // Fewer threads than wished do the work too.
  }
  run();
  for (std::thread& thread : crew) thread.join();
  if (fault) std::rethrow_exception(fault);
}

/// 128 random bits in hexadecimal.
inline std::string random_mark() {
  std::random_device random;
  std::string text;
  for (int i = 0; i < 32; ++i) text += "0123456789abcdef"[random() & 15u];
  return text;
}

}  // namespace s3_detail

/// Writes one object.
///
/// A request that failed may have done its work, and what is between us and the server may repeat
/// one. When a condition then is not met, the object may be our own; so such uploads carry a random
/// mark (x-amz-meta-ocelli-write) by which it is known.
class S3Upload {
 public:
  S3Upload(
      S3Client& client, const std::string& bucket, const std::string& key,
      const PutOptions& options)
      : client_(client), options_(options), mark_(s3_detail::random_mark()) {
    object_.bucket = bucket;
    object_.key = key;
  }
  S3Upload(const S3Upload&) = delete;
  S3Upload& operator=(const S3Upload&) = delete;

  /// As ObjectStore::put(). `modified` of what it returns is 0 where the server does not tell.
  ObjectInfo put(const Body& body) {
    const std::uint64_t size = body.size();
    if (size <= client_.options().part_size) return put_whole(body, size);
    const std::uint64_t part = s3_detail::part_size_for(size, client_.options().part_size);
    return in_parts(size, part, [&](const std::string& id, std::size_t index) {
      S3Request request = part_request(id, index);
      request.body = &body;
      request.offset = index * part;
      request.size = std::min(part, size - request.offset);
      const S3Reply reply = client_.demand(request, stoppable());
      return s3_detail::object_info(reply.http, {}, name()).etag;
    });
  }

  /// A copy in parts, of an object that is too large for one request.
  /// @param from_etag  of the source, which must not change meanwhile
  ObjectInfo copy_parts(
      const std::string& source, const std::string& from_etag, std::uint64_t size,
      std::uint64_t part) {
    return in_parts(size, part, [&](const std::string& id, std::size_t index) {
      S3Request request = part_request(id, index);
      request.error_in_body = true;
      const std::uint64_t first = index * part;
      request.headers = {
          {"x-amz-copy-source", source},
          {"x-amz-copy-source-if-match", s3_detail::quoted(from_etag)},
          {"x-amz-copy-source-range", "bytes=" + std::to_string(first) + "-" +
                                          std::to_string(std::min(first + part, size) - 1)}};
      const S3Reply reply = client_.demand(request, stoppable());
      return parse_result(reply.http.body, "CopyPartResult", name()).etag;
    });
  }

 private:
  std::string name() const { return S3Client::name_of(object_); }
  bool conditional() const { return options_.if_absent || !options_.if_match.empty(); }
  S3Exchange stoppable() const {
    S3Exchange exchange;
    exchange.stop = &stop_;
    return exchange;
  }

  void add_condition(std::vector<Header>& headers) const {
    if (options_.if_absent) headers.emplace_back("If-None-Match", "*");
    // Without quotes: Ceph compares a PUT's condition byte by byte, and Amazon takes both.
    if (!options_.if_match.empty()) headers.emplace_back("If-Match", options_.if_match);
  }
  void add_description(std::vector<Header>& headers, bool marked) const {
    if (!options_.content_type.empty()) headers.emplace_back("Content-Type", options_.content_type);
    if (marked) headers.emplace_back("x-amz-meta-ocelli-write", mark_);
  }

  ObjectInfo put_whole(const Body& body, std::uint64_t size) {
    S3Request request = object_;
    request.method = "PUT";
    request.body = &body;
    request.size = size;
    add_condition(request.headers);
    add_description(request.headers, conditional());
    for (int conflicts = 1;; ++conflicts) {
      const S3Reply reply = client_.send(request);
      if (reply.good()) {
        ObjectInfo info = s3_detail::object_info(reply.http, object_.key, name());
        info.size = size;
        return info;
      }
      if (reply.http.transport == CURLE_OK && unmet(reply))
        if (const auto ours = our_own(size)) return *ours;
      // Amazon: another writer was at work at the same moment, and may have failed.
      if (reply.fault.code == "ConditionalRequestConflict" &&
          conflicts < client_.options().attempts)
        continue;
      refuse(request, reply);
    }
  }

  bool unmet(const S3Reply& reply) const {
    return conditional() && (reply.http.status == 412 || reply.http.status == 404 ||
                             reply.fault.code == "ConditionalRequestConflict");
  }

  /// Throws what the reply means.
  [[noreturn]] void refuse(const S3Request& request, const S3Reply& reply) {
    if (reply.http.transport == CURLE_OK && unmet(reply) && reply.fault.code != "NoSuchBucket" &&
        reply.fault.code != "NoSuchUpload")
      fail_condition();
    client_.require(request, reply);
    throw StoreError("the upload failed", name(), "try again");
  }

  [[noreturn]] void fail_condition() const {
    if (options_.if_absent)
      throw ConditionError(
          "there is such an object already", name(), "read it, or take another key");
    throw ConditionError("the object is another one by now", name(), "read it again");
  }

  /// What is there, if an earlier attempt of ours has written it.
  std::optional<ObjectInfo> our_own(std::uint64_t size) {
    S3Request request = object_;
    request.method = "HEAD";
    const S3Reply reply = client_.send(request);
    if (!reply.good() || reply.http.header("x-amz-meta-ocelli-write") != mark_) return std::nullopt;
    ObjectInfo info = s3_detail::info_of(reply.http, object_.key);
    return info.size == size ? std::optional(info) : std::nullopt;
  }

  // --- in parts ---------------------------------------------------------------------------------

  S3Request part_request(const std::string& id, std::size_t index) const {
    S3Request request = object_;
    request.method = "PUT";
    request.query = {{"partNumber", std::to_string(index + 1)}, {"uploadId", id}};
    return request;
  }

  ObjectInfo in_parts(
      std::uint64_t size, std::uint64_t part,
      const std::function<std::string(const std::string&, std::size_t)>& send_part) {
    check_condition();  // before all the bytes are sent for nothing
    S3Request begin = object_;
    begin.method = "POST";
    begin.query = {{"uploads", ""}};
    add_description(begin.headers, true);
    const std::string id = parse_upload_id(client_.demand(begin).http.body, name());
    try {
      std::vector<std::string> etags(static_cast<std::size_t>((size + part - 1) / part));
      s3_detail::in_parallel(
          etags.size(), client_.options().connections, stop_,
          [&](std::size_t i) { etags[i] = send_part(id, i); });
      check_condition();
      return complete(id, etags, size);
    } catch (...) {
      abort(id);
      throw;
    }
  }

  /// Many servers know conditions for objects in one piece alone, so they are looked at here as
  /// well.
  void check_condition() {
    if (!conditional()) return;
    S3Request request = object_;
    request.method = "HEAD";
    const S3Reply reply = client_.send(request);
    const bool absent = reply.http.transport == CURLE_OK && reply.http.status == 404;
    if (!absent) client_.require(request, reply);
    if (options_.if_absent ? !absent
                           : absent || s3_detail::info_of(reply.http, {}).etag != options_.if_match)
      fail_condition();
  }

  ObjectInfo complete(
      const std::string& id, const std::vector<std::string>& etags, std::uint64_t size) {
    const std::string text = complete_request(etags);
    const BytesBody body(text);
    S3Request request = object_;
    request.method = "POST";
    request.query = {{"uploadId", id}};
    request.headers.emplace_back("Content-Type", "application/xml");
    add_condition(request.headers);
    request.body = &body;
    request.size = text.size();
    request.error_in_body = true;
    const S3Reply reply = client_.send(request);
    if (!reply.good()) {
      if (reply.unsure || unmet(reply) || reply.fault.code == "NoSuchUpload")
        if (const auto ours = our_own(size)) return *ours;
      refuse(request, reply);
    }
    ObjectInfo info = parse_result(reply.http.body, "CompleteMultipartUploadResult", name());
    info.key = object_.key;
    info.size = size;
    if (!info.etag.empty()) return info;
    // Ceph does not tell. A caller that took an empty etag for a condition would set none.
    if (const auto ours = our_own(size)) return *ours;
    throw StoreError(
        "the object was replaced by another writer as soon as it was there", name(), "try again");
  }

  /// The error on its way out matters more than one from here.
  void abort(const std::string& id) noexcept {
    try {
      S3Request request = object_;
      request.method = "DELETE";
      request.query = {{"uploadId", id}};
      client_.send(request);
    } catch (...) {
    }
  }

  S3Client& client_;
  const PutOptions options_;
  const std::string mark_;
  S3Request object_;  ///< bucket and key
  std::atomic<bool> stop_{false};
};

}  // namespace ocelli::bucket
