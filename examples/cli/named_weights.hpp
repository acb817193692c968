// The weights that a command was given: a file, a run folder, or a branch of a bucket, from which
// they are fetched first.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "ocelli/bucket/open.hpp"

namespace program {

/// A file or folder as it was named; or a copy of what a branch has, tested as a watcher tests it,
/// which is gone with this object. Standard error is told which publication that is.
class NamedWeights {
 public:
  /// @param named   a path, or s3://BUCKET[/PREFIX]
  /// @param branch  of a bucket; empty: master
  /// @throws StoreError, also when nothing is on the branch; ConfigError for a branch of no bucket
  NamedWeights(
      const std::string& named, const std::string& branch,
      const ocelli::bucket::StoreOptions& options);
  ~NamedWeights();
  NamedWeights(const NamedWeights&) = delete;
  NamedWeights& operator=(const NamedWeights&) = delete;

  /// Empty when none were named.
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_, fetched_;  ///< the second: the folder of a copy
};

}  // namespace program
