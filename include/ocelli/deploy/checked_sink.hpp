// CheckedSink: a download that becomes a file only when it is what was announced.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <stop_token>
#include <string>
#include <utility>

#include "ocelli/bucket/sha256.hpp"
#include "ocelli/bucket/transfer.hpp"
#include "ocelli/core/error.hpp"

namespace ocelli::deploy {

class CheckedSink : public bucket::Sink {
 public:
  /// @param size, sha256  what the object must be  @param stop  ends the transfer with a StoreError
  CheckedSink(
      const std::filesystem::path& path, std::uint64_t size, std::string sha256,
      std::stop_token stop = {})
      : file_(path), wanted_(size), sha256_(std::move(sha256)), stop_(std::move(stop)) {}

  void begin(const bucket::ObjectInfo& info) override {
    key_ = info.key;
    file_.begin(info);
    hash_ = {};
    size_ = 0;
  }
  void write(std::span<const std::byte> bytes) override {
    if (stop_.stop_requested()) throw StoreError("the download was asked to stop", key_);
    size_ += bytes.size();
    if (size_ > wanted_)
      throw StoreError(
          "the object is longer than the " + std::to_string(wanted_) + " bytes that were announced",
          key_, "write it again");
    hash_.update(bytes);
    file_.write(bytes);
  }
  /// After get() has returned. @throws StoreError; nothing appears then
  void commit() {
    if (size_ != wanted_ || bucket::hex(hash_.digest()) != sha256_)
      throw StoreError(
          "the object is not the one that was announced: its " +
              std::string(size_ != wanted_ ? "size" : "SHA-256") + " differs",
          key_, "write it again");
    file_.commit();
  }

 private:
  bucket::FileSink file_;
  std::uint64_t wanted_, size_ = 0;
  std::string sha256_, key_;
  std::stop_token stop_;
  bucket::Sha256 hash_;
};

}  // namespace ocelli::deploy
