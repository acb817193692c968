// Publishing: a model goes onto a branch of a bucket, from branch to branch, and back.
//
// The manifest is the truth (manifest.hpp). A change is made in this order, and may stop anywhere:
//
//   1 weights and labels are written under keys made of their checksums
//     stopped here: nobody names them; the branch is what it was. prune() removes them
//   2 the manifest is written, on the condition that it is still the one that was read
//     stopped before: as above. Stopped behind: the branch has the new model, whole
//   3 the copies BUCKET.safetensors and BUCKET.labels follow, for readers that know no manifest.
//     Where the labels change, the old weights go first, then come the labels, then the weights.
//     stopped anywhere here: the copies are the old pair, or labels without weights, never a pair
//     that does not belong together; publishing, promoting or rolling back again brings them up
//
// An answer that was lost is no failure: what is there is looked at before anything is called one.
// Two who publish at once: the second finds its condition broken and throws, naming the first.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ocelli/bucket/object_store.hpp"
#include "ocelli/deploy/manifest.hpp"
#include "ocelli/deploy/model_keys.hpp"

namespace ocelli::deploy {

struct PublishOptions {
  std::string name = {};                 ///< of the model; empty: the bucket's
  std::vector<std::string> labels = {};  ///< of weights that do not hold their own
  nlohmann::ordered_json metrics = nlohmann::ordered_json::object();  ///< {"ap": 0.71}
  /// The id that the branch must have: ConditionError for any other. Empty: whatever it has.
  std::string expected = {};
  std::size_t history = 20;  ///< publications that can be rolled back to
};

/// The first label that cannot stand on a line of its own in the file of labels: an empty one, or
/// one with a line break. Null: all can.
inline const std::string* unpublishable(const std::vector<std::string>& labels) {
  for (const std::string& label : labels)
    if (label.empty() || label.find_first_of("\r\n") != std::string::npos) return &label;
  return nullptr;
}

/// What a branch has now.
struct Published {
  Publication publication;
  bool changed = true;  ///< false: the branch had this very model already
};

/// Puts weights on a branch.
/// @param weights  a .safetensors file; its checksum is tested where it has one
/// @throws ConfigError for labels that cannot be written one a line, or when there are none;
///   CheckpointError for a damaged file; ConditionError when another publication came first;
///   StoreError; see the top for what is in the bucket then
Published publish(
    bucket::ObjectStore& store, const std::string& prefix, const std::filesystem::path& weights,
    const std::string& branch, const PublishOptions& options = {});

/// Puts the model that `from` has on the branch `to`. Its objects are read once, to see that they
/// are whole, and copied within the store.
/// @throws NotFoundError when nothing is on `from`; otherwise as publish()
Published promote(
    bucket::ObjectStore& store, const std::string& prefix, const std::string& from,
    const std::string& to, const PublishOptions& options = {});

/// Brings back a model that the branch had. It is a publication of its own, so watchers fetch it.
/// @param id  of the branch's history; empty: the one before. Again: the one before that
/// @throws NotFoundError when nothing is on the branch, or nothing by that id; otherwise as
///   publish()
Published rollback(
    bucket::ObjectStore& store, const std::string& prefix, const std::string& branch,
    const std::string& id = {}, const PublishOptions& options = {});

/// What the branch has and had, newest first. Empty when nothing is on it.
std::vector<Publication> history(
    bucket::ObjectStore& store, const std::string& prefix, const std::string& branch,
    const std::string& name = {});

struct ModelList {
  std::vector<Manifest> models;     ///< by the bytes of their branches' keys
  std::vector<std::string> faults;  ///< manifests that cannot be read, and why
};

/// The branches of a model.
/// @param name  empty: the bucket's
ModelList list_models(
    bucket::ObjectStore& store, const std::string& prefix, const std::string& name = {});

/// Removes weights and labels that no manifest of the model names, neither as current nor in its
/// history. @return what was removed
/// @param age  what is younger stays: somebody may be about to name it
/// @throws StoreError, before anything is removed, when a manifest cannot be read
std::vector<bucket::ObjectInfo> prune(
    bucket::ObjectStore& store, const std::string& prefix, const std::string& name = {},
    std::chrono::seconds age = std::chrono::hours(24));

}  // namespace ocelli::deploy

#ifndef OCELLI_COMPILED
#include "ocelli/deploy/publish_impl.hpp"
#endif
