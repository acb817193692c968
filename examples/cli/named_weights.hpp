// The weights that a command was given: a file, a run folder, or a branch of a bucket, from which
// they are fetched first.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "ocelli/bucket/open.hpp"

namespace program {

/// What an option like --weights says.
struct WeightsOptions {
  std::string named;   ///< a file or a run folder, or a bucket or folder with published models
  std::string branch;  ///< of those; empty: master
  std::string model;   ///< its name; empty: the bucket's
};

/// A file or run folder as it was named; or a copy of what a branch has, tested as a watcher tests
/// it, which is gone with this object. Standard error is told which publication that is. A
/// .safetensors of a bucket is copied likewise.
class NamedWeights {
 public:
  /// @throws StoreError, also when nothing is on the branch; ConfigError for a branch or a model's
  ///         name beside what has none
  NamedWeights(const WeightsOptions& options, const ocelli::bucket::StoreOptions& store);
  ~NamedWeights();
  NamedWeights(const NamedWeights&) = delete;
  NamedWeights& operator=(const NamedWeights&) = delete;

  /// Empty when none were named.
  const std::filesystem::path& path() const { return path_; }

 private:
  void fetch(const WeightsOptions& options, const ocelli::bucket::StoreOptions& store);

  std::filesystem::path path_, fetched_;  ///< the second: the folder of a copy
};

}  // namespace program
