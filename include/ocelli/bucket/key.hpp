// Keys: the names of objects, and which of them may become paths.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace ocelli::bucket {

/// Whether a key stays below its root as a path: relative, and without empty, "." and ".." parts.
inline bool key_is_safe(std::string_view key) {
  if (key.empty() || key.find('\0') != std::string_view::npos) return false;
  for (std::size_t begin = 0; begin <= key.size();) {
    const std::size_t end = std::min(key.find('/', begin), key.size());
    const std::string_view part = key.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..") return false;
    begin = end + 1;
  }
  return true;
}

}  // namespace ocelli::bucket
