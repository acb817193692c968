// Watcher: keeps a local file that is the model of a branch, and the program that uses it up to
// date.
//
// A poll asks for the manifest with If-None-Match: as a rule nothing comes back. A new one names
// the weights by size and SHA-256; they are downloaded beside the file as FILE.new, tested, loaded
// by the program, and only then take the file's name. When anything fails the old model stays, in
// the file and in the program, and the next poll tries again.
//
// FILE.state.json says which model the file is: of which store, prefix, name and branch, under
// which id and etag, with which checksum and labels. Ids and etags are compared by `!=`, so a model
// that comes back is fetched like a new one. A state that belongs to another branch, or not to the
// bytes of the file, counts for nothing: a kill at any moment costs one download at most.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "ocelli/bucket/object_store.hpp"
#include "ocelli/core/file_lock.hpp"
#include "ocelli/deploy/manifest.hpp"
#include "ocelli/deploy/model_keys.hpp"

namespace ocelli::deploy {

struct WatchOptions {
  std::filesystem::path out;  ///< the local weights file
  std::string prefix = {};
  std::string name = {};  ///< of the model; empty: the bucket's
  std::string branch = std::string(kMaster);
  std::chrono::milliseconds interval{30000};  ///< between polls, give or take a tenth
  /// After failures the interval doubles up to this.
  std::chrono::milliseconds longest_interval{300000};
};

struct WatchEvent {
  enum class Kind { updated, unchanged, failed };
  Kind kind = Kind::unchanged;
  std::string text;         ///< of a failure: why, in a sentence
  Publication publication;  ///< what the file holds now; without an id when there is none
};

/// "updated", "unchanged", "failed".
inline const char* name(WatchEvent::Kind kind) {
  return kind == WatchEvent::Kind::updated     ? "updated"
         : kind == WatchEvent::Kind::unchanged ? "unchanged"
                                               : "failed";
}

class Watcher {
 public:
  /// Loads a candidate, and throws when it is not what the program can use.
  /// @param weights  where it lies while it is looked at: FILE.new, or FILE itself when the program
  /// starts
  using Load =
      std::function<void(const std::filesystem::path& weights, const Publication& publication)>;
  /// The candidate that was loaded last is the model from now on.
  using Swap = std::function<void(const Publication& publication)>;

  /// Takes the file for itself and, when it is still the branch's model as far as the state says,
  /// loads it and calls `swap`: no network is needed for that. The store must outlive the watcher.
  /// @throws ConfigError; StoreError when the folder cannot be written or another process watches
  ///   into this file
  Watcher(bucket::ObjectStore& store, WatchOptions options, Load load = {}, Swap swap = {});
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  /// One poll: three requests at most, none longer than the store's own timeouts. Never throws what
  /// the store, the drive or `load` throw: that is a failed event.
  WatchEvent check(std::stop_token stop = {});

  /// Polls until it is asked to stop, also within a download; tells each event.
  void run(std::stop_token stop, const std::function<void(const WatchEvent&)>& on_event = {});

  /// What the file holds; without an id when there is no model yet.
  Publication current() const;

 private:
  struct State {
    Publication publication;
    std::string etag;  ///< of the manifest
  };
  void restore();
  void write_state() const;
  WatchEvent event(WatchEvent::Kind kind, std::string text = {}) const;
  void fetch(const StoredManifest& stored, const std::stop_token& stop);

  bucket::ObjectStore& store_;
  WatchOptions options_;
  ModelKeys keys_;
  Load load_;
  Swap swap_;
  std::optional<FileLock> lock_;
  mutable std::mutex mutex_;  // of state_
  State state_;
  std::string refused_etag_, refusal_;  // the program did not want the model of that manifest
};

/// A model in memory that a Watcher keeps up to date. get() may be called by any thread at any
/// time; whoever holds what it gave keeps that one until done with it.
template <class Model>
class LiveModel {
 public:
  /// Reads a weights file; throws when it is not what the program can use.
  using Read = std::function<std::shared_ptr<const Model>(
      const std::filesystem::path& weights, const Publication& publication)>;

  LiveModel(bucket::ObjectStore& store, WatchOptions options, Read read)
      : read_(std::move(read)),
        watcher_(
            store, std::move(options),
            [this](const std::filesystem::path& weights, const Publication& publication) {
              candidate_ = read_(weights, publication);
              if (!candidate_) throw Error("the program did not take the model", publication.id);
            },
            [this](const Publication&) {
              const std::lock_guard lock(mutex_);
              model_ = std::move(candidate_);
            }) {}

  /// Null until there is one.
  std::shared_ptr<const Model> get() const {
    const std::lock_guard lock(mutex_);
    return model_;
  }
  Watcher& watcher() { return watcher_; }

 private:
  Read read_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Model> model_, candidate_;
  Watcher watcher_;  // last: it loads while it is made
};

}  // namespace ocelli::deploy

#ifndef OCELLI_COMPILED
#include "ocelli/deploy/watch_impl.hpp"
#endif
