// S3Store: a bucket of an S3 server, and what is done with buckets themselves.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ocelli/bucket/object_store.hpp"
#include "ocelli/bucket/s3_client.hpp"
#include "ocelli/bucket/s3_options.hpp"
#include "ocelli/core/inline.hpp"

namespace ocelli::bucket {

/// Requests are tried again as the options say; transfers that break are resumed. At most
/// `connections` of them are open at once, however many threads call.
class S3Store : public ObjectStore {
 public:
  using ObjectStore::get;
  using ObjectStore::list;
  using ObjectStore::put;

  /// Sends nothing yet.
  /// @throws ConfigError for an endpoint, bucket or region that cannot be one
  explicit S3Store(const S3Options& options);

  std::string name() const override { return "s3://" + bucket_; }
  std::string bucket() const override { return bucket_; }

  /// Pages of up to 1,000. @throws StoreError too when the server does not list in order
  void list(const std::string& prefix, const Page& page) override;
  std::optional<ObjectInfo> head(const std::string& key) override;
  /// The sink is called on the caller's thread. It begins again when the object has changed before
  /// all of it was there.
  std::optional<ObjectInfo> get(
      const std::string& key, Sink& sink, const GetOptions& options = {}) override;
  /// Up to `connections` at once; as many finished objects wait for `each`.
  void get_many(std::span<const std::string> keys, const Arrived& each) override;
  /// In one request up to `part_size`, else in parts, which are removed when the upload fails. The
  /// body is read on a thread of the store, over http twice: its hash is sent first. Conditions of
  /// an upload in parts are checked by us before its last request, and by the server if it can.
  /// @return size and etag; `modified` is 0 where the server does not tell
  ObjectInfo put(const std::string& key, const Body& body, const PutOptions& options = {}) override;
  void remove(const std::string& key) override;
  ObjectInfo copy(
      const std::string& from, const std::string& to, const std::string& if_match = {}) override;

  /// Requests and connections so far.
  HttpCounts counts() const { return client_.counts(); }

 private:
  ObjectInfo copy_version(
      const std::string& from, const std::string& to, const std::string& if_match);
  S3Request about(const std::string& method, const std::string& key) const;
  void check_bucket();

  const std::string bucket_;
  S3Client client_;
  std::atomic<bool> bucket_seen_{false};
};

/// The names of the buckets that the login owns. `options.bucket` does not matter.
std::vector<std::string> list_buckets(const S3Options& options);
/// Makes `options.bucket`. That it is ours already is no error.
void create_bucket(const S3Options& options);
/// Removes `options.bucket`, which must be empty. @throws NotFoundError when there is none
void remove_bucket(const S3Options& options);

}  // namespace ocelli::bucket

#ifndef OCELLI_COMPILED
#include "ocelli/bucket/s3_store_impl.hpp"
#endif
