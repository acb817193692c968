// The pictures that a command was given: files, and those in folders; read one after the other.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/core/file.hpp"
#include "ocelli/core/shape.hpp"
#include "ocelli/data/image.hpp"
#include "ocelli/data/resize.hpp"

namespace program {

/// Files as given; of a folder every JPEG and PNG in it, by name.
inline std::vector<std::filesystem::path> pictures_of(
    const std::vector<std::string>& given, const char* command) {
  std::vector<std::filesystem::path> paths;
  for (const std::string& one : given) {
    if (!std::filesystem::is_directory(one)) {
      paths.emplace_back(one);
      continue;
    }
    std::vector<std::filesystem::path> inside;
    for (const auto& entry : std::filesystem::directory_iterator(one)) {
      const std::string extension = entry.path().extension().string();
      for (const char* known : {".jpg", ".jpeg", ".JPG", ".JPEG", ".png", ".PNG", ".bmp"})
        if (extension == known) inside.push_back(entry.path());
    }
    std::sort(inside.begin(), inside.end());
    paths.insert(paths.end(), inside.begin(), inside.end());
  }
  if (paths.empty())
    throw ocelli::DataError(
        "no pictures", command, "name picture files, or a folder that holds some");
  return paths;
}

/// Reads pictures one after the other. One that cannot be read is told of on the error stream,
/// counted and passed over; DataError where none can be.
class NamedPictures {
 public:
  NamedPictures(const std::vector<std::string>& given, const char* command)
      : paths_(pictures_of(given, command)), command_(command) {}

  /// Goes on to the next picture that can be read; false after the last one.
  bool next() {
    while (number_ < paths_.size()) {
      const std::filesystem::path& path = paths_[number_++];
      try {
        const std::string bytes = ocelli::read_file(path);
        image_ = ocelli::data::decode(std::as_bytes(std::span(bytes)), path.string());
        return true;
      } catch (const ocelli::Error& error) {
        fmt::print(stderr, "left out: {}\n", error.what());
        if (failed_++ == 0) first_fault_ = error.what();
      }
    }
    if (failed_ == paths_.size())
      throw ocelli::DataError("no picture could be read: " + first_fault_, command_);
    return false;
  }

  ocelli::data::Image& image() { return image_; }
  const std::filesystem::path& path() const { return paths_[number_ - 1]; }
  /// Its place among all that were named, from 1.
  std::size_t number() const { return number_; }
  std::size_t failed() const { return failed_; }
  /// Pictures read so far.
  std::size_t read() const { return number_ - failed_; }

  /// The whole picture as a net takes it: [height, width, 3] in [-1, 1].
  void resize_to(ocelli::Shape input, float* out, ocelli::data::Resampling resampling) {
    const ocelli::data::Pixels<std::uint8_t> pixels{
        image_.pixels.data(), image_.height, image_.width};
    const ocelli::data::Window whole{0, 0, image_.height, image_.width, false, false, {}};
    resize_(pixels, whole, input.height, input.width, out, {}, resampling);
  }

 private:
  std::vector<std::filesystem::path> paths_;
  const char* command_;
  std::size_t number_ = 0, failed_ = 0;
  std::string first_fault_;
  ocelli::data::Image image_;
  ocelli::data::Resizer resize_;
};

}  // namespace program
