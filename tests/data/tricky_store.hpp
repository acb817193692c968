// A project's bucket in which something can happen around a put, and labels to lay into it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ocelli/bucket/memory_store.hpp"
#include "ocelli/core/file.hpp"
#include "support/label_fixtures.hpp"

namespace ocelli::test {

inline const std::string json = "_annotations.json";

/// A bucket in which something can happen around a put.
struct TrickyStore : bucket::MemoryStore {
  using MemoryStore::get;
  using MemoryStore::list;
  using MemoryStore::put;
  std::function<void(const std::string&)> before = [](const std::string&) {};
  std::function<void(const std::string&)> after = [](const std::string&) {};
  std::atomic<int> puts = 0;

  explicit TrickyStore() : MemoryStore("cats") {}
  bucket::ObjectInfo put(
      const std::string& key, const bucket::Body& body,
      const bucket::PutOptions& options = {}) override {
    ++puts;
    before(key);
    const auto info = MemoryStore::put(key, body, options);
    after(key);
    return info;
  }
  /// As somebody else writes: unasked.
  void put_quietly(const std::string& key, std::string_view text) {
    MemoryStore::put(key, bucket::BytesBody(text), {});
  }
};

/// A bucket of small pictures, all alike.
inline std::shared_ptr<TrickyStore> bucket_with(
    const std::vector<std::string>& pictures, const std::string& labels = "") {
  auto store = std::make_shared<TrickyStore>();
  const auto bytes = png(6, 8);
  for (const std::string& key : pictures) store->put(key, data::as_text(bytes));
  if (!labels.empty()) store->put(json, labels);
  store->puts = 0;
  return store;
}
inline std::string text_of(bucket::ObjectStore& store, const std::string& key) {
  const auto bytes = store.get(key);
  return std::string(data::as_text(bytes));
}
inline const std::string two =
    R"({"version":"1.0","type":"localization","labels":["cat","dog"],"annotations":{"b.jpg":[{"label":"dog","x":0,"y":0,"x2":1,"y2":0.5,"id":"q","extra":[1]}],"gone.jpg":[{"label":"cat"}]},"tail":{"k":1e-7}})";

}  // namespace ocelli::test
