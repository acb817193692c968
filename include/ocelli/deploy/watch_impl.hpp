// How a branch is watched: watch.hpp.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <random>

#include "ocelli/bucket/sha256.hpp"
#include "ocelli/bucket/transfer.hpp"
#include "ocelli/core/inline.hpp"
#include "ocelli/deploy/checked_sink.hpp"
#include "ocelli/deploy/watch.hpp"
#include "ocelli/train/safetensors.hpp"

namespace ocelli::deploy {

namespace detail {

inline std::filesystem::path beside(std::filesystem::path path, const char* extension) {
  path += extension;
  return path;
}

/// Do model and labels belong together? Weights of others hold no labels.
inline void check_labels(const std::filesystem::path& weights, const Publication& publication) {
  const std::string bytes = read_file(weights);
  const train::Metadata metadata = train::parse_safetensors(bytes, weights.string()).metadata;
  const auto found = metadata.find("labels");
  if (found != metadata.end() &&
      nlohmann::json::parse(found->second, nullptr, false) != nlohmann::json(publication.labels))
    throw CheckpointError(
        "the weights hold other labels than the manifest", publication.id,
        "publish the model again");
}

inline bool file_is(const std::filesystem::path& path, const ModelFile& wanted) {
  std::error_code code;
  const std::uintmax_t size = std::filesystem::file_size(path, code);
  return !code && size == wanted.size &&
         bucket::Sha256::hex_of(bucket::FileBody(path)) == wanted.sha256;
}

}  // namespace detail

OCELLI_INLINE Watcher::Watcher(
    bucket::ObjectStore& store, WatchOptions options, Load load, Swap swap)
    : store_(store),
      options_(std::move(options)),
      keys_(
          options_.prefix, options_.name.empty() ? store.bucket() : options_.name, options_.branch),
      load_(std::move(load)),
      swap_(std::move(swap)) {
  if (!options_.out.has_filename())
    throw ConfigError("there is no file to keep the model in", "watch", "name it with --out");
  if (std::filesystem::is_directory(options_.out))
    throw ConfigError(
        "this is a folder", options_.out.string(), "name a file to keep the model in");
  make_folder(file_detail::folder_of(options_.out));
  const std::filesystem::path lock = detail::beside(options_.out, ".lock");
  lock_.emplace(lock, FileLock::Wait::no);
  if (!lock_->held())
    throw StoreError(
        "another process watches into this file", options_.out.string(),
        "stop it, or choose another file");
  remove_stale_temporaries(file_detail::folder_of(options_.out));
  restore();
}

/// Takes up what an earlier watcher left, if it all fits.
OCELLI_INLINE void Watcher::restore() {
  const std::filesystem::path path = detail::beside(options_.out, ".state.json");
  std::error_code code;
  std::filesystem::remove(detail::beside(options_.out, ".new"), code);
  if (!std::filesystem::exists(path, code)) return;
  try {
    const auto json = nlohmann::ordered_json::parse(read_file(path, 64u << 20));
    if (json.at("version") != 1 || json.at("store") != store_.name() ||
        json.at("prefix") != keys_.prefix || json.at("name") != keys_.name ||
        json.at("branch") != keys_.branch)
      return;
    State state{detail::publication_of(json.at("publication")), json.at("etag").get<std::string>()};
    if (!detail::file_is(options_.out, state.publication.file(kWeightsExtension))) return;
    if (load_) load_(options_.out, state.publication);
    if (swap_) swap_(state.publication);
    state_ = std::move(state);
  } catch (const std::exception&) {
    // Whatever is wrong with it, the first poll fetches the model again.
  }
}

OCELLI_INLINE void Watcher::write_state() const {
  const nlohmann::ordered_json json = {
      {"version", 1},
      {"store", store_.name()},
      {"prefix", keys_.prefix},
      {"name", keys_.name},
      {"branch", keys_.branch},
      {"etag", state_.etag},
      {"publication", detail::to_json(state_.publication)}};
  write_file(detail::beside(options_.out, ".state.json"), json.dump(1) + "\n");
}

OCELLI_INLINE Publication Watcher::current() const {
  const std::lock_guard lock(mutex_);
  return state_.publication;
}

OCELLI_INLINE WatchEvent Watcher::event(WatchEvent::Kind kind, std::string text) const {
  return {kind, std::move(text), current()};
}

/// Brings the file to the manifest's model. Throws whatever is wrong; the old one stays then.
OCELLI_INLINE void Watcher::fetch(const StoredManifest& stored, const std::stop_token& stop) {
  const Publication& next = stored.manifest.current;
  const ModelFile& wanted = next.file(kWeightsExtension);
  const bool here = detail::file_is(options_.out, wanted);
  const std::filesystem::path candidate =
      here ? options_.out : detail::beside(options_.out, ".new");
  struct Removed {
    std::filesystem::path path;
    ~Removed() {
      std::error_code code;
      if (!path.empty()) std::filesystem::remove(path, code);
    }
  } removed{here ? std::filesystem::path() : candidate};
  if (!here) {
    CheckedSink sink(candidate, wanted.size, wanted.sha256, stop);
    store_.get(keys_.prefix + wanted.key, sink);
    sink.commit();
  }
  try {
    detail::check_labels(candidate, next);
    if (load_) load_(candidate, next);
  } catch (const std::exception& fault) {
    refused_etag_ = stored.etag;
    refusal_ = "publication " + next.id + " is not used: " + fault.what();
    throw StoreError(refusal_);
  }
  if (!here && ::rename(candidate.c_str(), options_.out.c_str()) != 0)
    file_detail::fail("renaming", candidate, errno);
  {
    const std::lock_guard lock(mutex_);
    state_ = {next, stored.etag};
  }
  if (swap_) swap_(next);
}

OCELLI_INLINE WatchEvent Watcher::check(std::stop_token stop) {
  using Kind = WatchEvent::Kind;
  try {
    std::error_code code;
    const bool lost = !state_.etag.empty() && !std::filesystem::exists(options_.out, code);
    // While a model is refused nothing but another manifest is news.
    const std::string& known = lost                     ? std::string()
                               : !refused_etag_.empty() ? refused_etag_
                                                        : state_.etag;
    const auto stored = get_manifest(store_, keys_, known);
    if (!stored) {
      if (!refused_etag_.empty()) return event(Kind::failed, refusal_);
      return event(Kind::unchanged);
    }
    refused_etag_.clear();
    if (!lost && stored->manifest.current.id == state_.publication.id) {
      // The same publication under another etag: its history was written again.
      const std::lock_guard lock(mutex_);
      state_ = {stored->manifest.current, stored->etag};
      write_state();
      return {Kind::unchanged, {}, state_.publication};
    }
    fetch(*stored, stop);
  } catch (const bucket::NotFoundError& fault) {
    return event(
        Kind::failed, "nothing is published on branch " + keys_.branch + " (" + fault.what() + ")");
  } catch (const std::exception& fault) {
    return event(Kind::failed, fault.what());
  }
  try {
    write_state();
  } catch (const std::exception& fault) {
    // The model is in its place; only a restart will have to look it up again.
    return event(Kind::updated, std::string("its state could not be written: ") + fault.what());
  }
  return event(Kind::updated);
}

OCELLI_INLINE void Watcher::run(
    std::stop_token stop, const std::function<void(const WatchEvent&)>& on_event) {
  std::minstd_rand random(std::random_device{}());
  std::mutex mutex;
  std::condition_variable_any wake;
  auto interval = options_.interval;
  while (!stop.stop_requested()) {
    const WatchEvent now = check(stop);
    if (stop.stop_requested() && now.kind == WatchEvent::Kind::failed) return;
    if (on_event) on_event(now);
    interval = now.kind != WatchEvent::Kind::failed
                   ? options_.interval
                   : std::max(options_.interval, std::min(options_.longest_interval, 2 * interval));
    // Many programs that were started together shall not poll together.
    const auto tenth = std::max<std::int64_t>(1, interval.count() / 10);
    const auto wait =
        interval + std::chrono::milliseconds(
                       std::uniform_int_distribution<std::int64_t>(-tenth, tenth)(random));
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, wait, [] { return false; });
  }
}

}  // namespace ocelli::deploy
