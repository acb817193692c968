// Mirror: a run folder is kept in a bucket while it trains, so that a machine that vanishes loses
// one interval between snapshots at most; and restore_run(), which brings it back anywhere.
//
//   PREFIX/run.json                 the index: which files the run has, with sizes and SHA-256
//   PREFIX/mirror/<SHA-256>[.ext]   their bytes, never written again with others
//
// With each snapshot the run's files are taken as they are in that moment (files that grow are
// taken up to where they are), their bytes are written, then the index, which names that snapshot
// and no older one. So what the index names is always whole, and belongs to one step. What only an
// older index named is removed at last.
//
// A thread does it. Training never waits for it and never fails by it: when the store is slower
// than the snapshots come, the newest counts; when it fails, that is said and tried again.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "ocelli/bucket/object_store.hpp"
#include "ocelli/bucket/transfer.hpp"
#include "ocelli/deploy/run_index.hpp"
#include "ocelli/train/observer.hpp"
#include "ocelli/train/run_folder.hpp"

namespace ocelli::deploy {

struct RestoredRun {
  bool restored = false;  ///< false: there is nothing, or the folder is as far already
  long step = 0;          ///< of the mirrored snapshot
  std::size_t files = 0;
  std::uint64_t bytes = 0;
};

/// Brings a run folder to where its mirror is, for a training that is resumed on another machine.
/// Nothing happens when the mirror is empty, or when the folder's own snapshot is as new. Each file
/// is tested before it takes its name; the snapshot comes last, so an attempt that was cut off is
/// made again by the next.
/// @throws ConfigError when the folder holds another run; StoreError
RestoredRun restore_run(
    bucket::ObjectStore& store, const std::string& prefix, const std::filesystem::path& folder);

struct MirrorOptions {
  bool resume = false;  ///< the bucket may hold this run already
  /// Told when something could not be written, from the training's thread or from finish().
  std::function<void(const std::string&)> warn = {};
  std::chrono::milliseconds backoff{1000};  ///< before trying again, doubled each time
  std::chrono::milliseconds longest_backoff{60000};
  /// How long the end waits for a store that fails, before it gives up.
  std::chrono::milliseconds patience{120000};
};

class Mirror : public train::TrainingObserver {
 public:
  /// The store must outlive the mirror. The run folder may still be empty.
  /// @throws ConfigError when the bucket holds another run there, or one and `resume` is not set;
  ///   StoreError when it cannot be asked
  Mirror(
      bucket::ObjectStore& store, std::string prefix, std::filesystem::path folder,
      MirrorOptions options = {});
  /// Waits as finish() does, for what was due already.
  ~Mirror() override;

  void on_point(const train::TrainingPoint& point) override;
  void on_snapshot(long step, const std::filesystem::path& path) override;

  /// The run is over: writes everything it left (last weights, report, status) and waits for it.
  /// @return empty, or the sentence of the fault for which it is not all there
  std::string finish();

 private:
  using Clock = std::chrono::steady_clock;
  struct Entry {
    std::string path;
    std::string stamp;                       ///< tells a file from a changed one
    std::unique_ptr<bucket::FileBody> body;  ///< open, so that it stays when the file is removed
    std::optional<RunFile> known;            ///< in place of a body: it is in the bucket already
  };
  struct Job {
    long step = 0;
    std::vector<Entry> entries;
  };

  Job collect(long step, bool everything);
  void enqueue(long step, bool everything);
  void work();
  void write(Job& job);
  void put_index(const std::string& text);
  void tell();
  std::string settle();

  bucket::ObjectStore& store_;
  std::string prefix_, run_;
  train::RunFolder folder_;
  MirrorOptions options_;

  std::mutex mutex_;  // of all up to index_
  std::condition_variable changed_;
  std::optional<Job> next_;                                         // the newest alone
  std::map<std::string, std::pair<std::string, RunFile>> written_;  // by path; stamp and file
  std::vector<std::string> messages_;                               // for the training's thread
  std::string fault_;            // of the last attempt; empty when it went well
  Clock::time_point failing_{};  // since when
  bool busy_ = false, closing_ = false, given_up_ = false;

  RunIndex index_;                   // of the worker: what the bucket has
  std::string etag_;                 // likewise; empty: no index yet
  std::set<std::string> attempted_;  // SHA-256 of indices that may have been written
  std::atomic<bool> abandoned_{false};
  std::thread thread_;
};

}  // namespace ocelli::deploy

#ifndef OCELLI_COMPILED
#include "ocelli/deploy/mirror_impl.hpp"
#endif
