// Transfers of many objects at once.
// SPDX-License-Identifier: Apache-2.0
#include "transfer.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <thread>
#include <vector>

#include "ocelli/train/progress.hpp"

namespace program {

std::string bytes_text(double bytes) {
  static constexpr std::array<const char*, 5> units{"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  for (; bytes >= 999.5 && unit + 1 < units.size(); ++unit) bytes /= 1000;
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, units[unit]);
}

TransferProgress::TransferProgress(std::size_t files, std::uint64_t bytes)
    : files_(files), bytes_(bytes), terminal_(::isatty(::fileno(stderr)) != 0) {}

TransferProgress::~TransferProgress() {
  if (visible_ && terminal_) fmt::print(stderr, "\n");
}

void TransferProgress::finish() {
  const std::lock_guard lock(mutex_);
  if (visible_ || Clock::now() - begin_ > std::chrono::seconds(1)) draw(true);
  visible_ = false;
}

void TransferProgress::add_bytes(std::int64_t bytes) {
  const std::lock_guard lock(mutex_);
  bytes_done_ += bytes;
  const auto interval =
      terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(5000);
  if (Clock::now() - drawn_ >= interval) draw(false);
}

void TransferProgress::add_file() {
  const std::lock_guard lock(mutex_);
  ++files_done_;
}

void TransferProgress::draw(bool last) {
  drawn_ = Clock::now();
  const double seconds = std::chrono::duration<double>(drawn_ - begin_).count();
  const double rate = seconds > 0 ? static_cast<double>(bytes_done_) / seconds : 0;
  const double left = static_cast<double>(bytes_) - static_cast<double>(bytes_done_);
  const std::string eta = rate > 0 && !last
                              ? "  eta " + ocelli::train::clock_text(std::max(0.0, left) / rate)
                              : std::string();
  const std::string line = fmt::format(
      "{}/{} files  {} of {}  {}/s{}", files_done_, files_,
      bytes_text(static_cast<double>(bytes_done_)), bytes_text(static_cast<double>(bytes_)),
      bytes_text(rate), eta);
  if (terminal_)
    fmt::print(stderr, "\r{}\x1b[K{}", line, last ? "\n" : "");
  else
    fmt::print(stderr, "{}\n", line);
  std::fflush(stderr);
  visible_ = true;
}

void ProgressSink::begin(const ocelli::bucket::ObjectInfo& info) {
  progress_.add_bytes(-written_);
  written_ = 0;
  FileSink::begin(info);
}

void ProgressSink::write(std::span<const std::byte> bytes) {
  FileSink::write(bytes);
  written_ += static_cast<std::int64_t>(bytes.size());
  progress_.add_bytes(static_cast<std::int64_t>(bytes.size()));
}

void ProgressBody::read(std::uint64_t offset, std::span<std::byte> out) const {
  FileBody::read(offset, out);
  const std::uint64_t end = offset + out.size();
  std::uint64_t before = reached_;
  while (before < end && !reached_.compare_exchange_weak(before, end)) {
  }
  if (before < end) progress_.add_bytes(static_cast<std::int64_t>(end - before));
}

void in_parallel(std::size_t count, int threads, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::exception_ptr first;
  const auto loop = [&] {
    for (std::size_t i = next++; i < count; i = next++) {
      try {
        work(i);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!first) first = std::current_exception();
        next = count;
      }
    }
  };
  std::vector<std::thread> others;
  const auto wanted = std::min(count, static_cast<std::size_t>(std::max(threads, 1)));
  for (std::size_t t = 1; t < wanted; ++t) others.emplace_back(loop);
  loop();
  for (std::thread& one : others) one.join();
  if (first) std::rethrow_exception(first);
}

}  // namespace program
