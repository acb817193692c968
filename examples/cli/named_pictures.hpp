// The pictures that a command was given: files, and those in folders.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "ocelli/core/error.hpp"

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

}  // namespace program
