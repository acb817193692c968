// Source: where the files of a data set come from, by key. A folder, or a map in memory.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "ocelli/bucket/key.hpp"
#include "ocelli/core/error.hpp"

namespace ocelli::data {

/// Read access to files by key: a relative path of UTF-8 names joined with '/'. Reading the same
/// source from several threads at once is allowed.
class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  /// For messages: the folder's path, or the bucket's address.
  virtual std::string name() const = 0;
  /// All keys, sorted by bytes.
  virtual std::vector<std::string> keys() const = 0;
  virtual bool exists(const std::string& key) const = 0;
  /// The whole file. @throws StoreError naming the key
  virtual std::vector<std::byte> read(const std::string& key) const = 0;
  /// The first bytes of a file: `limit` of them, or all there are. @throws StoreError naming the
  /// key
  virtual std::vector<std::byte> read_head(const std::string& key, std::size_t limit) const {
    std::vector<std::byte> bytes = read(key);
    if (bytes.size() > limit) bytes.resize(limit);
    return bytes;
  }
};

using bucket::key_is_safe;

/// The text of a file. A view of `bytes`.
inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A folder. No key leads out of it; links that lie in it are followed. Names that begin with a dot
/// are not listed.
class FolderSource : public Source {
 public:
  /// @throws StoreError when there is no such folder
  explicit FolderSource(const std::string& root) : root_(root) {
    std::error_code code;
    if (!std::filesystem::is_directory(root_, code)) {
      throw StoreError("no such folder", root, "check the path");
    }
  }
  std::string name() const override { return root_.string(); }

  std::vector<std::string> keys() const override {
    std::vector<std::string> keys;
    std::set<std::filesystem::path> walked;
    list(root_, "", walked, keys);
    std::sort(keys.begin(), keys.end());
    return keys;
  }

  bool exists(const std::string& key) const override {
    std::error_code code;
    return key_is_safe(key) && std::filesystem::is_regular_file(root_ / key, code);
  }

  std::vector<std::byte> read(const std::string& key) const override {
    return read_head(key, static_cast<std::size_t>(-1));
  }

  std::vector<std::byte> read_head(const std::string& key, std::size_t limit) const override {
    if (!key_is_safe(key)) {
      throw StoreError(
          "the name \"" + key + "\" leads out of the folder", name(), "use a path below it");
    }
    const std::filesystem::path path = root_ / key;
    std::error_code code;
    if (!std::filesystem::is_regular_file(path, code)) {
      throw StoreError("no such file", path.string(), "check the name");
    }
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file) throw StoreError(std::strerror(errno), path.string(), "check the permissions");
    const auto size = std::min(static_cast<std::size_t>(file.tellg()), limit);
    std::vector<std::byte> bytes(size);
    file.seekg(0);
    if (size > 0 &&
        !file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size))) {
      throw StoreError("reading failed", path.string(), "check the disk");
    }
    return bytes;
  }

 private:
  void list(
      const std::filesystem::path& folder, const std::string& prefix,
      std::set<std::filesystem::path>& walked, std::vector<std::string>& keys) const {
    std::error_code code;
    // A link may point to a folder above it: each folder is entered once.
    if (!walked.insert(std::filesystem::canonical(folder, code)).second || code) return;
    std::filesystem::directory_iterator entries(folder, code);
    if (code) throw StoreError("cannot be listed: " + code.message(), folder.string());
    for (const auto& entry : entries) {
      const std::string name = entry.path().filename().string();
      if (name.empty() || name[0] == '.') continue;
      if (entry.is_directory(code)) {
        list(entry.path(), prefix + name + "/", walked, keys);
      } else if (entry.is_regular_file(code)) {
        keys.push_back(prefix + name);
      }
    }
  }

  std::filesystem::path root_;
};

/// Files in memory, for tests and for data made on the spot.
class MemorySource : public Source {
 public:
  explicit MemorySource(std::string name = "memory") : name_(std::move(name)) {}
  void put(const std::string& key, std::vector<std::byte> bytes) { files_[key] = std::move(bytes); }
  void put(const std::string& key, std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    put(key, std::vector<std::byte>(bytes.begin(), bytes.end()));
  }

  std::string name() const override { return name_; }
  std::vector<std::string> keys() const override {
    std::vector<std::string> keys;
    for (const auto& [key, bytes] : files_) keys.push_back(key);
    return keys;
  }
  bool exists(const std::string& key) const override { return files_.contains(key); }
  std::vector<std::byte> read(const std::string& key) const override {
    const auto found = files_.find(key);
    if (found == files_.end()) throw StoreError("no such file", name_ + "/" + key);
    return found->second;
  }

 private:
  std::string name_;
  std::map<std::string, std::vector<std::byte>> files_;
};

}  // namespace ocelli::data
