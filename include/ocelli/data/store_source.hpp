// StoreSource: the files of a data set that lies in a bucket. Each object crosses the net once.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ocelli/bucket/object_cache.hpp"
#include "ocelli/bucket/object_store.hpp"
#include "ocelli/core/error.hpp"
#include "ocelli/data/source.hpp"

namespace ocelli::data {

struct StoreSourceOptions {
  /// What the keys begin with; a '/' is added when it does not end in one. They are told without
  /// it.
  std::string prefix = {};
  /// For messages, and the root of the data sets read from it; empty: the store's name and prefix.
  std::string name = {};
  /// Keeps what was read, for later reads and later programs. Null: nothing is kept.
  std::shared_ptr<bucket::ObjectCache> cache = {};
  /// The endpoint and bucket, by which the cache tells stores apart; empty: the store's name.
  std::string store = {};
};

/// The objects of a store as they were when it was first asked for them: they are listed once, and
/// objects that appear later are not seen. One that is replaced later may be read in both versions.
///
/// What prefetch() names is downloaded by one thread, many at once, a bounded amount ahead.
class StoreSource : public Source {
 public:
  explicit StoreSource(std::shared_ptr<bucket::ObjectStore> store, StoreSourceOptions options = {})
      : store_(std::move(store)), options_(std::move(options)) {
    std::string& prefix = options_.prefix;
    if (!prefix.empty() && !prefix.ends_with('/')) prefix += '/';
    if (options_.name.empty()) {
      options_.name = store_->name() + (prefix.empty() ? "" : "/" + prefix);
      if (!prefix.empty()) options_.name.pop_back();
    }
    if (options_.store.empty()) options_.store = store_->name();
  }
  ~StoreSource() override {
    stop_ = true;
    {
      const std::lock_guard lock(mutex_);
      queue_.clear();
    }
    work_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  std::string name() const override { return options_.name; }

  std::vector<std::string> keys() const override {
    const std::lock_guard lock(listing_mutex_);
    std::vector<std::string> keys;
    for (const auto& [key, known] : listing()) keys.push_back(key);
    return keys;
  }

  bool exists(const std::string& key) const override { return find(key).has_value(); }

  std::vector<std::byte> read(const std::string& key) const override {
    std::size_t limit = all;
    if (auto bytes = take(key, limit)) return *std::move(bytes);
    const std::optional<Known> known = find(key);
    if (known && options_.cache) {
      if (auto bytes = options_.cache->get(copy_of(key, *known))) return *std::move(bytes);
    }
    return fetch(key, all);
  }

  std::vector<std::byte> read_head(const std::string& key, std::size_t limit) const override {
    const auto cut = [limit](std::vector<std::byte> bytes) {
      if (bytes.size() > limit) bytes.resize(limit);
      return bytes;
    };
    std::size_t wanted = limit;
    if (auto bytes = take(key, wanted)) return cut(*std::move(bytes));
    const std::optional<Known> known = find(key);
    if (known && known->size <= limit) wanted = all;
    if (known && options_.cache) {
      for (const std::size_t part : {all, limit})
        if (auto bytes = options_.cache->get(copy_of(key, *known, part)))
          return cut(*std::move(bytes));
    }
    return cut(fetch(key, wanted));
  }

  void prefetch(const std::vector<ReadAhead>& files) const override {
    {
      const std::lock_guard lock(mutex_);
      queue_.clear();
      for (auto at = ahead_.begin(); at != ahead_.end();) {
        const auto one = at++;
        if (one->second.state != State::flying) forget(one);
      }
      for (const ReadAhead& file : files)
        if (ahead_.try_emplace(file.key, Ahead{file.bytes, State::queued, {}, {}}).second)
          queue_.push_back(file.key);
      if (!thread_.joinable() && !queue_.empty()) thread_ = std::thread([this] { serve(); });
    }
    work_.notify_all();
  }

  std::uint64_t bytes_received() const override { return received_.load(); }

 private:
  static constexpr std::size_t all = std::numeric_limits<std::size_t>::max();
  // What is ahead of its reader, and what is asked for at once: enough for the bandwidth of a
  // distant server times its delay, and little beside the pictures of a training.
  static constexpr std::uint64_t kAheadBytes = 128u << 20, kGroupBytes = 64u << 20;
  static constexpr std::size_t kGroup = 512, kHeadThreads = 16, kWriters = 4;

  struct Known {
    std::uint64_t size = 0;
    std::string etag;
  };
  enum class State : std::uint8_t { queued, flying, arrived };
  struct Ahead {
    std::size_t wanted = 0;  // bytes
    State state = State::queued;
    std::vector<std::byte> bytes;
    std::exception_ptr fault;
  };
  /// A file on its way: all of it, or its first bytes.
  struct Flight {
    std::string key;
    std::size_t bytes = 0;
  };
  struct Stopped {};

  std::map<std::string, Known>& listing() const {  // under its mutex
    if (!listing_) {
      std::map<std::string, Known> found;
      store_->list(options_.prefix, [&](std::span<const bucket::ObjectInfo> page) {
        for (const bucket::ObjectInfo& info : page)
          found[info.key.substr(options_.prefix.size())] = {info.size, info.etag};
      });
      found.erase("");  // an object that stands for the folder
      listing_ = std::move(found);
    }
    return *listing_;
  }
  std::optional<Known> find(const std::string& key) const {
    const std::lock_guard lock(listing_mutex_);
    const auto at = listing().find(key);
    return at == listing().end() ? std::nullopt : std::optional(at->second);
  }

  bucket::CachedObject copy_of(
      const std::string& key, const Known& known, std::size_t part = all) const {
    return {options_.store, options_.prefix + key, known.etag, part == all ? 0 : part};
  }

  /// Counts what has arrived, and keeps a copy.
  void keep(
      const std::string& key, const bucket::ObjectInfo& info, std::span<const std::byte> bytes,
      std::size_t part) const {
    received_.fetch_add(bytes.size());
    const Known known{info.size, info.etag};
    {
      const std::lock_guard lock(listing_mutex_);
      const auto at = listing().find(key);
      if (at != listing().end()) at->second = known;  // another version than was listed
    }
    if (!options_.cache || info.etag.empty()) return;
    options_.cache->put(copy_of(key, known, bytes.size() < info.size ? part : all), bytes);
  }

  std::vector<std::byte> fetch(const std::string& key, std::size_t limit) const {
    bucket::BytesSink sink;
    bucket::GetOptions options;
    if (limit != all) options.length = limit;
    const std::string whole = options_.prefix + key;
    const std::optional<bucket::ObjectInfo> info = store_->get(whole, sink, options);
    if (!info) throw StoreError("the store sent nothing", store_->name() + "/" + whole);
    keep(key, *info, sink.bytes, limit);
    return std::move(sink.bytes);
  }

  /// What prefetch() has brought, or is bringing; none when it is not among that.
  /// @param limit  bytes that are wanted; raised to what prefetch() was told
  std::optional<std::vector<std::byte>> take(const std::string& key, std::size_t& limit) const {
    std::unique_lock lock(mutex_);
    auto at = ahead_.find(key);
    if (at == ahead_.end()) return {};
    limit = std::max(limit, at->second.wanted);
    // What the thread cannot begin now is not waited for, as it may wait for its reader; nor is a
    // head where all is wanted.
    const auto passed_over = [&] {
      return at->second.state == State::queued ? busy_ || held_ >= kAheadBytes
                                               : at->second.wanted < limit;
    };
    arrived_.wait(lock, [&] {
      at = ahead_.find(key);
      return at == ahead_.end() || at->second.state == State::arrived || passed_over();
    });
    if (at == ahead_.end()) return {};  // it is in the cache, or another thread has taken it
    if (passed_over()) {
      if (at->second.state != State::flying) forget(at);
      return {};
    }
    std::vector<std::byte> bytes = std::move(at->second.bytes);
    const std::exception_ptr fault = std::move(at->second.fault);
    held_ -= bytes.size();
    ahead_.erase(at);
    lock.unlock();
    work_.notify_all();
    if (fault) std::rethrow_exception(fault);
    return bytes;
  }
  /// Under the mutex: one that nobody waits for.
  void forget(std::unordered_map<std::string, Ahead>::iterator at) const {
    held_ -= at->second.bytes.size();
    ahead_.erase(at);
  }

  void serve() const {
    for (;;) {
      std::vector<Flight> whole, heads;
      {
        std::unique_lock lock(mutex_);
        busy_ = false;
        work_.wait(lock, [this] { return stop_ || (!queue_.empty() && held_ < kAheadBytes); });
        if (stop_) return;
        choose(whole, heads);
        busy_ = true;
      }
      arrived_.notify_all();  // those who wait for what was not chosen
      bring_whole(whole);
      bring_heads(heads);
    }
  }

  /// Under the mutex: the next files to be brought at once, those left out that are here already.
  void choose(std::vector<Flight>& whole, std::vector<Flight>& heads) const {
    std::uint64_t bytes = 0;
    while (!queue_.empty() && whole.size() + heads.size() < kGroup && bytes < kGroupBytes) {
      const std::string key = std::move(queue_.front());
      queue_.pop_front();
      const auto at = ahead_.find(key);
      if (at == ahead_.end() || at->second.state != State::queued) continue;
      std::optional<Known> known;
      try {
        known = find(key);
      } catch (const std::exception&) {  // the listing failed: whoever reads the file is told
      }
      const std::size_t wanted = at->second.wanted;
      const bool cached =
          known && options_.cache &&
          (options_.cache->contains(copy_of(key, *known)) ||
           (wanted < known->size && options_.cache->contains(copy_of(key, *known, wanted))));
      if (!known || cached) {
        ahead_.erase(at);
        continue;
      }
      at->second.state = State::flying;
      if (wanted < known->size) {
        heads.push_back({key, wanted});
      } else {
        at->second.wanted = all;
        whole.push_back({key, all});
      }
      bytes += std::min<std::uint64_t>(wanted, known->size);
    }
  }

  void bring_whole(const std::vector<Flight>& files) const {
    if (files.empty()) return;
    std::vector<std::string> keys;
    for (const Flight& file : files) keys.push_back(options_.prefix + file.key);
    // Making a file for a copy may take longer than the download, most of it waiting for the drive.
    std::mutex kept_mutex;
    std::condition_variable kept;
    std::deque<bucket::Fetched> waiting;
    bool ended = false;
    const auto write = [&] {
      std::unique_lock lock(kept_mutex);
      for (;;) {
        kept.wait(lock, [&] { return ended || !waiting.empty(); });
        if (waiting.empty()) return;
        bucket::Fetched fetched = std::move(waiting.front());
        waiting.pop_front();
        lock.unlock();
        receive(files[fetched.index].key, std::move(fetched));
        lock.lock();
      }
    };
    std::vector<std::thread> writers;
    for (std::size_t t = 0; options_.cache && t < std::min(kWriters, files.size()); ++t)
      writers.emplace_back(write);
    std::exception_ptr fault;
    try {
      store_->get_many(keys, [&](bucket::Fetched&& fetched) {
        if (writers.empty()) {
          receive(files[fetched.index].key, std::move(fetched));
        } else {
          const std::lock_guard lock(kept_mutex);
          waiting.push_back(std::move(fetched));
        }
        kept.notify_one();
        if (stop_) throw Stopped{};  // ends the transfer
      });
    } catch (const Stopped&) {
    } catch (...) {
      fault = std::current_exception();
    }
    {
      const std::lock_guard lock(kept_mutex);
      ended = true;
    }
    kept.notify_all();
    for (std::thread& writer : writers) writer.join();
    for (const Flight& file : files)  // nobody may wait for what never comes
      arrive(
          file.key, {},
          fault ? fault
                : std::make_exception_ptr(
                      StoreError("the store sent nothing", store_->name() + "/" + file.key)));
  }

  void receive(const std::string& key, bucket::Fetched&& fetched) const {
    try {
      if (!fetched.fault) keep(key, fetched.info, fetched.bytes, all);
    } catch (...) {
      fetched.fault = std::current_exception();
    }
    arrive(key, std::move(fetched.bytes), fetched.fault);
  }

  void bring_heads(const std::vector<Flight>& files) const {
    std::atomic<std::size_t> next{0};
    const auto work = [&] {
      for (std::size_t i = next++; i < files.size() && !stop_; i = next++) {
        try {
          arrive(files[i].key, fetch(files[i].key, files[i].bytes), nullptr);
        } catch (...) {
          arrive(files[i].key, {}, std::current_exception());
        }
      }
    };
    std::vector<std::thread> helpers;
    for (std::size_t t = 1; t < std::min(kHeadThreads, files.size()); ++t)
      helpers.emplace_back(work);
    work();
    for (std::thread& helper : helpers) helper.join();
  }

  void arrive(
      const std::string& key, std::vector<std::byte> bytes, std::exception_ptr fault) const {
    {
      const std::lock_guard lock(mutex_);
      const auto at = ahead_.find(key);
      if (at == ahead_.end() || at->second.state != State::flying) return;
      held_ += bytes.size();
      at->second.bytes = std::move(bytes);
      at->second.fault = std::move(fault);
      at->second.state = State::arrived;
    }
    arrived_.notify_all();
  }

  std::shared_ptr<bucket::ObjectStore> store_;
  StoreSourceOptions options_;
  mutable std::atomic<std::uint64_t> received_{0};

  mutable std::mutex listing_mutex_;
  mutable std::optional<std::map<std::string, Known>> listing_;

  mutable std::mutex mutex_;  // of what is below; the listing's may be taken within it
  mutable std::condition_variable work_, arrived_;
  mutable std::deque<std::string> queue_;
  mutable std::unordered_map<std::string, Ahead> ahead_;
  mutable std::uint64_t held_ = 0;  // bytes that have arrived and were not taken
  mutable bool busy_ = false;       // the thread is bringing what it has chosen
  mutable std::thread thread_;
  std::atomic<bool> stop_{false};
};

}  // namespace ocelli::data
