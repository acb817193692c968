// PictureIndex: from the name of a picture, as a label file writes it, to the picture's key.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ocelli/data/text.hpp"

namespace ocelli::data {

class PictureIndex {
 public:
  /// @param keys  all keys of a source; those of pictures are kept, in their order
  explicit PictureIndex(const std::vector<std::string>& keys) {
    for (const std::string& key : keys) {
      if (is_picture_name(key)) keys_.push_back(key);
    }
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      by_name_[std::string(file_name_of(keys_[i]))].push_back(i);
      by_stem_[std::string(stem_of(keys_[i]))].push_back(i);
    }
  }

  const std::vector<std::string>& keys() const { return keys_; }
  bool contains(std::string_view key) const {
    const auto found = by_name_.find(std::string(file_name_of(key)));
    return found != by_name_.end() && std::any_of(
                                          found->second.begin(), found->second.end(),
                                          [&](std::size_t i) { return keys_[i] == key; });
  }

  struct Match {
    std::string key;                   ///< empty: none, or several
    std::vector<std::string> several;  ///< candidates between which nothing decides
  };

  /// The picture called `written`, looked for in `folders` ("", or ending in '/') first, then
  /// anywhere by the end of its key. A path of another machine (absolute, "..") is matched by as
  /// many of its last parts as lead to one picture.
  /// @param below  only pictures whose keys begin with this
  Match by_name(
      std::string_view written, const std::vector<std::string>& folders,
      std::string_view below = "") const {
    std::string path(written);
    std::replace(path.begin(), path.end(), '\\', '/');
    const bool drive = path.size() > 2 && path[1] == ':' && path[2] == '/' &&
                       std::isalpha(static_cast<unsigned char>(path[0])) != 0;
    const bool foreign = drive || path.starts_with('/');
    std::string_view rest = path;
    while (rest.starts_with("./") || rest.starts_with("../") || rest.starts_with('/')) {
      rest.remove_prefix(rest.find('/') + 1);
    }
    for (;;) {
      Match match = lookup(by_name_, rest, file_name_of(rest), folders, below, false);
      if (!match.key.empty() || !match.several.empty() || !foreign) return match;
      const std::size_t slash = rest.find('/');
      if (slash == std::string_view::npos) return match;
      rest.remove_prefix(slash + 1);
    }
  }

  /// The picture with this path but for the extension.
  Match by_stem(
      std::string_view written, const std::vector<std::string>& folders,
      std::string_view below = "") const {
    return lookup(by_stem_, written, file_name_of(written), folders, below, true);
  }

 private:
  using Map = std::unordered_map<std::string, std::vector<std::size_t>>;

  Match lookup(
      const Map& map, std::string_view path, std::string_view last,
      const std::vector<std::string>& folders, std::string_view below,
      bool without_extension) const {
    const auto found = map.find(std::string(last));
    if (found == map.end()) return {};
    const auto path_of = [&](std::size_t i) {
      const std::string_view key = keys_[i];
      return without_extension ? key.substr(0, key.size() - extension_of(key).size()) : key;
    };
    Match match;
    const auto settle = [&match] {
      if (match.several.size() == 1) {
        match.key = match.several[0];
        match.several.clear();
      }
      return !match.key.empty() || !match.several.empty();
    };
    for (const std::string& folder : folders) {
      const std::string wanted = folder + std::string(path);
      for (const std::size_t i : found->second) {
        if (path_of(i) == wanted) match.several.push_back(keys_[i]);
      }
      if (settle()) return match;
    }
    const std::string tail = "/" + std::string(path);
    for (const std::size_t i : found->second) {
      if (!keys_[i].starts_with(below)) continue;
      if (path_of(i) == path || path_of(i).ends_with(tail)) match.several.push_back(keys_[i]);
    }
    settle();
    return match;
  }

  std::vector<std::string> keys_;
  Map by_name_, by_stem_;
};

}  // namespace ocelli::data
