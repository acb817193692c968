// ReadProgress: how the reading of many pictures goes on, for those who wait.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <mutex>
#include <string>
#include <utility>

#include "ocelli/data/source.hpp"

namespace ocelli::data {

struct ReadProgress {
  std::size_t done = 0, total = 0;  ///< pictures
  std::uint64_t bytes = 0;          ///< that came over the net for them
  double seconds = 0;               ///< since the first

  double pictures_per_second() const {
    return seconds > 0 ? static_cast<double>(done) / seconds : 0;
  }
  double bytes_per_second() const { return seconds > 0 ? static_cast<double>(bytes) / seconds : 0; }
  /// At the mean rate so far; 0 when there was no picture yet.
  double seconds_left() const {
    return done > 0 ? seconds / static_cast<double>(done) * static_cast<double>(total - done) : 0;
  }
};

/// "1200 of 5000 pictures, 830/s, 16.6 MB/s, 5 s left"; without bytes where none came over the net.
inline std::string to_string(const ReadProgress& progress) {
  std::string text = std::to_string(progress.done) + " of " + std::to_string(progress.total) +
                     (progress.total == 1 ? " picture" : " pictures");
  const auto add = [&text](const char* format, double value) {
    std::array<char, 64> part{};
    std::snprintf(part.data(), part.size(), format, value);
    text += part.data();
  };
  if (progress.seconds <= 0) return text;
  add(progress.pictures_per_second() < 10 ? ", %.1f/s" : ", %.0f/s",
      progress.pictures_per_second());
  if (progress.bytes > 0) add(", %.1f MB/s", progress.bytes_per_second() / 1e6);
  if (progress.done > 0 && progress.done < progress.total)
    add(", %.0f s left", std::ceil(progress.seconds_left()));
  return text;
}

/// Is called after each picture, one call at a time, from any thread.
using ReadObserver = std::function<void(const ReadProgress&)>;

/// Counts pictures for an observer; safe from any thread.
class ReadMeter {
 public:
  ReadMeter(ReadObserver observer, const Source& source, std::size_t total)
      : observer_(std::move(observer)),
        source_(&source),
        received_(source.bytes_received()),
        begin_(std::chrono::steady_clock::now()) {
    progress_.total = total;
  }
  /// @throws what the observer throws
  void add() {
    if (!observer_) return;
    const std::lock_guard lock(mutex_);
    ++progress_.done;
    progress_.bytes = source_->bytes_received() - received_;
    progress_.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    observer_(progress_);
  }

 private:
  ReadObserver observer_;
  const Source* source_;
  std::uint64_t received_;
  std::chrono::steady_clock::time_point begin_;
  std::mutex mutex_;
  ReadProgress progress_;
};

}  // namespace ocelli::data
