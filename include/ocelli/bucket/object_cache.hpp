// ObjectCache: copies of a store's objects in a local folder, so that each crosses the net once.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/core/file.hpp"
#include "ocelli/core/file_lock.hpp"
#include "ocelli/core/hash.hpp"

namespace ocelli::bucket {

struct ObjectCacheOptions {
  /// Where; empty: $OCELLI_CACHE, else $XDG_CACHE_HOME/ocelli, else ~/.cache/ocelli.
  std::filesystem::path folder = {};
  /// What the copies may occupy; none: 20 GiB, or nine tenths of what is free where that is less.
  std::optional<std::uint64_t> bytes = {};
  /// Is told once when nothing more can be kept. Not set: a line on standard error.
  std::function<void(const std::string&)> warn = {};
};

/// Which bytes a copy is of.
struct CachedObject {
  std::string store;  ///< endpoint and bucket
  std::string key;
  std::string etag;      ///< of the version
  std::uint64_t head{};  ///< only so many of its first bytes; 0: all
};

/// $OCELLI_CACHE, else $XDG_CACHE_HOME/ocelli, else ~/.cache/ocelli. @throws StoreError when none
/// is set
inline std::filesystem::path default_cache_folder() {
  const auto set = [](const char* name) {
    const char* value = std::getenv(name);
    return std::filesystem::path(value == nullptr ? "" : value);
  };
  if (const auto own = set("OCELLI_CACHE"); !own.empty()) return own;
  if (const auto base = set("XDG_CACHE_HOME"); base.is_absolute()) return base / "ocelli";
  if (const auto home = set("HOME"); !home.empty()) return home / ".cache" / "ocelli";
  throw StoreError(
      "there is no place for copies of a bucket's objects", "HOME", "set OCELLI_CACHE to a folder");
}

/// May be used by several threads and processes at once. A copy is found whole or not at all: what
/// is damaged is removed and counts as absent. The least recently used copies go when room is
/// needed. File names are hashes, so no key leads out of the folder.
class ObjectCache {
 public:
  /// @throws StoreError when the folder cannot be made or written to
  explicit ObjectCache(ObjectCacheOptions options = {}) : warn_(std::move(options.warn)) {
    folder_ = options.folder.empty() ? default_cache_folder() : std::move(options.folder);
    if (folder_.has_parent_path()) make_folder(folder_.parent_path());
    make_private_folder(folder_);
    make_private_folder(objects());
    const FileLock lock(folder_ / "lock");
    const std::uint64_t used = read_usage();
    write_usage(used);
    limit_ = options.bytes.value_or(std::min(
        std::uint64_t{20} << 30, used + std::filesystem::space(folder_).available / 10 * 9));
  }

  const std::filesystem::path& folder() const { return folder_; }
  /// Bytes that the copies may occupy.
  std::uint64_t limit() const { return limit_; }
  /// Bytes that they do occupy, of all processes.
  std::uint64_t bytes() const {
    const FileLock lock(folder_ / "lock");
    return read_usage();
  }

  /// Whether there is a copy; it may turn out damaged.
  bool contains(const CachedObject& object) const {
    return ::access(path_of(identity_of(object)).c_str(), R_OK) == 0;
  }

  std::optional<std::vector<std::byte>> get(const CachedObject& object) const {
    const std::string identity = identity_of(object);
    const std::filesystem::path path = path_of(identity);
    file_detail::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid()) return {};  // absent, or another process has just removed it
    std::vector<std::byte> bytes;
    switch (read_entry(file.get(), identity, bytes)) {
      case State::good:
        ::futimens(file.get(), nullptr);  // used now; where that fails it goes a little earlier
        return bytes;
      case State::damaged:
        ::unlink(path.c_str());
        return {};
      case State::another:
        break;
    }
    return {};
  }

  /// Keeps a copy, unless it is larger than the limit. Throws nothing: when the copy cannot be
  /// written (a full disk), that is told once, and from then on nothing more is kept.
  void put(const CachedObject& object, std::span<const std::byte> bytes) {
    if (off_.load()) return;
    try {
      store(identity_of(object), bytes);
    } catch (const std::exception& fault) {
      if (off_.exchange(true)) return;
      const std::string text = std::string("copies of objects are no longer kept: ") + fault.what();
      if (warn_)
        warn_(text);
      else
        std::cerr << "warning: " << text << '\n';
    }
  }
  /// True when put() has given up.
  bool off() const { return off_.load(); }

 private:
  /// What a copy's file begins with; then come the identity and the bytes.
  struct Header {
    std::array<char, 8> magic;
    std::uint64_t identity_size, size;
    std::uint64_t hash;  ///< of identity and bytes
  };
  static constexpr std::array<char, 8> kMagic = {'o', 'c', 'e', 'l', 'l', 'i', 'c', '1'};
  enum class State : std::uint8_t { good, damaged, another };

  std::filesystem::path objects() const { return folder_ / "objects"; }

  /// Bucket, key and version in a text that no two of them share.
  static std::string identity_of(const CachedObject& object) {
    std::string text;
    for (const std::string_view part :
         {std::string_view(object.store), std::string_view(object.key),
          std::string_view(object.etag)}) {
      text += std::to_string(part.size()) + ":";
      text += part;
    }
    return text + std::to_string(object.head);
  }
  std::filesystem::path path_of(const std::string& identity) const {
    Hash64 one, two;
    one.update(identity);
    two.update("2");
    two.update(identity);
    const std::string name = hex64(one.digest()) + hex64(two.digest());
    return objects() / name.substr(0, 2) / name;
  }
  static std::uint64_t hash_of(std::string_view identity, std::span<const std::byte> bytes) {
    Hash64 hash;
    hash.update(identity);
    hash.update(bytes.data(), bytes.size());
    return hash.digest();
  }

  static void make_private_folder(const std::filesystem::path& path) {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
      file_detail::fail("creating the folder", path, errno);
  }

  static bool read_all(int file, void* data, std::size_t size) {
    for (auto* at = static_cast<std::byte*>(data); size > 0;) {
      const ssize_t got = ::read(file, at, size);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      at += got;
      size -= static_cast<std::size_t>(got);
    }
    return true;
  }

  static State read_entry(int file, std::string_view identity, std::vector<std::byte>& bytes) {
    Header header{};
    struct stat info {};
    if (::fstat(file, &info) != 0 || !read_all(file, &header, sizeof header) ||
        header.magic != kMagic)
      return State::damaged;
    const auto left = static_cast<std::uint64_t>(info.st_size) - sizeof header;
    if (header.identity_size > left || header.size != left - header.identity_size)
      return State::damaged;
    std::string whose(header.identity_size, '\0');
    bytes.resize(header.size);
    if (!read_all(file, whose.data(), whose.size()) ||
        !read_all(file, bytes.data(), bytes.size()) || hash_of(whose, bytes) != header.hash)
      return State::damaged;
    return whose == identity ? State::good : State::another;  // of the same hash
  }

  void store(const std::string& identity, std::span<const std::byte> bytes) {
    const std::uint64_t size = sizeof(Header) + identity.size() + bytes.size();
    if (size > limit_) return;
    const std::filesystem::path path = path_of(identity);
    make_private_folder(path.parent_path());
    AtomicFile file(path, Durability::buffered);
    const Header header{kMagic, identity.size(), bytes.size(), hash_of(identity, bytes)};
    file.write(&header, sizeof header);
    file.write(identity);
    file.write(bytes.data(), bytes.size());
    const FileLock lock(folder_ / "lock");
    if (::access(path.c_str(), F_OK) == 0) return;  // another one was faster
    std::uint64_t used = read_usage();
    if (used + size > limit_) used = evict(limit_ - size - std::min(limit_ - size, limit_ / 10));
    file.commit();
    write_usage(used + size);
  }

  // Under the lock:

  std::filesystem::path usage_path() const { return folder_ / "usage"; }

  /// What the processes have counted together; counted anew when that cannot be read.
  std::uint64_t read_usage() const {
    std::array<char, 32> text{};
    const file_detail::Descriptor file(::open(usage_path().c_str(), O_RDONLY | O_CLOEXEC));
    const ssize_t got = file.valid() ? ::read(file.get(), text.data(), text.size()) : 0;
    std::uint64_t used = 0;
    const auto [end, fault] =
        std::from_chars(text.data(), text.data() + std::max<ssize_t>(got, 0), used);
    if (fault == std::errc() && end < text.data() + got && *end == '\n') return used;
    return evict(static_cast<std::uint64_t>(-1));
  }
  void write_usage(std::uint64_t used) const {
    // In one piece and always of the same length, so that it replaces what was there.
    std::string text = std::to_string(used);
    text.insert(0, 20 - text.size(), '0');
    const file_detail::Descriptor file(
        ::open(usage_path().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    if (!file.valid()) file_detail::fail("creating", usage_path(), errno);
    file_detail::write_all(file.get(), (text + "\n").data(), text.size() + 1, usage_path());
  }

  /// Removes the least recently used copies until at most `target` bytes are left.
  /// @return bytes that are left
  std::uint64_t evict(std::uint64_t target) const {
    struct Entry {
      timespec used;
      std::uint64_t size;
      std::filesystem::path path;
    };
    std::vector<Entry> entries;
    std::uint64_t total = 0;
    std::error_code code;
    const std::time_t now = std::time(nullptr);
    for (const auto& folder : std::filesystem::directory_iterator(objects(), code)) {
      std::error_code inner;
      for (const auto& entry : std::filesystem::directory_iterator(folder.path(), inner)) {
        struct stat info {};
        if (::stat(entry.path().c_str(), &info) != 0) continue;
        if (entry.path().filename().string().front() == '.') {
          // Of a writer that was killed: a living one is done within the hour.
          if (info.st_mtim.tv_sec < now - 3600) ::unlink(entry.path().c_str());
          continue;
        }
        entries.push_back({info.st_mtim, static_cast<std::uint64_t>(info.st_size), entry.path()});
        total += entries.back().size;
      }
    }
    if (total <= target) return total;
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
      return std::pair(a.used.tv_sec, a.used.tv_nsec) < std::pair(b.used.tv_sec, b.used.tv_nsec);
    });
    for (const Entry& entry : entries) {
      if (total <= target) break;
      if (::unlink(entry.path.c_str()) != 0 && errno != ENOENT)
        file_detail::fail("removing", entry.path, errno);
      total -= entry.size;
    }
    return total;
  }

  std::filesystem::path folder_;
  std::uint64_t limit_ = 0;
  std::function<void(const std::string&)> warn_;
  std::atomic<bool> off_{false};
};

}  // namespace ocelli::bucket
