// Files: read whole; written so that a reader sees the old bytes or the new ones, never a part.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"

namespace ocelli {

namespace file_detail {

/// What to do about a failed call of the operating system.
inline std::string advice_for(int code) {
  switch (code) {
    case ENOSPC:
    case EDQUOT:
      return "free space on this drive or write to another one";
    case EFBIG:
      return "raise the limit on file sizes (ulimit -f) or write to another drive";
    case EACCES:
    case EPERM:
      return "give yourself write permission or choose another folder";
    case EROFS:
      return "the drive is mounted read-only; choose another folder";
    case ENOENT:
      return "check the path";
    default:
      return "check the drive and try again";
  }
}

[[noreturn]] inline void fail(
    const std::string& doing, const std::filesystem::path& path, int code) {
  throw StoreError(
      doing + " failed (" + std::strerror(code) + ")", path.string(), advice_for(code));
}

/// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  int get() const { return number_; }
  bool valid() const { return number_ >= 0; }
  /// False when the system reports a late write error.
  bool close() { return !valid() || ::close(std::exchange(number_, -1)) == 0; }

 private:
  int number_;
};

inline void write_all(
    int descriptor, const void* data, std::size_t size, const std::filesystem::path& path) {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t done = ::write(descriptor, at, size);
    if (done < 0) {
      if (errno == EINTR) continue;
      fail("writing", path, errno);
    }
    at += done;
    size -= static_cast<std::size_t>(done);
  }
}

inline void sync(int descriptor, const std::filesystem::path& path) {
  // Some mounted drives cannot sync and say EINVAL or ENOTSUP: nothing better is to be had there.
  if (::fsync(descriptor) != 0 && errno != EINVAL && errno != ENOTSUP)
    fail("flushing", path, errno);
}

inline std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

inline constexpr std::string_view temporary_mark = ".tmp-";

/// A name in the folder of `path` that no other writer of this machine uses:
/// ".NAME.tmp-PID-NUMBER".
inline std::filesystem::path temporary_beside(const std::filesystem::path& path) {
  static std::atomic<unsigned> number{0};
  // Names have at most 255 bytes, and the temporary one is longer.
  return folder_of(path) /
         ("." + path.filename().string().substr(0, 200) + std::string(temporary_mark) +
          std::to_string(::getpid()) + "-" + std::to_string(number.fetch_add(1)));
}

}  // namespace file_detail

/// The bytes of a file. Throws StoreError when it cannot be read or is longer than `limit` bytes.
inline std::string read_file(
    const std::filesystem::path& path, std::size_t limit = static_cast<std::size_t>(-1)) {
  file_detail::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) file_detail::fail("opening", path, errno);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) file_detail::fail("reading", path, errno);
  if (S_ISDIR(info.st_mode)) file_detail::fail("reading", path, EISDIR);
  std::string bytes;
  std::size_t used = 0;
  bytes.resize(info.st_size > 0 ? static_cast<std::size_t>(info.st_size) + 1 : 4096);
  while (true) {
    if (used > limit)
      throw StoreError(
          "the file is longer than " + std::to_string(limit) + " bytes", path.string(),
          "check that this is the file you meant");
    if (used == bytes.size()) bytes.resize(2 * used);
    const ssize_t got = ::read(file.get(), bytes.data() + used, bytes.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) file_detail::fail("reading", path, errno);
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
  }
  bytes.resize(used);
  return bytes;
}

enum class Durability {
  flushed,   ///< on the drive when commit() returns, whatever happens then
  buffered,  ///< atomic, but a power cut may undo it: for files that are written often
};

/// A file that appears under its name in one piece at commit(), and otherwise not at all. The bytes
/// go to a temporary file in the same folder, which the destructor removes if there was no commit.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path, Durability durability = Durability::flushed)
      : path_(std::move(path)), durability_(durability) {
    // Process numbers are unique neither between containers nor between machines: a name that is
    // taken is somebody's.
    do {
      temporary_ = file_detail::temporary_beside(path_);
      file_ = file_detail::Descriptor(
          ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    } while (!file_.valid() && errno == EEXIST);
    if (!file_.valid()) file_detail::fail("creating", path_, errno);
  }
  ~AtomicFile() {
    file_.close();
    if (!committed_) ::unlink(temporary_.c_str());
  }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, std::size_t size) {
    file_detail::write_all(file_.get(), data, size, path_);
  }
  void write(std::string_view text) { write(text.data(), text.size()); }

  /// Brings what was written so far to the drive, so that commit() takes little time.
  void flush() {
    if (durability_ == Durability::flushed) file_detail::sync(file_.get(), path_);
  }
  /// The file's time of modification, instead of the clock's.
  void set_modified(const timespec& time) {
    const timespec times[2] = {{0, UTIME_OMIT}, time};
    if (::futimens(file_.get(), times) != 0) file_detail::fail("writing", path_, errno);
  }

  /// Flushes, then takes the place of the old file. Throws StoreError; the old file is then
  /// untouched.
  void commit() {
    if (durability_ == Durability::flushed) file_detail::sync(file_.get(), path_);
    if (!file_.close()) file_detail::fail("closing", path_, errno);
    if (::rename(temporary_.c_str(), path_.c_str()) != 0)
      file_detail::fail("renaming", path_, errno);
    committed_ = true;
    if (durability_ == Durability::buffered) return;
    const std::filesystem::path folder = file_detail::folder_of(path_);
    file_detail::Descriptor entry(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (entry.valid()) file_detail::sync(entry.get(), folder);
  }

 private:
  std::filesystem::path path_, temporary_;
  Durability durability_;
  file_detail::Descriptor file_;
  bool committed_ = false;
};

inline void write_file(
    const std::filesystem::path& path, std::string_view bytes,
    Durability durability = Durability::flushed) {
  AtomicFile file(path, durability);
  file.write(bytes);
  file.commit();
}

/// Creates a folder and its parents. Throws StoreError.
inline void make_folder(const std::filesystem::path& path) {
  std::error_code code;
  std::filesystem::create_directories(path, code);
  if (code) file_detail::fail("creating the folder", path, code.value());
  if (!std::filesystem::is_directory(path, code))
    file_detail::fail("creating the folder", path, ENOTDIR);
}

/// How often to try again when a slow or distant drive fails.
struct Retry {
  int attempts = 3;
  std::chrono::milliseconds delay{
      500};  ///< before the second attempt; doubled before each further one
};

/// Calls `work` until it throws no StoreError, at most `retry.attempts` times; the last error
/// leaves.
template <class Work>
auto with_retry(Retry retry, Work&& work) {
  for (int attempt = 1;; ++attempt) {
    try {
      return work();
    } catch (const StoreError&) {
      if (attempt >= retry.attempts) throw;
    }
    std::this_thread::sleep_for(retry.delay);
    retry.delay *= 2;
  }
}

/// Removes the temporary files of writers that were killed: those whose process is gone or is this
/// one. Call it before this process writes there. Returns what was removed.
inline std::vector<std::filesystem::path> remove_stale_temporaries(
    const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> removed;
  std::error_code code;
  for (const auto& entry : std::filesystem::directory_iterator(folder, code)) {
    const std::string name = entry.path().filename().string();
    const std::size_t mark = name.rfind(file_detail::temporary_mark);
    if (name.front() != '.' || mark == std::string::npos) continue;
    const char* at = name.data() + mark + file_detail::temporary_mark.size();
    const char* const last = name.data() + name.size();
    pid_t writer = 0;
    unsigned number = 0;
    auto parsed = std::from_chars(at, last, writer);
    if (parsed.ec != std::errc() || writer <= 0) continue;
    if (parsed.ptr != last && *parsed.ptr == '-')
      parsed = std::from_chars(parsed.ptr + 1, last, number);
    if (parsed.ec != std::errc() || parsed.ptr != last) continue;
    const bool gone = ::kill(writer, 0) != 0 && errno == ESRCH;
    if (!gone && writer != ::getpid()) continue;
    if (std::filesystem::remove(entry.path(), code)) removed.push_back(entry.path());
  }
  return removed;
}

}  // namespace ocelli
