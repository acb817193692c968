// FailingStore: an object store whose k-th operation fails, as if the network went then.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "ocelli/bucket/object_store.hpp"

namespace ocelli::test {

class FailingStore : public bucket::ObjectStore {
 public:
  enum class Way {
    before,  ///< the operation is not made
    after,   ///< it is made, and its answer lost
  };

 private:
  template <class Work>
  auto run(const char* operation, const std::string& key, Work&& work) {
    if (on_operation) on_operation(operation, key);
    std::optional<Way> way;
    {
      const std::lock_guard lock(mutex_);
      ++operations_;
      const bool fails = left_ == 0 || (failed_ && !once_);
      if (left_ >= 0) --left_;
      if (fails) {
        failed_ = true;
        way = way_;
      }
    }
    if (!way) return work();
    if (way == Way::after) {
      try {
        (void)work();
      } catch (const StoreError&) {
        // that answer is lost as well
      }
    }
    throw StoreError("the network is gone", inner_.name() + "/" + key, "try again");
  }

 public:
  using ObjectStore::get;
  using ObjectStore::list;
  using ObjectStore::put;

  explicit FailingStore(bucket::ObjectStore& inner) : inner_(inner) {}

  /// From now on the k-th operation (0: the next) and, unless `once`, all after it fail.
  void fail_at(int k, Way way = Way::before, bool once = false) {
    const std::lock_guard lock(mutex_);
    left_ = k;
    way_ = way;
    once_ = once;
    failed_ = false;
  }
  void heal() {
    const std::lock_guard lock(mutex_);
    left_ = -1, failed_ = false;
  }
  bool failed() const {
    const std::lock_guard lock(mutex_);
    return failed_;
  }
  int operations() const {
    const std::lock_guard lock(mutex_);
    return operations_;
  }
  /// Called before each operation with its name and key.
  std::function<void(const std::string& operation, const std::string& key)> on_operation;

  std::string name() const override { return inner_.name(); }
  std::string bucket() const override { return inner_.bucket(); }
  void list(const std::string& prefix, const Page& page) override {
    run("list", prefix, [&] { inner_.list(prefix, page); });
  }
  std::optional<bucket::ObjectInfo> head(const std::string& key) override {
    return run("head", key, [&] { return inner_.head(key); });
  }
  std::optional<bucket::ObjectInfo> get(
      const std::string& key, bucket::Sink& sink, const bucket::GetOptions& options = {}) override {
    return run("get", key, [&] { return inner_.get(key, sink, options); });
  }
  bucket::ObjectInfo put(
      const std::string& key, const bucket::Body& body,
      const bucket::PutOptions& options = {}) override {
    return run("put", key, [&] { return inner_.put(key, body, options); });
  }
  void remove(const std::string& key) override {
    run("remove", key, [&] { inner_.remove(key); });
  }
  bucket::ObjectInfo copy(
      const std::string& from, const std::string& to, const std::string& if_match = {}) override {
    return run("copy", to, [&] { return inner_.copy(from, to, if_match); });
  }

 private:
  bucket::ObjectStore& inner_;
  mutable std::mutex mutex_;
  int left_ = -1, operations_ = 0;
  Way way_ = Way::before;
  bool once_ = false, failed_ = false;
};

}  // namespace ocelli::test
