// ProjectSource: a bucket as a source of pictures, with label files that are not stored yet.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ocelli/bucket/object_store.hpp"
#include "ocelli/data/source.hpp"

namespace ocelli::data::detail {

class ProjectSource : public Source {
 public:
  /// @param keys      below the prefix
  /// @param pictures  where they are read instead of from the store; null: nowhere else
  ProjectSource(
      bucket::ObjectStore& store, std::string prefix, std::string name,
      std::vector<std::string> keys, const Source* pictures)
      : store_(store), prefix_(std::move(prefix)), name_(std::move(name)), pictures_(pictures) {
    for (std::string& key : keys) keys_.insert(std::move(key));
  }
  /// A text that is read instead of what is stored.
  void put(const std::string& key, std::string text) {
    keys_.insert(key);
    texts_[key] = std::move(text);
  }

  std::string name() const override { return name_; }
  std::vector<std::string> keys() const override { return {keys_.begin(), keys_.end()}; }
  bool exists(const std::string& key) const override { return keys_.contains(key); }
  std::vector<std::byte> read(const std::string& key) const override {
    if (const auto text = texts_.find(key); text != texts_.end()) {
      const auto bytes = std::as_bytes(std::span(text->second));
      return {bytes.begin(), bytes.end()};
    }
    return pictures_ != nullptr ? pictures_->read(key) : store_.get(prefix_ + key);
  }
  std::vector<std::byte> read_head(const std::string& key, std::size_t limit) const override {
    if (texts_.contains(key)) return Source::read_head(key, limit);
    if (pictures_ != nullptr) return pictures_->read_head(key, limit);
    bucket::BytesSink sink;
    bucket::GetOptions head;
    head.length = limit;
    store_.get(prefix_ + key, sink, head);
    return std::move(sink.bytes);
  }

 private:
  bucket::ObjectStore& store_;
  std::string prefix_, name_;
  const Source* pictures_;
  std::set<std::string> keys_;
  std::map<std::string, std::string> texts_;
};

}  // namespace ocelli::data::detail
