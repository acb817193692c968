// The pictures that a command was given: files, folders, buckets and objects; read one after the
// other.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "ocelli/bucket/open.hpp"
#include "ocelli/core/shape.hpp"
#include "ocelli/data/image.hpp"
#include "ocelli/data/resize.hpp"

namespace program {

/// Adds the pictures themselves, which come last, and the options of stores.
void add_pictures(
    CLI::App& command, std::vector<std::string>& pictures, ocelli::bucket::StoreOptions& store);

/// One that cannot be read is told of on the error stream, counted and passed over; one that cannot
/// because its bucket does not answer ends the reading.
class NamedPictures {
 public:
  /// Files as given; of a folder or bucket every JPEG, PNG and BMP in it at any depth, by name,
  /// but for what lies in `out`, where the command itself writes, and what begins with a dot.
  /// @throws DataError when there are none; StoreError and its kin for a bucket
  NamedPictures(
      const std::vector<std::string>& given, const ocelli::bucket::StoreOptions& store,
      const char* command, const std::filesystem::path& out);

  /// Goes on to the next picture that can be read; false after the last one.
  /// @throws DataError where none could be read
  bool next();

  ocelli::data::Image& image() { return image_; }
  /// Its path, or its address.
  const std::string& name() const { return pictures_[number_ - 1].name; }
  /// Its place among all that were named, from 1.
  std::size_t number() const { return number_; }
  std::size_t failed() const { return failed_; }
  /// Pictures read so far.
  std::size_t read() const { return number_ - failed_; }

  /// The whole picture as a net takes it: [height, width, 3] in [-1, 1].
  void resize_to(ocelli::Shape input, float* out, ocelli::data::Resampling resampling);

 private:
  struct Picture {
    std::string name;
    bool distant = false;  ///< in a bucket
    std::function<std::vector<std::byte>()> read;
  };
  void add_file(const std::string& path);
  void add_folder(const std::filesystem::path& path, const std::filesystem::path& out);
  void add_bucket(const std::string& address, const ocelli::bucket::StoreOptions& options);

  std::vector<Picture> pictures_;
  const char* command_;
  std::size_t number_ = 0, failed_ = 0;
  std::string first_fault_;
  ocelli::data::Image image_;
  ocelli::data::Resizer resize_;
};

}  // namespace program
