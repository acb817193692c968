// Transfers: where the bytes of an object come from and where they go.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/core/file.hpp"

namespace ocelli::bucket {

/// What a store tells of an object.
struct ObjectInfo {
  std::string key;
  std::uint64_t size = 0;     ///< bytes, of the whole object
  std::string etag;           ///< another one whenever the bytes are others; opaque, without quotes
  std::int64_t modified = 0;  ///< seconds since 1970, UTC
};

/// Bytes to be sent. They are read from any place, by several threads, and again when a transfer
/// has failed; so they must not change meanwhile.
class Body {
 public:
  Body() = default;
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;
  virtual ~Body() = default;
  virtual std::uint64_t size() const = 0;
  /// Fills all of `out`; offset + out.size() <= size(). @throws StoreError
  virtual void read(std::uint64_t offset, std::span<std::byte> out) const = 0;
};

/// Of memory that the caller keeps.
class BytesBody : public Body {
 public:
  explicit BytesBody(std::span<const std::byte> bytes) : bytes_(bytes) {}
  explicit BytesBody(std::string_view text) : bytes_(std::as_bytes(std::span(text))) {}
  std::uint64_t size() const override { return bytes_.size(); }
  void read(std::uint64_t offset, std::span<std::byte> out) const override {
    if (!out.empty()) std::memcpy(out.data(), bytes_.data() + offset, out.size());
  }

 private:
  std::span<const std::byte> bytes_;
};

/// Of a file, a piece at a time.
class FileBody : public Body {
 public:
  /// @throws StoreError when there is no such file
  explicit FileBody(std::filesystem::path path)
      : path_(std::move(path)), file_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat info {};
    if (!file_.valid()) file_detail::fail("opening", path_, errno);
    if (::fstat(file_.get(), &info) != 0) file_detail::fail("reading", path_, errno);
    if (!S_ISREG(info.st_mode)) throw StoreError("not a file", path_.string(), "name a file");
    size_ = static_cast<std::uint64_t>(info.st_size);
  }
  std::uint64_t size() const override { return size_; }
  void read(std::uint64_t offset, std::span<std::byte> out) const override {
    for (std::size_t done = 0; done < out.size();) {
      const ssize_t got = ::pread(
          file_.get(), out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) file_detail::fail("reading", path_, errno);
      if (got == 0)
        throw StoreError("the file became shorter while it was read", path_.string(), "try again");
      done += static_cast<std::size_t>(got);
    }
  }

 private:
  std::filesystem::path path_;
  file_detail::Descriptor file_;
  std::uint64_t size_ = 0;
};

/// Takes bytes as they arrive.
class Sink {
 public:
  Sink() = default;
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  virtual ~Sink() = default;
  /// Before the first byte; and again when a transfer must start over: what came before is void.
  virtual void begin(const ObjectInfo& info) = 0;
  /// The next bytes, in order.
  virtual void write(std::span<const std::byte> bytes) = 0;
};

/// Into memory.
class BytesSink : public Sink {
 public:
  void begin(const ObjectInfo& info) override {
    bytes.clear();
    // Of a part of a large object most of this would be for nothing.
    bytes.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(info.size, 1u << 20)));
  }
  void write(std::span<const std::byte> more) override {
    bytes.insert(bytes.end(), more.begin(), more.end());
  }
  std::vector<std::byte> bytes;
};

/// Into a file that appears under its name at commit(), and otherwise not at all.
class FileSink : public Sink {
 public:
  explicit FileSink(std::filesystem::path path) : path_(std::move(path)) {}
  void begin(const ObjectInfo&) override {
    file_.reset();  // its temporary file goes before the next one takes the same name
    file_ = std::make_unique<AtomicFile>(path_);
  }
  void write(std::span<const std::byte> bytes) override {
    file_->write(bytes.data(), bytes.size());
  }
  /// After get() has returned. @throws StoreError; the old file is then untouched
  void commit() {
    if (!file_) throw StoreError("nothing was received", path_.string());
    file_->commit();
  }

 private:
  std::filesystem::path path_;
  std::unique_ptr<AtomicFile> file_;
};

}  // namespace ocelli::bucket
