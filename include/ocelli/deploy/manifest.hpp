// Manifest: a small JSON object that says which model a branch has, and which ones it had.
//
//   {"format": "ocelli model", "version": 1, "name": "cats", "branch": "master",
//    "current": {"id": "20261121T142501Z-5f0c91ab", "time": 1795271101, "action": "publish",
//                "previous": "...", "model": "ssdlite-mobilenet-v2", "step": 4000,
//                "metrics": {"ap": 0.71}, "labels": ["cat", "dog"],
//                "files": [{"extension": ".safetensors", "key": "models/cats/<sha256>.safetensors",
//                           "size": 4194304, "sha256": "..."}, ...]},
//    "history": [ the ones before, newest first ]}
//
// A branch changes in one piece, when its manifest does: everything that a manifest names was
// written before it, under keys that are never written again with other bytes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ocelli/bucket/key.hpp"
#include "ocelli/bucket/object_store.hpp"
#include "ocelli/core/error.hpp"
#include "ocelli/deploy/model_keys.hpp"

namespace ocelli::deploy {

/// An object that belongs to a publication.
struct ModelFile {
  std::string extension;  ///< ".safetensors", ".labels"
  std::string key;        ///< below the manifest's prefix
  std::uint64_t size = 0;
  std::string sha256;  ///< 64 lower-case hexadecimal digits
  bool operator==(const ModelFile&) const = default;
};

/// A model on a branch.
struct Publication {
  std::string id;         ///< another one each time, also when an old model comes back
  std::string previous;   ///< the id before; empty: it is the branch's first
  std::int64_t time = 0;  ///< seconds since 1970, UTC
  std::string action;     ///< "publish", "promote", "rollback"
  std::string from;       ///< promote: "BRANCH ID"; rollback: the id that came back
  std::string model;      ///< "ssdlite-mobilenet-v2"
  long step = 0;          ///< training steps behind it
  nlohmann::ordered_json metrics = nlohmann::ordered_json::object();
  std::vector<std::string> labels;  ///< in the order of the classes, exactly as written
  std::vector<ModelFile> files;

  /// @throws StoreError when there is none
  const ModelFile& file(std::string_view extension) const {
    for (const ModelFile& one : files)
      if (one.extension == extension) return one;
    throw StoreError(
        "the publication has no file " + std::string(extension), id, "publish the model again");
  }
  /// The same model, and what is said of it, whenever and however it was published.
  bool same_model(const Publication& other) const {
    return labels == other.labels && files == other.files && metrics == other.metrics;
  }
};

struct Manifest {
  std::string name, branch;
  Publication current;
  std::vector<Publication> history;  ///< what was current before, newest first

  /// Null when neither current nor history has the id.
  const Publication* find(const std::string& id) const {
    if (current.id == id) return &current;
    for (const Publication& one : history)
      if (one.id == id) return &one;
    return nullptr;
  }
};

namespace detail {

inline nlohmann::ordered_json to_json(const Publication& publication) {
  nlohmann::ordered_json files = nlohmann::ordered_json::array();
  for (const ModelFile& file : publication.files)
    files.push_back(
        {{"extension", file.extension},
         {"key", file.key},
         {"size", file.size},
         {"sha256", file.sha256}});
  return {{"id", publication.id},
          {"time", publication.time},
          {"action", publication.action},
          {"from", publication.from},
          {"previous", publication.previous},
          {"model", publication.model},
          {"step", publication.step},
          {"metrics", publication.metrics},
          {"labels", publication.labels},
          {"files", std::move(files)}};
}

/// Throws std::exception for whatever does not fit.
inline Publication publication_of(const nlohmann::ordered_json& json) {
  Publication publication;
  json.at("id").get_to(publication.id);
  json.at("time").get_to(publication.time);
  json.at("action").get_to(publication.action);
  json.at("from").get_to(publication.from);
  json.at("previous").get_to(publication.previous);
  json.at("model").get_to(publication.model);
  json.at("step").get_to(publication.step);
  publication.metrics = json.at("metrics");
  json.at("labels").get_to(publication.labels);
  for (const nlohmann::ordered_json& one : json.at("files")) {
    ModelFile file;
    one.at("extension").get_to(file.extension);
    one.at("key").get_to(file.key);
    one.at("size").get_to(file.size);
    one.at("sha256").get_to(file.sha256);
    const bool hex = std::all_of(file.sha256.begin(), file.sha256.end(), [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    });
    if (file.sha256.size() != 64 || !hex) throw Error("a checksum is malformed");
    // What a manifest names may be read and, when nothing names it any more, removed.
    if (!bucket::key_is_safe(file.key) || !file.key.starts_with("models/"))
      throw Error("a key lies outside models/");
    publication.files.push_back(std::move(file));
  }
  if (publication.id.empty()) throw Error("a publication has no id");
  return publication;
}

/// Takes a small object; refuses a large one before it is in memory.
class SmallSink : public bucket::Sink {
 public:
  void begin(const bucket::ObjectInfo&) override { text.clear(); }
  void write(std::span<const std::byte> bytes) override {
    if (text.size() + bytes.size() > 64u << 20)
      throw StoreError("the object is longer than 64 MiB", "manifest", "remove it");
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  std::string text;
};

}  // namespace detail

/// The text of a manifest. Labels and names that are not UTF-8 cannot be written. @throws
/// ConfigError
inline std::string to_text(const Manifest& manifest) {
  nlohmann::ordered_json history = nlohmann::ordered_json::array();
  for (const Publication& one : manifest.history) history.push_back(detail::to_json(one));
  const nlohmann::ordered_json json = {
      {"format", "ocelli model"},
      {"version", 1},
      {"name", manifest.name},
      {"branch", manifest.branch},
      {"current", detail::to_json(manifest.current)},
      {"history", std::move(history)}};
  try {
    return json.dump(1) + "\n";
  } catch (const nlohmann::json::exception&) {
    throw ConfigError("a label or a name is not UTF-8", manifest.name, "write it in UTF-8");
  }
}

/// @param where  for messages
/// @throws StoreError for anything but a manifest that this version can read
inline Manifest manifest_of(std::string_view text, const std::string& where) {
  try {
    const auto json = nlohmann::ordered_json::parse(text);
    if (json.at("format") != "ocelli model") throw Error("it is something else");
    if (const long version = json.at("version").get<long>(); version != 1)
      throw Error("version " + std::to_string(version) + " is newer than this program");
    Manifest manifest;
    json.at("name").get_to(manifest.name);
    json.at("branch").get_to(manifest.branch);
    check_model_name(manifest.name);
    check_branch(manifest.branch);
    manifest.current = detail::publication_of(json.at("current"));
    for (const nlohmann::ordered_json& one : json.at("history"))
      manifest.history.push_back(detail::publication_of(one));
    return manifest;
  } catch (const std::exception& fault) {
    throw StoreError(
        std::string("the manifest cannot be read: ") + fault.what(), where,
        "use a newer ocelli, or remove it and publish again");
  }
}

struct StoredManifest {
  Manifest manifest;
  std::string etag;
};

/// The manifest of a branch.
/// @param known  an etag: none is returned when the manifest still has it
/// @throws NotFoundError when there is no manifest; StoreError when it cannot be read or belongs to
///   another model: "a" with branch "b-c" and "a-b" with branch "c" would share their keys
inline std::optional<StoredManifest> get_manifest(
    bucket::ObjectStore& store, const ModelKeys& keys, const std::string& known = {}) {
  detail::SmallSink sink;
  bucket::GetOptions options;
  options.if_none_match = known;
  const auto info = store.get(keys.manifest(), sink, options);
  if (!info) return {};
  const std::string where = store.name() + "/" + keys.manifest();
  StoredManifest stored{manifest_of(sink.text, where), info->etag};
  if (stored.manifest.name != keys.name || stored.manifest.branch != keys.branch)
    throw StoreError(
        "the manifest belongs to branch " + stored.manifest.branch + " of " + stored.manifest.name,
        where, "choose another name or branch");
  return stored;
}

/// None when there is no manifest.
inline std::optional<StoredManifest> find_manifest(
    bucket::ObjectStore& store, const ModelKeys& keys) {
  try {
    return get_manifest(store, keys);
  } catch (const bucket::NotFoundError&) {
    return {};
  }
}

}  // namespace ocelli::deploy
