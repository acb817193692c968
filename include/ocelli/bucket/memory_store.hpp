// MemoryStore: a bucket in memory, for tests and for data made on the spot.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ocelli/bucket/object_store.hpp"

namespace ocelli::bucket {

class MemoryStore : public ObjectStore {
 public:
  using ObjectStore::get;
  using ObjectStore::list;
  using ObjectStore::put;

  explicit MemoryStore(std::string bucket = "memory") : bucket_(std::move(bucket)) {}

  std::string name() const override { return "memory://" + bucket_; }
  std::string bucket() const override { return bucket_; }

  void list(const std::string& prefix, const Page& page) override {
    std::vector<ObjectInfo> found;
    {
      const std::lock_guard lock(mutex_);
      for (auto at = objects_.lower_bound(prefix);
           at != objects_.end() && at->first.starts_with(prefix); ++at)
        found.push_back(at->second.info);
    }
    page(found);
  }

  std::optional<ObjectInfo> head(const std::string& key) override {
    const std::lock_guard lock(mutex_);
    const auto at = objects_.find(key);
    return at == objects_.end() ? std::nullopt : std::optional(at->second.info);
  }

  std::optional<ObjectInfo> get(
      const std::string& key, Sink& sink, const GetOptions& options = {}) override {
    const Object object = find(key);
    if (!options.if_match.empty() && options.if_match != object.info.etag) fail_condition(key);
    if (!options.if_none_match.empty() && options.if_none_match == object.info.etag) return {};
    const std::uint64_t begin = std::min(options.offset, object.info.size);
    const std::uint64_t size =
        std::min(options.length.value_or(object.info.size), object.info.size - begin);
    sink.begin(object.info);
    sink.write(std::span(*object.bytes).subspan(begin, size));
    return object.info;
  }

  ObjectInfo put(
      const std::string& key, const Body& body, const PutOptions& options = {}) override {
    auto bytes = std::make_shared<std::vector<std::byte>>(body.size());
    body.read(0, *bytes);
    const std::lock_guard lock(mutex_);
    const auto at = objects_.find(key);
    const bool there = at != objects_.end();
    if ((options.if_absent && there) ||
        (!options.if_match.empty() && (!there || at->second.info.etag != options.if_match)))
      fail_condition(key);
    return store(key, std::move(bytes));
  }

  void remove(const std::string& key) override {
    const std::lock_guard lock(mutex_);
    objects_.erase(key);
  }

  ObjectInfo copy(
      const std::string& from, const std::string& to, const std::string& if_match = {}) override {
    const Object object = find(from);
    if (!if_match.empty() && if_match != object.info.etag) fail_condition(from);
    const std::lock_guard lock(mutex_);
    return store(to, object.bytes);
  }

 private:
  struct Object {
    ObjectInfo info;
    std::shared_ptr<const std::vector<std::byte>> bytes;
  };

  Object find(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto at = objects_.find(key);
    if (at == objects_.end())
      throw NotFoundError("there is no such object", name() + "/" + key, "check the name");
    return at->second;
  }

  [[noreturn]] void fail_condition(const std::string& key) const {
    throw ConditionError("the object is another one by now", name() + "/" + key, "read it again");
  }

  ObjectInfo store(const std::string& key, std::shared_ptr<const std::vector<std::byte>> bytes) {
    // A clock of its own: two versions within a second must differ.
    const ObjectInfo info{key, bytes->size(), std::to_string(++version_), version_};
    objects_[key] = {info, std::move(bytes)};
    return info;
  }

  std::string bucket_;
  std::mutex mutex_;
  std::map<std::string, Object> objects_;
  std::int64_t version_ = 0;
};

}  // namespace ocelli::bucket
