// ModelKeys: under which keys a bucket holds the models of its branches.
//
//   BUCKET.safetensors, BUCKET.labels             the model of branch `master`, for any reader
//   BUCKET-BRANCH.safetensors, BUCKET-BRANCH.labels       the model of another branch
//   BUCKET[-BRANCH].model.json                    its manifest: see manifest.hpp
//   models/BUCKET/<SHA-256>.safetensors, .labels  what manifests name; never changed once written
//
// All of them below the prefix that the user gave. BUCKET is the bucket's own name, or another one
// where a bucket holds several models.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cctype>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "ocelli/bucket/address.hpp"
#include "ocelli/core/error.hpp"

namespace ocelli::deploy {

/// The branch whose keys have no branch in them.
inline constexpr std::string_view kMaster = "master";
/// Of weights, of labels (one a line, exactly as written), and of manifests.
inline constexpr std::string_view kWeightsExtension = ".safetensors";
inline constexpr std::string_view kLabelsExtension = ".labels";
inline constexpr std::string_view kManifestExtension = ".model.json";

/// Letters, digits, '.', '_' and '-', up to 64, the first a letter or a digit: so that a branch is
/// a part of a key and of a file's name anywhere. @throws ConfigError
inline void check_branch(const std::string& branch) {
  bool good = !branch.empty() && branch.size() <= 64 &&
              std::isalnum(static_cast<unsigned char>(branch.front())) != 0;
  for (const char c : branch)
    good = good && static_cast<unsigned char>(c) < 128 &&
           (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-');
  if (!good)
    throw ConfigError(
        "\"" + branch + "\" cannot be the name of a branch", "branch",
        "use up to 64 letters, digits, '.', '_' and '-', and begin with a letter or a digit");
}

/// Whatever can be one part of a key. @throws ConfigError
inline void check_model_name(const std::string& name) {
  bool good = !name.empty() && name != "." && name != ".." && name.size() <= 200;
  for (const char c : name) good = good && c != '/' && static_cast<unsigned char>(c) >= 32;
  if (!good)
    throw ConfigError(
        "\"" + name + "\" cannot be the name of a model", "name",
        "give another one with --name; it may not hold '/'");
}

struct ModelKeys {
  std::string prefix;  ///< empty, or with '/' at its end
  std::string name;
  std::string branch;

  /// @throws ConfigError for a name or branch that cannot be one
  ModelKeys(std::string below, std::string model, std::string of_branch)
      : prefix(bucket::folder_prefix(std::move(below))),
        name(std::move(model)),
        branch(std::move(of_branch)) {
    check_model_name(name);
    check_branch(branch);
  }

  /// "cats", "cats-night": the keys of a branch without their extension.
  std::string stem() const { return prefix + name + (branch == kMaster ? "" : "-" + branch); }
  std::string copy(std::string_view extension) const { return stem() + std::string(extension); }
  std::string manifest() const { return copy(kManifestExtension); }
  /// The folder of what manifests name, with '/' at its end.
  std::string data_folder() const { return prefix + data_part(); }
  /// The same below the prefix, as manifests name it: a bucket can move under another prefix.
  std::string data_part() const { return "models/" + name + "/"; }
};

}  // namespace ocelli::deploy
