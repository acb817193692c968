// Weights that are published in a bucket, fetched for a command that reads a file.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "ocelli/bucket/open.hpp"
#include "ocelli/deploy/manifest.hpp"

namespace program {

/// Is this the address of a bucket rather than of a file or folder?
bool is_bucket(const std::string& address);

/// The model of a branch, tested as a watcher tests it; the file is gone with this object.
class PublishedWeights {
 public:
  /// @throws StoreError, also when nothing is on the branch
  PublishedWeights(
      const std::string& address, const std::string& branch,
      const ocelli::bucket::StoreOptions& options);
  ~PublishedWeights();
  PublishedWeights(const PublishedWeights&) = delete;
  PublishedWeights& operator=(const PublishedWeights&) = delete;

  std::filesystem::path file() const { return folder_ / "published.safetensors"; }
  /// Which publication it is, for people.
  std::string line() const;

 private:
  std::filesystem::path folder_;
  ocelli::deploy::Publication publication_;
};

}  // namespace program
