// Source: where the files of a data set come from, by key. A folder, or a map in memory;
// store_source.hpp has those of a bucket.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ocelli/bucket/folder_store.hpp"
#include "ocelli/bucket/key.hpp"
#include "ocelli/core/error.hpp"

namespace ocelli::data {

/// A file that is wanted soon.
struct ReadAhead {
  ReadAhead(std::string the_key, std::size_t first = std::numeric_limits<std::size_t>::max())
      : key(std::move(the_key)), bytes(first) {}
  std::string key;
  std::size_t bytes;  ///< all, or only so many of the first
};

/// Read access to files by key: a relative path of UTF-8 names joined with '/'. Reading the same
/// source from several threads at once is allowed.
class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  /// For messages: the folder's path, or the bucket's address.
  virtual std::string name() const = 0;
  /// All keys, sorted by bytes.
  virtual std::vector<std::string> keys() const = 0;
  virtual bool exists(const std::string& key) const = 0;
  /// The whole file. @throws StoreError naming the key
  virtual std::vector<std::byte> read(const std::string& key) const = 0;
  /// The first bytes of a file: `limit` of them, or all there are. @throws StoreError naming the
  /// key
  virtual std::vector<std::byte> read_head(const std::string& key, std::size_t limit) const {
    std::vector<std::byte> bytes = read(key);
    if (bytes.size() > limit) bytes.resize(limit);
    return bytes;
  }

  /// Says what will be read soon, about in this order, so that distant files are under way before
  /// they are asked for. What was said before and has not been read is forgotten.
  virtual void prefetch(const std::vector<ReadAhead>&) const {}
  /// How many bytes have come over the net so far; 0 of files that are here.
  virtual std::uint64_t bytes_received() const { return 0; }
};

/// Whether what read() threw is about this one file. Else the source itself has failed (no network,
/// a broken drive, a token that has expired), and what else is asked for will fail too.
inline bool concerns_one_file(const std::exception& fault) {
  if (dynamic_cast<const bucket::NoBucketError*>(&fault) != nullptr ||
      dynamic_cast<const bucket::LoginError*>(&fault) != nullptr)
    return false;
  return dynamic_cast<const StoreError*>(&fault) == nullptr ||
         dynamic_cast<const bucket::NotFoundError*>(&fault) != nullptr ||
         dynamic_cast<const bucket::AccessError*>(&fault) != nullptr;
}

using bucket::key_is_safe;

/// The text of a file. A view of `bytes`.
inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A folder, read as bucket::FolderStore does: no key leads out of it, links that lie in it are
/// followed, names that begin with a dot are not listed. Nothing is remembered.
class FolderSource : public Source {
 public:
  /// @throws StoreError when there is no such folder
  explicit FolderSource(const std::string& root) : store_(root) {}
  std::string name() const override { return store_.name(); }
  std::vector<std::string> keys() const override {
    std::vector<std::string> keys;
    store_.list({}, [&](std::span<const bucket::ObjectInfo> page) {
      for (const bucket::ObjectInfo& info : page) keys.push_back(info.key);
    });
    return keys;
  }
  bool exists(const std::string& key) const override { return store_.head(key).has_value(); }
  std::vector<std::byte> read(const std::string& key) const override { return store_.get(key); }
  std::vector<std::byte> read_head(const std::string& key, std::size_t limit) const override {
    bucket::BytesSink sink;
    store_.get(key, sink, {0, limit, {}, {}});
    return std::move(sink.bytes);
  }

 private:
  mutable bucket::FolderStore store_;  // only read
};

/// Files in memory, for tests and for data made on the spot.
class MemorySource : public Source {
 public:
  explicit MemorySource(std::string name = "memory") : name_(std::move(name)) {}
  void put(const std::string& key, std::vector<std::byte> bytes) { files_[key] = std::move(bytes); }
  void put(const std::string& key, std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    put(key, std::vector<std::byte>(bytes.begin(), bytes.end()));
  }

  std::string name() const override { return name_; }
  std::vector<std::string> keys() const override {
    std::vector<std::string> keys;
    for (const auto& [key, bytes] : files_) keys.push_back(key);
    return keys;
  }
  bool exists(const std::string& key) const override { return files_.contains(key); }
  std::vector<std::byte> read(const std::string& key) const override {
    const auto found = files_.find(key);
    if (found == files_.end()) throw bucket::NotFoundError("no such file", name_ + "/" + key);
    return found->second;
  }

 private:
  std::string name_;
  std::map<std::string, std::vector<std::byte>> files_;
};

}  // namespace ocelli::data
