// StatusFile: status.json, a small JSON object that says at any time how a training is doing.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>

#include "ocelli/core/error.hpp"
#include "ocelli/core/file.hpp"

namespace ocelli::train {

/// A thread writes the newest state atomically every `interval`, also while a step or an evaluation
/// takes long: so a reader tells a slow training from a dead one by "updated", in seconds since
/// 1970.
class StatusFile {
 public:
  explicit StatusFile(
      std::filesystem::path path,
      std::chrono::milliseconds interval = std::chrono::milliseconds(2000))
      : path_(std::move(path)), interval_(interval), writer_([this] { run(); }) {}
  ~StatusFile() { stop(); }
  StatusFile(const StatusFile&) = delete;
  StatusFile& operator=(const StatusFile&) = delete;

  /// Replaces the state, such as {"state": "training", "step": 10}; it is on the drive within an
  /// interval. Never fails: see error().
  void update(nlohmann::ordered_json state) {
    const std::lock_guard lock(mutex_);
    state_ = std::move(state);
  }
  /// Writes the last state at once and ends the thread. Throws StoreError.
  void finish(nlohmann::ordered_json state) {
    update(std::move(state));
    stop();
    write();
  }
  /// Why the last writing failed; empty when it did not. A full drive stops no training.
  std::string error() const {
    const std::lock_guard lock(mutex_);
    return error_;
  }

 private:
  void write() {
    nlohmann::ordered_json state;
    {
      const std::lock_guard lock(mutex_);
      state = state_;
    }
    if (!state.is_object()) return;
    state["updated"] = std::chrono::duration_cast<std::chrono::seconds>(
                           std::chrono::system_clock::now().time_since_epoch())
                           .count();
    write_file(
        path_, state.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n",
        Durability::buffered);
  }
  void run() {
    while (true) {
      std::string fault;
      try {
        write();
      } catch (const Error& error) {
        fault = error.what();
      }
      std::unique_lock lock(mutex_);
      error_ = std::move(fault);
      if (wake_.wait_for(lock, interval_, [this] { return done_; })) return;
    }
  }
  void stop() {
    {
      const std::lock_guard lock(mutex_);
      done_ = true;
    }
    wake_.notify_all();
    if (writer_.joinable()) writer_.join();
  }

  std::filesystem::path path_;
  std::chrono::milliseconds interval_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  nlohmann::ordered_json state_;
  std::string error_;
  bool done_ = false;
  std::thread writer_;  // last: it uses the others
};

}  // namespace ocelli::train
