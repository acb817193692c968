// RunIndex: which files a mirrored run has in its bucket, in one small JSON object that is written
// last: see mirror.hpp.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ocelli/bucket/address.hpp"
#include "ocelli/bucket/key.hpp"
#include "ocelli/bucket/object_store.hpp"
#include "ocelli/core/error.hpp"
#include "ocelli/deploy/manifest.hpp"

namespace ocelli::deploy {

/// A file of a run, as the index names it.
struct RunFile {
  std::string path;  ///< below the run folder, with '/'
  std::string key;   ///< below the prefix
  std::uint64_t size = 0;
  std::string sha256;
};

struct RunIndex {
  std::string run;  ///< of the run, the same as long as it is resumed
  long step = 0;    ///< of the snapshot; 0: there is none yet
  std::vector<RunFile> files;
};

namespace detail {

inline constexpr const char* kRunIndex = "run.json";
inline constexpr const char* kRunData = "mirror/";
inline std::string index_text(const RunIndex& index) {
  nlohmann::ordered_json files = nlohmann::ordered_json::array();
  for (const RunFile& file : index.files)
    files.push_back(
        {{"path", file.path}, {"key", file.key}, {"size", file.size}, {"sha256", file.sha256}});
  const nlohmann::ordered_json json = {
      {"format", "ocelli run"},
      {"version", 1},
      {"run", index.run},
      {"step", index.step},
      {"files", std::move(files)}};
  return json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

/// Is it a name of ours, so that it may be removed?
inline bool is_run_data(std::string_view key) {
  if (!key.starts_with(kRunData)) return false;
  key.remove_prefix(std::string_view(kRunData).size());
  return key.size() >= 64 && key.find('/') == std::string_view::npos &&
         key.substr(0, 64).find_first_not_of("0123456789abcdef") == std::string_view::npos &&
         (key.size() == 64 || key[64] == '.');
}

inline RunIndex index_of(std::string_view text, const std::string& where) {
  try {
    const auto json = nlohmann::ordered_json::parse(text);
    if (json.at("format") != "ocelli run") throw Error("it is something else");
    if (json.at("version") != 1) throw Error("it is newer than this program");
    RunIndex index;
    json.at("run").get_to(index.run);
    json.at("step").get_to(index.step);
    for (const nlohmann::ordered_json& one : json.at("files")) {
      RunFile file;
      one.at("path").get_to(file.path);
      one.at("key").get_to(file.key);
      one.at("size").get_to(file.size);
      one.at("sha256").get_to(file.sha256);
      if (!bucket::key_is_safe(file.path) || !is_run_data(file.key))
        throw Error("a file lies outside the run");
      index.files.push_back(std::move(file));
    }
    return index;
  } catch (const std::exception& fault) {
    throw StoreError(
        std::string("the index of the run cannot be read: ") + fault.what(), where,
        "use a newer ocelli, or another place for the run");
  }
}

struct StoredIndex {
  RunIndex index;
  std::string text, etag;
};
inline std::optional<StoredIndex> get_index(bucket::ObjectStore& store, const std::string& prefix) {
  SmallSink sink;
  try {
    const auto info = store.get(prefix + kRunIndex, sink);
    return StoredIndex{
        index_of(sink.text, store.name() + "/" + prefix + kRunIndex), sink.text, info->etag};
  } catch (const bucket::NotFoundError&) {
    return {};
  }
}

}  // namespace detail

/// The index of a mirrored run; none when there is none. @throws StoreError
inline std::optional<RunIndex> find_run(bucket::ObjectStore& store, const std::string& prefix) {
  if (auto stored = detail::get_index(store, bucket::folder_prefix(prefix))) return stored->index;
  return {};
}

}  // namespace ocelli::deploy
