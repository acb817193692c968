// Transfers of many objects at once, and what is shown of them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <span>
#include <string>

#include "ocelli/bucket/transfer.hpp"

namespace program {

/// "999 B", "20.5 kB", "1.2 GB".
std::string bytes_text(double bytes);

/// Shows on standard error how far a transfer is: a line that stays in place on a terminal, a line
/// every five seconds elsewhere. All functions may be called by several threads at once.
class TransferProgress {
 public:
  TransferProgress(std::size_t files, std::uint64_t bytes);
  ~TransferProgress();
  TransferProgress(const TransferProgress&) = delete;
  TransferProgress& operator=(const TransferProgress&) = delete;
  /// Negative when a transfer starts over.
  void add_bytes(std::int64_t bytes);
  void add_file();
  /// Everything is there: shows the sums, of a transfer that took more than a second.
  void finish();

 private:
  void draw(bool last);
  using Clock = std::chrono::steady_clock;

  std::mutex mutex_;
  std::size_t files_, files_done_ = 0;
  std::uint64_t bytes_;
  std::int64_t bytes_done_ = 0;
  bool terminal_;
  Clock::time_point begin_ = Clock::now(), drawn_ = begin_;
  bool visible_ = false;
};

/// Into a file that appears whole or not at all; counts.
class ProgressSink : public ocelli::bucket::FileSink {
 public:
  ProgressSink(const std::filesystem::path& path, TransferProgress& progress)
      : FileSink(path), progress_(progress) {}
  void begin(const ocelli::bucket::ObjectInfo& info) override;
  void write(std::span<const std::byte> bytes) override;

 private:
  TransferProgress& progress_;
  std::int64_t written_ = 0;
};

/// From a file; counts each byte when it is first read, which may be a part ahead of the network.
class ProgressBody : public ocelli::bucket::FileBody {
 public:
  ProgressBody(const std::filesystem::path& path, TransferProgress& progress)
      : FileBody(path), progress_(progress) {}
  void read(std::uint64_t offset, std::span<std::byte> out) const override;

 private:
  TransferProgress& progress_;
  mutable std::atomic<std::uint64_t> reached_{0};
};

/// Calls work(i) for i of 0..count-1 on up to `threads` threads. The first error ends it: no
/// further i is begun, those under way end, and it leaves.
void in_parallel(std::size_t count, int threads, const std::function<void(std::size_t)>& work);

}  // namespace program
