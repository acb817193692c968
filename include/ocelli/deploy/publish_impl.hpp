// How models are published: publish.hpp.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <utility>

#include "ocelli/bucket/sha256.hpp"
#include "ocelli/bucket/transfer.hpp"
#include "ocelli/core/file.hpp"
#include "ocelli/core/inline.hpp"
#include "ocelli/deploy/publish.hpp"
#include "ocelli/train/safetensors.hpp"

namespace ocelli::deploy {

namespace detail {

inline std::int64_t seconds_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// "20261121T142501Z-5f0c91ab": sorts by time, and differs even within a second.
inline std::string new_id(std::int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm utc{};
  ::gmtime_r(&time, &utc);
  std::array<char, 48> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &utc);
  std::random_device random;
  std::snprintf(text.data() + length, text.size() - length, "-%08x", random());
  return text.data();
}

inline ModelKeys keys_of(
    const bucket::ObjectStore& store, const std::string& prefix, const std::string& name,
    const std::string& branch) {
  return ModelKeys(prefix, name.empty() ? store.bucket() : name, branch);
}

/// Weights that were read and found whole, and what they say of themselves.
struct ReadWeights {
  std::string bytes, model;
  long step = 0;
  std::vector<std::string> labels;
};

inline ReadWeights read_weights(
    const std::filesystem::path& path, const std::vector<std::string>& given) {
  ReadWeights read;
  read.bytes = read_file(path);
  const train::Metadata metadata = train::parse_safetensors(read.bytes, path.string()).metadata;
  const auto text = [&](const char* key) {
    const auto found = metadata.find(key);
    return found == metadata.end() ? std::string() : found->second;
  };
  if (text("format") == "ocelli") {
    try {
      read.model = text("model");
      read.labels = nlohmann::json::parse(text("labels")).get<std::vector<std::string>>();
      read.step = std::stol(text("step"));
    } catch (const std::exception& fault) {
      throw CheckpointError(
          std::string("the description of the model cannot be read: ") + fault.what(),
          path.string(), "the file is damaged or was changed; use another");
    }
    if (!given.empty() && given != read.labels)
      throw ConfigError(
          "the weights hold other labels than the given ones", path.string(),
          "leave the labels out");
  } else {
    read.labels = given;
  }
  if (read.labels.empty())
    throw ConfigError("the model has no labels", path.string(), "give its labels, one a line");
  if (const std::string* label = unpublishable(read.labels))
    throw ConfigError(
        "the label \"" + *label + "\" cannot be written as one line", path.string(),
        "rename it in the data set and train again");
  return read;
}

inline std::string labels_text(const std::vector<std::string>& labels) {
  std::string text;
  for (const std::string& label : labels) text += label + "\n";
  return text;
}

/// Is the object there, as large as it must be?
inline void check_present(
    bucket::ObjectStore& store, const ModelKeys& keys, const ModelFile& file) {
  const std::string key = keys.prefix + file.key;
  const auto info = store.head(key);
  if (info && info->size == file.size) return;
  throw StoreError(
      info ? "the object has " + std::to_string(info->size) + " bytes instead of " +
                 std::to_string(file.size)
           : "the object is not there",
      store.name() + "/" + key, "publish the model again");
}

/// Counts and hashes what it is sent, and keeps nothing.
class HashSink : public bucket::Sink {
 public:
  void begin(const bucket::ObjectInfo&) override {
    hash_ = {};
    size_ = 0;
  }
  void write(std::span<const std::byte> bytes) override {
    hash_.update(bytes);
    size_ += bytes.size();
  }
  bool saw(const ModelFile& file) {
    return size_ == file.size && bucket::hex(hash_.digest()) == file.sha256;
  }

 private:
  bucket::Sha256 hash_;
  std::uint64_t size_ = 0;
};

/// Is the object there, byte for byte? Reads all of it.
inline void check_whole(bucket::ObjectStore& store, const ModelKeys& keys, const ModelFile& file) {
  check_present(store, keys, file);
  HashSink sink;
  store.get(keys.prefix + file.key, sink);
  if (!sink.saw(file))
    throw StoreError(
        "the object is damaged: its SHA-256 is another one",
        store.name() + "/" + keys.prefix + file.key, "publish the model again");
}

/// @throws ConditionError when the branch has another publication than the caller thinks
inline void check_expected(
    const std::optional<StoredManifest>& before, const PublishOptions& options,
    const std::string& where) {
  if (options.expected.empty() || (before && before->manifest.current.id == options.expected))
    return;
  throw bucket::ConditionError(
      "the branch has publication " +
          (before ? before->manifest.current.id : std::string("(none)")) + ", not " +
          options.expected,
      where, "look at it and publish again");
}

/// Writes bytes under their checksum. What `before` names is there already: nobody removes it while
/// that manifest stands, and when it no longer does, ours is not written.
inline ModelFile put_data(
    bucket::ObjectStore& store, const ModelKeys& keys, std::string_view extension,
    std::string_view bytes, const std::optional<StoredManifest>& before) {
  ModelFile file;
  file.extension = extension;
  file.size = bytes.size();
  file.sha256 = bucket::Sha256::hex_of(bytes);
  file.key = keys.data_part() + file.sha256 + file.extension;
  if (before && std::ranges::find(before->manifest.current.files, file) !=
                    before->manifest.current.files.end()) {
    HashSink sink;
    try {
      store.get(keys.prefix + file.key, sink);
      if (sink.saw(file)) return file;
    } catch (const bucket::NotFoundError&) {  // written again, as what is damaged is
    }
  }
  bucket::PutOptions options;
  options.content_type =
      extension == kLabelsExtension ? "text/plain; charset=utf-8" : "application/octet-stream";
  const bucket::ObjectInfo written =
      store.put(keys.prefix + file.key, bucket::BytesBody(bytes), options);
  if (written.size != file.size)
    throw StoreError(
        "the store took " + std::to_string(written.size) + " of " + std::to_string(file.size) +
            " bytes",
        store.name() + "/" + keys.prefix + file.key, "try again");
  check_present(store, keys, file);
  return file;
}

/// The labels that stand beside the copy of the weights; none when there are none.
inline std::optional<std::string> copied_labels(bucket::ObjectStore& store, const ModelKeys& keys) {
  SmallSink sink;
  try {
    store.get(keys.copy(kLabelsExtension), sink);
  } catch (const bucket::NotFoundError&) {
    return {};
  }
  return sink.text;
}

/// Makes the copies those of the branch's current publication; again when it changed meanwhile, so
/// that the last of several publishers leaves the last model. @throws StoreError
inline void copy_for_others(bucket::ObjectStore& store, const ModelKeys& keys) {
  for (std::string done;;) {
    const auto stored = get_manifest(store, keys, done);
    if (!stored) return;
    const Publication& now = stored->manifest.current;
    const std::string weights = keys.copy(kWeightsExtension), labels = keys.copy(kLabelsExtension);
    if (copied_labels(store, keys) != labels_text(now.labels)) {
      store.remove(weights);
      store.copy(keys.prefix + now.file(kLabelsExtension).key, labels);
    }
    store.copy(keys.prefix + now.file(kWeightsExtension).key, weights);
    done = stored->etag;
  }
}

/// Makes `next` the branch's model on the condition that `before` still is; then the copies.
inline Published commit(
    bucket::ObjectStore& store, const ModelKeys& keys, const std::optional<StoredManifest>& before,
    Publication next, const PublishOptions& options) {
  const std::string where = store.name() + "/" + keys.manifest();
  check_expected(before, options, where);
  const bool changed = !before || !before->manifest.current.same_model(next);
  if (changed) {
    next.time = seconds_now();
    next.id = new_id(next.time);
    Manifest manifest{keys.name, keys.branch, next, {}};
    if (before) {
      manifest.history = before->manifest.history;
      manifest.history.insert(manifest.history.begin(), before->manifest.current);
      if (manifest.history.size() > options.history) manifest.history.resize(options.history);
      manifest.current.previous = next.previous = before->manifest.current.id;
    }
    bucket::PutOptions condition;
    condition.content_type = "application/json";
    condition.if_absent = !before;
    if (before) condition.if_match = before->etag;
    std::string refusal;
    try {
      store.put(keys.manifest(), to_text(manifest), condition);
    } catch (const bucket::ConditionError& refused) {
      refusal = refused.what();  // perhaps by our own bytes, whose answer was lost
    } catch (const bucket::NotFoundError&) {
      if (!before) throw;  // there is no such bucket
      refusal = "the manifest was removed";
    }
    const auto after = find_manifest(store, keys);
    if (!after || !after->manifest.find(next.id))
      throw bucket::ConditionError(
          "another publication came first" +
              (after ? " (" + after->manifest.current.id + ")" : ": " + refusal),
          where, "look at it and publish again");
  } else {
    next = before->manifest.current;
  }
  try {
    copy_for_others(store, keys);
  } catch (const StoreError& fault) {
    throw StoreError(
        "publication " + next.id +
            " is on the branch, but the copies beside it are not up to date (" + fault.what() + ")",
        store.name() + "/" + keys.stem(), "run the command again");
  }
  return {std::move(next), changed};
}

/// A publication with the model of another one, none of its history.
inline Publication model_of(const Publication& other) {
  Publication next;
  next.model = other.model;
  next.step = other.step;
  next.metrics = other.metrics;
  next.labels = other.labels;
  next.files = other.files;
  return next;
}

inline StoredManifest require_manifest(bucket::ObjectStore& store, const ModelKeys& keys) {
  try {
    return *get_manifest(store, keys);
  } catch (const bucket::NotFoundError& fault) {
    throw bucket::NotFoundError(
        "nothing was published on branch " + keys.branch + " (" + fault.what() + ")", store.name(),
        "ocelli models lists the branches");
  }
}

}  // namespace detail

OCELLI_INLINE Published publish(
    bucket::ObjectStore& store, const std::string& prefix, const std::filesystem::path& weights,
    const std::string& branch, const PublishOptions& options) {
  const ModelKeys keys = detail::keys_of(store, prefix, options.name, branch);
  const detail::ReadWeights read = detail::read_weights(weights, options.labels);
  const auto before = find_manifest(store, keys);
  detail::check_expected(before, options, store.name() + "/" + keys.manifest());
  Publication next;
  next.action = "publish";
  next.model = read.model;
  next.step = read.step;
  next.metrics = options.metrics;
  next.labels = read.labels;
  next.files = {
      detail::put_data(store, keys, kWeightsExtension, read.bytes, before),
      detail::put_data(store, keys, kLabelsExtension, detail::labels_text(read.labels), before)};
  return detail::commit(store, keys, before, std::move(next), options);
}

OCELLI_INLINE Published promote(
    bucket::ObjectStore& store, const std::string& prefix, const std::string& from,
    const std::string& to, const PublishOptions& options) {
  const ModelKeys source = detail::keys_of(store, prefix, options.name, from);
  const ModelKeys target = detail::keys_of(store, prefix, options.name, to);
  if (from == to)
    throw ConfigError("both are the branch " + from, "promote", "name another branch");
  const Publication model = detail::require_manifest(store, source).manifest.current;
  const auto before = find_manifest(store, target);
  for (const ModelFile& file : model.files) detail::check_whole(store, source, file);
  Publication next = detail::model_of(model);
  next.action = "promote";
  next.from = from + " " + model.id;
  return detail::commit(store, target, before, std::move(next), options);
}

OCELLI_INLINE Published rollback(
    bucket::ObjectStore& store, const std::string& prefix, const std::string& branch,
    const std::string& id, const PublishOptions& options) {
  const ModelKeys keys = detail::keys_of(store, prefix, options.name, branch);
  const StoredManifest before = detail::require_manifest(store, keys);
  const Manifest& manifest = before.manifest;
  // A rollback stands for what it brought back: the one before is before that.
  const auto stands_for = [&](const Publication* one) {
    while (one != nullptr && one->action == "rollback") one = manifest.find(one->from);
    return one;
  };
  const Publication* target = nullptr;
  if (!id.empty()) {
    target = manifest.find(id);
  } else if (const Publication* now = stands_for(&manifest.current)) {
    target = stands_for(manifest.find(now->previous));
  }
  if (target == nullptr)
    throw bucket::NotFoundError(
        id.empty() ? "the branch has no publication before " + manifest.current.id
                   : "the branch has no publication " + id,
        store.name() + "/" + keys.manifest(), "ocelli models lists those that it had");
  for (const ModelFile& file : target->files) detail::check_whole(store, keys, file);
  Publication next = detail::model_of(*target);
  next.action = "rollback";
  next.from = target->id;
  return detail::commit(store, keys, before, std::move(next), options);
}

OCELLI_INLINE std::vector<Publication> history(
    bucket::ObjectStore& store, const std::string& prefix, const std::string& branch,
    const std::string& name) {
  std::vector<Publication> all;
  if (auto stored = find_manifest(store, detail::keys_of(store, prefix, name, branch))) {
    all.push_back(std::move(stored->manifest.current));
    for (Publication& one : stored->manifest.history) all.push_back(std::move(one));
  }
  return all;
}

OCELLI_INLINE ModelList
list_models(bucket::ObjectStore& store, const std::string& prefix, const std::string& name) {
  const ModelKeys keys = detail::keys_of(store, prefix, name, std::string(kMaster));
  ModelList list;
  for (const bucket::ObjectInfo& info : store.list(keys.stem())) {
    const std::string_view rest = std::string_view(info.key).substr(keys.stem().size());
    if (!rest.ends_with(kManifestExtension) || rest.find('/') != std::string_view::npos) continue;
    if (rest.size() > kManifestExtension.size() && rest.front() != '-') continue;  // "catsanddogs"
    detail::SmallSink sink;
    try {
      store.get(info.key, sink);
    } catch (const bucket::NotFoundError&) {
      continue;  // removed since the listing
    }
    try {
      Manifest manifest = manifest_of(sink.text, store.name() + "/" + info.key);
      // "cats-dogs" is the branch dogs of cats, or a model of its own.
      if (manifest.name == keys.name) list.models.push_back(std::move(manifest));
    } catch (const StoreError& fault) {
      list.faults.emplace_back(fault.what());
    }
  }
  return list;
}

OCELLI_INLINE std::vector<bucket::ObjectInfo> prune(
    bucket::ObjectStore& store, const std::string& prefix, const std::string& name,
    std::chrono::seconds age) {
  const ModelKeys keys = detail::keys_of(store, prefix, name, std::string(kMaster));
  // The data first: what is written and named from here on is not in this list.
  std::vector<bucket::ObjectInfo> objects = store.list(keys.data_folder());
  const ModelList models = list_models(store, prefix, name);
  if (!models.faults.empty())
    throw StoreError(
        "nothing is removed while a manifest cannot be read: " + models.faults.front(),
        store.name());
  std::set<std::string> named;
  const auto keep = [&](const Publication& one) {
    for (const ModelFile& file : one.files) named.insert(keys.prefix + file.key);
  };
  for (const Manifest& manifest : models.models) {
    keep(manifest.current);
    for (const Publication& one : manifest.history) keep(one);
  }
  const std::int64_t young = detail::seconds_now() - age.count();
  std::erase_if(objects, [&](const bucket::ObjectInfo& info) {
    return named.contains(info.key) || info.modified > young;
  });
  for (const bucket::ObjectInfo& info : objects) store.remove(info.key);
  return objects;
}

}  // namespace ocelli::deploy
