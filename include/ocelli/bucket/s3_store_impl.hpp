// S3Store's requests.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "ocelli/bucket/s3_download.hpp"
#include "ocelli/bucket/s3_store.hpp"
#include "ocelli/bucket/s3_upload.hpp"
#include "ocelli/bucket/s3_xml.hpp"

namespace ocelli::bucket {

namespace s3_detail {

/// Of one object among many; ends when the others are not wanted any more.
class PieceSink : public Sink {
 public:
  explicit PieceSink(const std::atomic<bool>& stop) : stop_(stop) {}
  void begin(const ObjectInfo& info) override {
    bytes.clear();
    // No more than a transfer may well bring: a size is only a server's word.
    bytes.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(info.size, 16u << 20)));
  }
  void write(std::span<const std::byte> more) override {
    if (stop_) throw StoreError("the transfer was ended", {}, "try again");
    bytes.insert(bytes.end(), more.begin(), more.end());
  }
  std::vector<std::byte> bytes;

 private:
  const std::atomic<bool>& stop_;
};

/// From many threads to one, at most `most` at a time.
class ArrivalQueue {
 public:
  explicit ArrivalQueue(std::size_t most) : most_(most) {}
  /// False when nobody takes any more.
  bool push(Fetched&& fetched) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || waiting_.size() < most_; });
    if (closed_) return false;
    waiting_.push_back(std::move(fetched));
    changed_.notify_all();
    return true;
  }
  Fetched pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !waiting_.empty(); });
    Fetched first = std::move(waiting_.front());
    waiting_.pop_front();
    changed_.notify_all();
    return first;
  }
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

 private:
  const std::size_t most_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Fetched> waiting_;
  bool closed_ = false;
};

/// Ends and joins a crew of threads, however its owner leaves.
struct Crew {
  std::atomic<bool> stop{false};
  ArrivalQueue queue;
  std::vector<std::thread> threads;

  explicit Crew(std::size_t most) : queue(most) {}
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;
  ~Crew() {
    stop = true;
    queue.close();
    for (std::thread& thread : threads) thread.join();
  }
};

}  // namespace s3_detail

OCELLI_INLINE S3Store::S3Store(const S3Options& options)
    : bucket_(options.bucket), client_(options) {
  if (bucket_.empty()) throw ConfigError("no bucket is named", "s3://", "write s3://BUCKET");
}

OCELLI_INLINE S3Request S3Store::about(const std::string& method, const std::string& key) const {
  S3Request request;
  request.method = method;
  request.bucket = bucket_;
  request.key = s3_detail::check_key(key, name());
  return request;
}

OCELLI_INLINE void S3Store::list(const std::string& prefix, const Page& page) {
  std::string last, token;
  bool any = false;
  do {
    S3Request request;
    request.bucket = bucket_;
    request.query = {{"list-type", "2"}, {"encoding-type", "url"}, {"max-keys", "1000"}};
    if (!prefix.empty()) request.query.emplace_back("prefix", prefix);
    if (!token.empty()) request.query.emplace_back("continuation-token", token);
    S3Page found = parse_page(client_.demand(request).http.body, name());
    bucket_seen_ = true;
    for (const ObjectInfo& object : found.objects) {
      if (any && object.key <= last)
        throw StoreError(
            "the server does not list in the order of keys", name(),
            "use a server that does, as Amazon's");
      last = object.key;
      any = true;
    }
    if (found.next == token && !token.empty())
      throw StoreError("the server lists the same page again", name(), "try again");
    token = std::move(found.next);
    if (!found.objects.empty()) page(found.objects);
  } while (!token.empty());
}

/// Throws NotFoundError when there is no such bucket: the answer to HEAD does not tell.
OCELLI_INLINE void S3Store::check_bucket() {
  if (bucket_seen_) return;
  S3Request request;
  request.bucket = bucket_;
  request.query = {{"list-type", "2"}, {"max-keys", "1"}};
  const S3Reply reply = client_.send(request);
  if (reply.fault.code == "NoSuchBucket") client_.require(request, reply);
  if (reply.http.transport == CURLE_OK) bucket_seen_ = true;
}

OCELLI_INLINE std::optional<ObjectInfo> S3Store::head(const std::string& key) {
  const S3Request request = about("HEAD", key);
  const S3Reply reply = client_.send(request);
  if (reply.http.transport == CURLE_OK && reply.http.status == 404) {
    check_bucket();
    return std::nullopt;
  }
  client_.require(request, reply);
  bucket_seen_ = true;
  return s3_detail::object_info(reply.http, key, name() + "/" + key);
}

OCELLI_INLINE std::optional<ObjectInfo> S3Store::get(
    const std::string& key, Sink& sink, const GetOptions& options) {
  return S3Download(client_, bucket_, s3_detail::check_key(key, name()), sink, options).run();
}

OCELLI_INLINE void S3Store::get_many(std::span<const std::string> keys, const Arrived& each) {
  const std::size_t most =
      std::min(keys.size(), static_cast<std::size_t>(client_.options().connections));
  std::atomic<std::size_t> next{0};
  s3_detail::Crew crew(most);
  const auto run = [&] {
    for (std::size_t i = next++; i < keys.size() && !crew.stop; i = next++) {
      Fetched fetched;
      fetched.index = i;
      try {
        s3_detail::PieceSink sink(crew.stop);
        S3Download download(
            client_, bucket_, s3_detail::check_key(keys[i], name()), sink, {}, &crew.stop);
        fetched.info = *download.run();
        fetched.bytes = std::move(sink.bytes);
      } catch (...) {
        fetched.fault = std::current_exception();
      }
      if (!crew.queue.push(std::move(fetched))) return;
    }
  };
  for (std::size_t i = 0; i < most; ++i) crew.threads.emplace_back(run);
  for (std::size_t i = 0; i < keys.size(); ++i) each(crew.queue.pop());
}

OCELLI_INLINE ObjectInfo
S3Store::put(const std::string& key, const Body& body, const PutOptions& options) {
  return S3Upload(client_, bucket_, s3_detail::check_key(key, name()), options).put(body);
}

OCELLI_INLINE void S3Store::remove(const std::string& key) {
  const S3Request request = about("DELETE", key);
  const S3Reply reply = client_.send(request);
  const bool gone = reply.http.transport == CURLE_OK && reply.http.status == 404 &&
                    reply.fault.code != "NoSuchBucket";
  if (!gone) client_.require(request, reply);
  if (reply.good() && !reply.http.body.empty())
    throw StoreError(
        "the answer to a removal is a page of something else", name() + "/" + key,
        "check the endpoint, and that no proxy or login page answers for it");
}

OCELLI_INLINE ObjectInfo
S3Store::copy(const std::string& from, const std::string& to, const std::string& if_match) {
  for (int attempt = 1;; ++attempt) {
    try {
      return copy_version(from, to, if_match);
    } catch (const ConditionError&) {
      // Without a wish of the caller's, another version came between our own two requests.
      if (!if_match.empty() || attempt == 3) throw;
    }
  }
}

OCELLI_INLINE ObjectInfo
S3Store::copy_version(const std::string& from, const std::string& to, const std::string& if_match) {
  S3Request source = about("HEAD", from);
  const S3Reply known = client_.send(source);
  if (known.http.transport == CURLE_OK && known.http.status == 404) check_bucket();
  client_.require(source, known);
  const ObjectInfo info = s3_detail::object_info(known.http, from, name() + "/" + from);
  if (!if_match.empty() && if_match != info.etag)
    throw ConditionError("the object is another one by now", name() + "/" + from, "read it again");
  if (from == to) return info;

  const std::string path = "/" + encode_path(bucket_) + "/" + encode_path(from);
  const S3Options& options = client_.options();
  if (info.size > options.copy_size) {
    PutOptions described;
    described.content_type = known.http.header("content-type");
    const std::uint64_t part =
        s3_detail::part_size_for(info.size, std::min<std::uint64_t>(options.copy_size, 512u << 20));
    return S3Upload(client_, bucket_, s3_detail::check_key(to, name()), described)
        .copy_parts(path, info.etag, info.size, part);
  }
  S3Request request = about("PUT", to);
  request.headers = {
      {"x-amz-copy-source", path}, {"x-amz-copy-source-if-match", s3_detail::quoted(info.etag)}};
  request.error_in_body = true;
  const S3Reply reply = client_.demand(request);
  ObjectInfo made = parse_result(reply.http.body, "CopyObjectResult", name() + "/" + to);
  made.key = to;
  made.size = info.size;
  return made;
}

namespace s3_detail {

/// IBM's stores want to know the instance whose buckets are meant.
inline void add_instance(const S3Options& options, S3Request& request) {
  const Credentials keys = options.credentials ? options.credentials->get() : Credentials{};
  if (!keys.instance.empty())
    request.headers.emplace_back("ibm-service-instance-id", keys.instance);
}

inline void check_named(const S3Options& options) {
  if (options.bucket.empty()) throw ConfigError("no bucket is named", "s3://", "write s3://BUCKET");
}

}  // namespace s3_detail

OCELLI_INLINE std::vector<std::string> list_buckets(const S3Options& options) {
  S3Client client(options);
  S3Request request;
  s3_detail::add_instance(options, request);
  return parse_buckets(client.demand(request).http.body, "s3://");
}

OCELLI_INLINE void create_bucket(const S3Options& options) {
  s3_detail::check_named(options);
  S3Client client(options);
  S3Request request;
  request.method = "PUT";
  request.bucket = options.bucket;
  s3_detail::add_instance(options, request);
  // Amazon's regions other than the first want to be named once more; other servers know one.
  std::string text;
  if (options.endpoint.empty() && client.region() != "us-east-1")
    text = "<CreateBucketConfiguration><LocationConstraint>" + client.region() +
           "</LocationConstraint></CreateBucketConfiguration>";
  const BytesBody body(text);
  request.body = &body;
  request.size = text.size();
  const S3Reply reply = client.send(request);
  if (reply.fault.code != "BucketAlreadyOwnedByYou") client.require(request, reply);
}

OCELLI_INLINE void remove_bucket(const S3Options& options) {
  s3_detail::check_named(options);
  S3Client client(options);
  S3Request request;
  request.method = "DELETE";
  request.bucket = options.bucket;
  const S3Reply reply = client.send(request);
  // A first attempt whose answer was lost has removed it.
  if (reply.fault.code != "NoSuchBucket" || !reply.unsure) client.require(request, reply);
}

}  // namespace ocelli::bucket
