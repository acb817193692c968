// FolderStore: a bucket that is a local folder. An object's key is its path below the folder.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "ocelli/bucket/key.hpp"
#include "ocelli/bucket/object_store.hpp"
#include "ocelli/core/file.hpp"
#include "ocelli/core/file_lock.hpp"

namespace ocelli::bucket {

/// No key leads out of the folder; links that lie in it are followed, each folder is listed once.
/// Names that begin with a dot are not listed. Writers, of this process and of others, take turns
/// at a lock, the file ".ocelli.lock" in the folder; readers wait for nobody. A folder keeps no
/// content types: PutOptions::content_type has no effect.
///
/// An etag is made of the file's size, time and number. Time and number are others after each put,
/// copy and rename; after a write in place by another program the time is, unless that happens
/// twice within one tick of the system's clock (4 ms).
class FolderStore : public ObjectStore {
 public:
  using ObjectStore::get;
  using ObjectStore::list;
  using ObjectStore::put;

  /// @throws StoreError when there is no such folder
  explicit FolderStore(std::filesystem::path root, Durability durability = Durability::flushed)
      : root_(std::move(root)), durability_(durability) {
    std::error_code code;
    if (!std::filesystem::is_directory(root_, code))
      throw StoreError("no such folder", root_.string(), "check the path");
    bucket_ = std::filesystem::canonical(root_, code).filename().string();
  }

  const std::filesystem::path& root() const { return root_; }
  std::string name() const override { return root_.string(); }
  std::string bucket() const override { return bucket_; }

  void list(const std::string& prefix, const Page& page) override {
    std::vector<ObjectInfo> found;
    std::set<std::pair<dev_t, ino_t>> walked;
    walk({}, prefix, walked, found);
    std::sort(found.begin(), found.end(), [](const ObjectInfo& a, const ObjectInfo& b) {
      return a.key < b.key;
    });
    if (!found.empty()) page(found);
  }

  std::optional<ObjectInfo> head(const std::string& key) override {
    struct stat info {};
    if (!key_is_safe(key) || ::stat((root_ / key).c_str(), &info) != 0 || !S_ISREG(info.st_mode))
      return {};
    return describe(key, info);
  }

  std::optional<ObjectInfo> get(
      const std::string& key, Sink& sink, const GetOptions& options = {}) override {
    const Opened file = open(key);
    const ObjectInfo& info = file.info;
    if (!options.if_match.empty() && options.if_match != info.etag) fail_condition(key);
    if (!options.if_none_match.empty() && options.if_none_match == info.etag) return {};
    const std::uint64_t begin = std::min(options.offset, info.size);
    const std::uint64_t length = std::min(options.length.value_or(info.size), info.size - begin);
    sink.begin(info);
    send(file, begin, length, [&](std::span<const std::byte> bytes) { sink.write(bytes); });
    return info;
  }

  ObjectInfo put(
      const std::string& key, const Body& body, const PutOptions& options = {}) override {
    const std::unique_ptr<AtomicFile> file = create(key);
    std::vector<std::byte> buffer(std::min<std::uint64_t>(body.size(), piece));
    for (std::uint64_t at = 0; at < body.size(); at += buffer.size()) {
      const std::span part =
          std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), body.size() - at));
      body.read(at, part);
      file->write(part.data(), part.size());
    }
    return commit(key, *file, options);
  }

  /// Folders that are empty then go too.
  void remove(const std::string& key) override {
    check(key);
    const std::filesystem::path path = root_ / key;
    struct stat info {};
    if (::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) return;  // no object
    const FileLock lock = this->lock();
    if (::unlink(path.c_str()) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) return;
      fail("removing", path, errno);
    }
    for (std::size_t slash = key.rfind('/'); slash != std::string::npos && slash > 0;
         slash = key.rfind('/', slash - 1)) {
      if (::rmdir((root_ / key.substr(0, slash)).c_str()) != 0) break;  // not empty, or a link
    }
  }

  ObjectInfo copy(
      const std::string& from, const std::string& to, const std::string& if_match = {}) override {
    const Opened source = open(from);
    if (!if_match.empty() && if_match != source.info.etag) fail_condition(from);
    const std::unique_ptr<AtomicFile> file = create(to);
    send(source, 0, source.info.size, [&](std::span<const std::byte> bytes) {
      file->write(bytes.data(), bytes.size());
    });
    return commit(to, *file, {});
  }

 private:
  static constexpr std::size_t piece = std::size_t{1} << 20;  // bytes at a time

  struct Opened {
    std::filesystem::path path;
    file_detail::Descriptor file;
    ObjectInfo info;
  };

  /// As file_detail::fail, but a missing permission is an AccessError.
  [[noreturn]] static void fail(
      const std::string& doing, const std::filesystem::path& path, int code) {
    if (code == EACCES || code == EPERM || code == EROFS)
      throw AccessError(
          doing + " failed (" + std::strerror(code) + ")", path.string(), "check the permissions");
    file_detail::fail(doing, path, code);
  }
  [[noreturn]] void fail_condition(const std::string& key) const {
    throw ConditionError(
        "the object is another one by now", (root_ / key).string(), "read it again");
  }
  void check(const std::string& key) const {
    if (!key_is_safe(key))
      throw StoreError(
          "the name \"" + key + "\" leads out of the folder", name(), "use a path below it");
  }

  static ObjectInfo describe(std::string key, const struct stat& info) {
    const auto size = static_cast<std::uint64_t>(info.st_size);
    std::string etag = std::to_string(size) + "-" + std::to_string(info.st_mtim.tv_sec) + "." +
                       std::to_string(info.st_mtim.tv_nsec) + "-" + std::to_string(info.st_ino);
    return {std::move(key), size, std::move(etag), info.st_mtim.tv_sec};
  }

  Opened open(const std::string& key) const {
    check(key);
    Opened opened;
    opened.path = root_ / key;
    // Nothing waits for the other end of a pipe that lies in the folder.
    opened.file =
        file_detail::Descriptor(::open(opened.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    const int code = errno;
    struct stat info {};
    if (!opened.file.valid() && code != ENOENT && code != ENOTDIR && code != ENXIO)
      fail("opening", opened.path, code);
    if (!opened.file.valid() || ::fstat(opened.file.get(), &info) != 0 || !S_ISREG(info.st_mode))
      throw NotFoundError("no such file", opened.path.string(), "check the name");
    opened.info = describe(key, info);
    return opened;
  }

  template <class Take>
  static void send(const Opened& from, std::uint64_t begin, std::uint64_t length, Take&& take) {
    std::vector<std::byte> buffer(std::min<std::uint64_t>(length, piece));
    while (length > 0) {
      const ssize_t got = ::pread(
          from.file.get(), buffer.data(), std::min<std::uint64_t>(length, buffer.size()),
          static_cast<off_t>(begin));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail("reading", from.path, errno);
      if (got == 0)
        throw StoreError(
            "the file became shorter while it was read", from.path.string(), "try again");
      take(std::span(buffer).first(static_cast<std::size_t>(got)));
      begin += static_cast<std::uint64_t>(got);
      length -= static_cast<std::uint64_t>(got);
    }
  }

  FileLock lock() const {
    if (::faccessat(AT_FDCWD, root_.c_str(), W_OK | X_OK, AT_EACCESS) != 0)
      fail("writing into the folder", root_, errno);
    return FileLock(root_ / ".ocelli.lock");
  }

  /// The temporary file of an object. Under the lock, so that nobody removes its folder meanwhile.
  std::unique_ptr<AtomicFile> create(const std::string& key) const {
    check(key);
    const FileLock lock = this->lock();
    const std::filesystem::path path = root_ / key;
    std::error_code code;
    if (std::filesystem::is_directory(path, code))
      throw StoreError("there is a folder of this name", path.string(), "choose another name");
    make_folder(path.parent_path());
    return std::make_unique<AtomicFile>(path, durability_);
  }

  ObjectInfo commit(const std::string& key, AtomicFile& file, const PutOptions& options) {
    file.flush();  // what takes time, before the lock
    const FileLock lock = this->lock();
    const std::optional<ObjectInfo> old = head(key);
    if ((options.if_absent && old) ||
        (!options.if_match.empty() && (!old || old->etag != options.if_match)))
      fail_condition(key);
    // The system's clock ticks too slowly for etags: two versions of one size within a tick would
    // differ in nothing once the number of the first file has been given to the third.
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    file.set_modified(now);
    file.commit();
    const std::optional<ObjectInfo> stored = head(key);
    if (!stored)
      throw StoreError(
          "the file vanished while it was written", (root_ / key).string(),
          "keep other programs from the folder");
    return *stored;
  }

  void walk(
      const std::string& folder, const std::string& prefix,
      std::set<std::pair<dev_t, ino_t>>& walked, std::vector<ObjectInfo>& found) const {
    const std::filesystem::path path = root_ / folder;
    struct Close {
      void operator()(DIR* entries) const { ::closedir(entries); }
    };
    const std::unique_ptr<DIR, Close> entries(::opendir(path.c_str()));
    struct stat info {};
    if (!entries || ::fstat(::dirfd(entries.get()), &info) != 0) {
      if (errno == ENOENT && !folder.empty()) return;  // removed since it was seen
      fail("listing", path, errno);
    }
    // A link may point to a folder above it: each folder is entered once.
    if (!walked.emplace(info.st_dev, info.st_ino).second) return;
    std::vector<std::string> below;
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(entries.get());
      if (entry == nullptr && errno != 0) fail("listing", path, errno);
      if (entry == nullptr) break;
      if (entry->d_name[0] == '.') continue;
      if (::fstatat(::dirfd(entries.get()), entry->d_name, &info, 0) != 0) {
        if (errno == ENOENT || errno == ELOOP) continue;  // gone, or a link to nowhere
        fail("listing", path / entry->d_name, errno);
      }
      std::string key = folder + entry->d_name;
      if (S_ISDIR(info.st_mode)) {
        key += '/';
        if (key.starts_with(prefix) || prefix.starts_with(key)) below.push_back(std::move(key));
      } else if (S_ISREG(info.st_mode) && key.starts_with(prefix)) {
        found.push_back(describe(std::move(key), info));
      }
    }
    std::sort(below.begin(), below.end());  // so that it is always the same link that is followed
    for (const std::string& key : below) walk(key, prefix, walked, found);
  }

  std::filesystem::path root_;
  std::string bucket_;
  Durability durability_;
};

}  // namespace ocelli::bucket
