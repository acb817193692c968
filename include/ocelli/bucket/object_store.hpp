// ObjectStore: whole files under keys, as a bucket or a folder keeps them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ocelli/bucket/transfer.hpp"
#include "ocelli/core/error.hpp"

namespace ocelli::bucket {

/// There is no such object, or no such bucket.
struct NotFoundError : StoreError {
  using StoreError::StoreError;
};
/// There is no such bucket, so none of its objects.
struct NoBucketError : NotFoundError {
  using NotFoundError::NotFoundError;
};
/// A condition was not met: the object is another one than the caller thought.
struct ConditionError : StoreError {
  using StoreError::StoreError;
};
/// The store knows the caller and refuses, or does not know the caller.
struct AccessError : StoreError {
  using StoreError::StoreError;
};
/// The store does not know the caller, or no longer: all requests will fail.
struct LoginError : AccessError {
  using AccessError::AccessError;
};

/// Which part of an object is wanted, and when.
struct GetOptions {
  std::uint64_t offset = 0;  ///< the first byte
  std::optional<std::uint64_t>
      length;                 ///< bytes from there, fewer where the object ends; none: all
  std::string if_match;       ///< an etag: ConditionError for any other object
  std::string if_none_match;  ///< an etag: nothing is sent when the object still has it
};

struct PutOptions {
  std::string content_type;  ///< "image/jpeg"; empty: the store's default
  bool if_absent = false;    ///< ConditionError when there is such an object
  std::string if_match;      ///< an etag: ConditionError when the object has another one
};

/// What get_many() hands over: the bytes, or why there are none.
struct Fetched {
  std::size_t index = 0;  ///< of the key in the list that was asked for
  ObjectInfo info;
  std::vector<std::byte> bytes;
  std::exception_ptr fault;
};

/// Reading and writing whole objects by key. All functions may be called by several threads at
/// once. An object is never seen half written: a reader gets the old bytes or the new ones.
/// Everything throws StoreError, or one of the above, naming store and key.
class ObjectStore {
 public:
  ObjectStore() = default;
  ObjectStore(const ObjectStore&) = delete;
  ObjectStore& operator=(const ObjectStore&) = delete;
  virtual ~ObjectStore() = default;

  /// For messages: "s3://bucket", or the folder's path. Holds no secrets.
  virtual std::string name() const = 0;
  /// The bucket's own name, which names its models: "cats"; of a folder its last part.
  virtual std::string bucket() const = 0;

  using Page = std::function<void(std::span<const ObjectInfo>)>;
  /// All objects whose keys begin with `prefix`, by the bytes of their keys, some at a time.
  virtual void list(const std::string& prefix, const Page& page) = 0;

  /// None when there is no such object.
  virtual std::optional<ObjectInfo> head(const std::string& key) = 0;

  /// Sends the bytes to `sink`. None when `if_none_match` held; the sink is not touched then.
  /// @throws NotFoundError, ConditionError, AccessError, StoreError, and what the sink throws
  virtual std::optional<ObjectInfo> get(
      const std::string& key, Sink& sink, const GetOptions& options = {}) = 0;

  /// Several whole objects. `each` is called on the caller's thread, in the order of arrival, once
  /// for each key; what it throws ends the transfer and leaves.
  using Arrived = std::function<void(Fetched&&)>;
  virtual void get_many(std::span<const std::string> keys, const Arrived& each) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      Fetched fetched;
      fetched.index = i;
      try {
        BytesSink sink;
        fetched.info = *get(keys[i], sink);
        fetched.bytes = std::move(sink.bytes);
      } catch (const Error&) {
        fetched.fault = std::current_exception();
      }
      each(std::move(fetched));
    }
  }

  /// Writes an object; it appears whole or not at all.
  /// @return what is there now: size and etag
  virtual ObjectInfo put(
      const std::string& key, const Body& body, const PutOptions& options = {}) = 0;

  /// That there was no such object is no error.
  virtual void remove(const std::string& key) = 0;

  /// Within the store, without the bytes passing through here.
  /// @param if_match  an etag of `from`: ConditionError when it has another one
  virtual ObjectInfo copy(
      const std::string& from, const std::string& to, const std::string& if_match = {}) = 0;

  // In one piece, for what is small.

  std::vector<ObjectInfo> list(const std::string& prefix = {}) {
    std::vector<ObjectInfo> all;
    list(prefix, [&](std::span<const ObjectInfo> page) {
      all.insert(all.end(), page.begin(), page.end());
    });
    return all;
  }
  std::vector<std::byte> get(const std::string& key) {
    BytesSink sink;
    get(key, sink);
    return std::move(sink.bytes);
  }
  ObjectInfo put(const std::string& key, std::string_view text, const PutOptions& options = {}) {
    return put(key, BytesBody(text), options);
  }
};

}  // namespace ocelli::bucket
