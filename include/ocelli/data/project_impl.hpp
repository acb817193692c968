// How a Project reads, changes and writes a bucket.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <mutex>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/core/file.hpp"
#include "ocelli/core/thread_pool.hpp"
#include "ocelli/data/csv_labels.hpp"
#include "ocelli/data/image_header.hpp"
#include "ocelli/data/json_labels.hpp"
#include "ocelli/data/open.hpp"
#include "ocelli/data/project.hpp"
#include "ocelli/data/project_files.hpp"
#include "ocelli/data/project_source.hpp"
#include "ocelli/data/text.hpp"

namespace ocelli::data {

namespace detail {

/// A random name that no two will ever share: a UUID of version 4, lower case.
inline std::string make_uuid() {
  std::random_device random;
  std::array<std::uint32_t, 4> w{};
  for (std::uint32_t& word : w) word = random();
  w[1] = (w[1] & 0xFFFF0FFFu) | 0x4000u;
  w[2] = (w[2] & 0x3FFFFFFFu) | 0x80000000u;
  char text[37];
  std::snprintf(
      text, sizeof text, "%08x-%04x-%04x-%04x-%04x%08x", w[0], w[1] >> 16, w[1] & 0xFFFFu,
      w[2] >> 16, w[2] & 0xFFFFu, w[3]);
  return text;
}

/// How a picture is stored. @throws DataError for what is none, or cut short
struct PictureKind {
  const char* extension;
  const char* content_type;
};
inline PictureKind picture_kind(std::span<const std::byte> bytes, const std::string& name) {
  const ImageHeader header = image_header(bytes, name, true);
  if (header.format == ImageHeader::Format::jpeg) return {".jpg", "image/jpeg"};
  if (header.format == ImageHeader::Format::png) return {".png", "image/png"};
  throw DataError("a BMP is not kept in a bucket", name, "convert it to JPEG or PNG");
}

}  // namespace detail

OCELLI_INLINE Project::Project(
    std::shared_ptr<bucket::ObjectStore> store, std::string prefix, LabelFile when_new)
    : store_(std::move(store)), prefix_(std::move(prefix)), when_new_(when_new) {
  if (!prefix_.empty() && !prefix_.ends_with('/')) prefix_ += '/';
  labels_ = load();
}

OCELLI_INLINE std::string Project::name() const {
  const std::string name = store_->name();
  return prefix_.empty() ? name : name + "/" + prefix_.substr(0, prefix_.size() - 1);
}

// What is stored
// -----------------------------------------------------------------------------------------

OCELLI_INLINE Project::Stored Project::fetch(const std::string& name) const {
  Stored object{prefix_ + name, {}, {}, false};
  try {
    bucket::BytesSink sink;
    if (const auto info = store_->get(object.key, sink)) object.etag = info->etag;
    object.text = as_text(sink.bytes);
    object.exists = true;
  } catch (const bucket::NotFoundError&) {  // a new project
  }
  return object;
}

OCELLI_INLINE Project::Labels Project::load() const {
  Labels labels;
  labels.type = fetch(type_name);
  Stored json = fetch(annotations_json_name);
  if (!json.exists) {
    labels.file = fetch(annotations_csv_name);
    labels.list = fetch(labels_csv_name);
  }
  const bool csv = labels.file.exists || labels.list.exists;
  if (csv || (!json.exists && when_new_ == LabelFile::csv)) {
    labels.name = annotations_csv_name;
    labels.document = std::make_unique<CsvLabels>(
        labels.file.text, labels.list.text, store_->name() + "/" + prefix_);
    return labels;
  }
  labels.name = annotations_json_name;
  labels.file = std::move(json);
  const std::string where = store_->name() + "/" + labels.file.key;
  if (!labels.file.exists) {
    labels.document = std::make_unique<JsonLabels>(where);
  } else if (const std::string version = cloud_annotations_version(labels.file.text, where);
             version.empty() || version == "1.0") {
    labels.document = std::make_unique<JsonLabels>(labels.file.text, where);
  } else {
    labels.document = std::make_unique<V2Labels>(labels.file.text, where);
  }
  return labels;
}

OCELLI_INLINE void Project::put(Stored& object, const std::string& text) const {
  if (object.exists && object.text == text) return;
  bucket::PutOptions options;
  options.if_absent = !object.exists;
  options.if_match = object.etag;
  if (object.key.ends_with(".json")) options.content_type = "application/json";
  if (object.key.ends_with(".csv")) options.content_type = "text/csv";
  const bucket::ObjectInfo info = store_->put(object.key, text, options);
  object.text = text, object.etag = info.etag, object.exists = true;
}

OCELLI_INLINE void Project::write(Labels& labels) const {
  // The list goes first: labels without rows do no harm, rows without their label would.
  if (labels.name == annotations_csv_name) put(labels.list, labels.document->labels_text());
  // A later build of the tool reads the type from here. One that is there must not contradict.
  const std::string type = labels.document->type();
  const bool wanted = labels.type.exists
                          ? !type.empty() && parse_type(labels.type.text) != type
                          : labels.name == annotations_csv_name && !labels.file.exists;
  if (wanted) put(labels.type, type);
  put(labels.file, labels.document->text());
}

OCELLI_INLINE void Project::adopt(Labels fresh) {
  for (const Change& change : changes_) change(*fresh.document);
  labels_ = std::move(fresh);
}

OCELLI_INLINE void Project::reload() { adopt(load()); }

OCELLI_INLINE void Project::save() {
  if (changes_.empty()) return;
  constexpr int attempts = 20;
  for (int attempt = 1;; ++attempt) {
    try {
      write(labels_);
      changes_.clear();
      return;
    } catch (const bucket::ConditionError&) {
      if (attempt == attempts) {
        throw bucket::ConditionError(
            "others have changed the labels " + std::to_string(attempts) +
                " times while they were to be written",
            name() + "/" + labels_.name, "save again; nothing is lost");
      }
    }
    // Somebody else has written: theirs first, then the changes again. Unless what is there is what
    // was sent: then it had arrived, and only the answer was lost.
    Labels fresh = load();
    if (fresh.name == labels_.name && fresh.file.text == labels_.document->text() &&
        fresh.list.text == labels_.document->labels_text()) {
      changes_.clear();
      return adopt(std::move(fresh));
    }
    adopt(std::move(fresh));
    std::random_device random;  // so that two who met do not meet again
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % (1u << std::min(attempt, 6))));
  }
}

// What there is
// -----------------------------------------------------------------------------------------

OCELLI_INLINE std::vector<std::string> Project::keys() const {
  std::vector<std::string> keys;
  store_->list(prefix_, [&](std::span<const bucket::ObjectInfo> page) {
    for (const bucket::ObjectInfo& object : page) keys.push_back(object.key.substr(prefix_.size()));
  });
  return keys;
}

OCELLI_INLINE std::string Project::type() const {
  if (std::string type = labels_.document->type(); is_project_type(type)) return type;
  if (const auto type = parse_type(labels_.type.text); is_project_type(type)) {
    return std::string(type);
  }
  std::string seen;
  for (const std::string& key : labels_.document->keys()) {
    for (const LabelEntry& entry : labels_.document->entries(key)) {
      if (entry.box) return "localization";
      seen = "classification";
    }
  }
  return seen;
}

OCELLI_INLINE std::vector<std::string> Project::images(Which which) const {
  std::vector<std::string> images = keys();
  const auto labelled = labels_.document->keys();
  const std::unordered_set<std::string> with_entries(labelled.begin(), labelled.end());
  std::erase_if(images, [&](const std::string& key) {
    return !is_picture_name(key) ||
           (which != Which::all && with_entries.contains(key) != (which == Which::labelled));
  });
  return images;
}

OCELLI_INLINE std::vector<std::string> Project::images_with(const std::string& label) const {
  std::vector<std::string> images = this->images(Which::labelled);
  std::erase_if(images, [&](const std::string& key) {
    const auto entries = labels_.document->entries(key);
    return std::none_of(entries.begin(), entries.end(), [&](const LabelEntry& entry) {
      return entry.label == label;
    });
  });
  return images;
}

OCELLI_INLINE std::vector<std::string> Project::missing_images() const {
  const auto there = keys();
  const std::unordered_set<std::string> stored(there.begin(), there.end());
  std::vector<std::string> missing = labels_.document->keys();
  std::erase_if(missing, [&](const std::string& key) { return stored.contains(key); });
  return missing;
}

OCELLI_INLINE Dataset
Project::read(detail::ProjectSource& source, const ReadOptions& options) const {
  // As they were read; as they would be written where that differs.
  const bool as_read = !changed() && labels_.file.exists;
  source.put(labels_.name, as_read ? labels_.file.text : labels_.document->text());
  if (labels_.name == annotations_csv_name) {
    source.put(labels_csv_name, as_read ? labels_.list.text : labels_.document->labels_text());
  }
  if (labels_.type.exists) source.put(type_name, labels_.type.text);
  ReadOptions as_stored = options;
  as_stored.format =
      labels_.name == annotations_csv_name ? "cloud-annotations-csv" : "cloud-annotations";
  return open(source, as_stored);
}

OCELLI_INLINE Dataset Project::dataset(const ReadOptions& options) const {
  detail::ProjectSource source(*store_, prefix_, name(), keys(), nullptr);
  return read(source, options);
}

OCELLI_INLINE Dataset Project::dataset(const Source& pictures, const ReadOptions& options) const {
  detail::ProjectSource source(*store_, prefix_, name(), pictures.keys(), &pictures);
  return read(source, options);
}

OCELLI_INLINE Split
Project::split(double share, std::uint64_t seed, const ReadOptions& options) const {
  return split_shuffled(dataset(options), share, seed);
}

// Pictures
// -----------------------------------------------------------------------------------------

OCELLI_INLINE std::string Project::store_image(
    std::span<const std::byte> bytes, const char* extension, const char* content_type) const {
  const std::string key = detail::make_uuid() + extension;
  bucket::PutOptions options;
  options.content_type = content_type;
  store_->put(prefix_ + key, bucket::BytesBody(bytes), options);
  return key;
}

OCELLI_INLINE std::string Project::add_image(
    std::span<const std::byte> bytes, const std::string& name) {
  const auto [extension, content_type] = detail::picture_kind(bytes, name);
  std::string key = store_image(bytes, extension, content_type);
  known_.insert(key);
  return key;
}

OCELLI_INLINE std::vector<std::string> Project::add_images(
    std::span<const std::filesystem::path> files,
    const std::function<void(std::size_t, const std::string&)>& stored) {
  const auto bytes_of = [](const std::string& text) { return std::as_bytes(std::span(text)); };
  for (const auto& file : files) detail::picture_kind(bytes_of(read_file(file)), file.string());
  std::vector<std::string> keys(files.size());
  std::mutex mutex;
  std::exception_ptr fault;
  std::atomic<bool> failed = false;
  // Waiting for the store takes the time, not the processor.
  ThreadPool pool(static_cast<int>(std::clamp<std::size_t>(files.size(), 1, 8)));
  pool.for_each(static_cast<long>(files.size()), [&](long task, int) {
    const auto i = static_cast<std::size_t>(task);
    if (failed) return;
    try {
      const std::string text = read_file(files[i]);
      const auto kind = detail::picture_kind(bytes_of(text), files[i].string());
      const std::string key = store_image(bytes_of(text), kind.extension, kind.content_type);
      const std::lock_guard lock(mutex);
      keys[i] = key;
      known_.insert(key);
      if (stored) stored(i, key);
    } catch (...) {  // tasks of the pool must not throw
      const std::lock_guard lock(mutex);
      if (!fault) fault = std::current_exception();
      failed = true;
    }
  });
  if (fault) std::rethrow_exception(fault);
  return keys;
}

OCELLI_INLINE void Project::require_picture(const std::string& key) {
  if (!listed_) {  // one listing, instead of a question for every picture
    for (std::string& one : keys()) known_.insert(std::move(one));
    listed_ = true;
  }
  const bool there = known_.contains(key) || store_->head(prefix_ + key).has_value();
  if (!there || !is_picture_name(key)) {
    throw DataError(
        there ? "\"" + key + "\" is no picture" : "there is no picture \"" + key + "\"", name(),
        "images() lists those that there are");
  }
  known_.insert(key);
}

// Labels
// -----------------------------------------------------------------------------------------

OCELLI_INLINE void Project::change(Change change) {
  change(*labels_.document);
  changes_.push_back(std::move(change));
}

OCELLI_INLINE void Project::annotate(
    const std::string& key, const std::vector<LabelEntry>& entries) {
  require_picture(key);
  const std::string type = this->type();
  std::vector<LabelEntry> added = entries;
  bool boxes = false;
  for (LabelEntry& entry : added) {
    check_entry(entry, key);
    if (entry.box && type == "classification") {
      throw DataError(
          "a project of classification has no boxes", name() + "/" + labels_.name,
          "leave the box out, or make it a project of localization");
    }
    boxes = boxes || entry.box.has_value();
    // Of its own, so that making the change again does not add it twice.
    entry.id = "\"" + detail::make_uuid() + "\"";
  }
  const std::string first_type = !type.empty() ? type : boxes ? "localization" : "classification";
  change([key, added, first_type](LabelDocument& document) {
    const bool first = document.type().empty() && document.keys().empty();
    document.add(key, added);
    if (first && !added.empty()) document.set_type(first_type);
  });
}

OCELLI_INLINE void Project::remove_entry(const std::string& key, const LabelEntry& entry) {
  const auto there = entries(key);
  const auto found = std::find_if(there.begin(), there.end(), [&](const LabelEntry& other) {
    return other.label == entry.label && other.box == entry.box &&
           (entry.id.empty() || entry.id == other.id);
  });
  if (found == there.end()) {
    throw DataError(
        "\"" + key + "\" has no such entry of \"" + entry.label + "\"", name(),
        "entries() lists those that there are");
  }
  change([key, gone = *found](LabelDocument& document) { document.remove(key, gone); });
}

OCELLI_INLINE void Project::remove_entries(const std::string& key) {
  // Those that are seen now: what somebody else adds meanwhile stays.
  const auto gone = entries(key);
  if (gone.empty()) return;
  change([key, gone](LabelDocument& document) {
    for (const LabelEntry& entry : gone) document.remove(key, entry);
  });
}

OCELLI_INLINE void Project::add_label(const std::string& label) {
  check_entry({label}, name());
  change([label](LabelDocument& document) { document.add_label(label); });
}

OCELLI_INLINE void Project::remove_label(const std::string& label) {
  const auto there = labels();
  if (std::find(there.begin(), there.end(), label) == there.end()) {
    throw DataError(
        "there is no label \"" + label + "\"", name(), "labels() lists those that there are");
  }
  change([label](LabelDocument& document) { document.remove_label(label); });
}

OCELLI_INLINE void Project::set_type(const std::string& type) {
  if (!is_project_type(type)) {
    throw DataError(
        "\"" + type + "\" is no type of a project", name(), "classification and localization are");
  }
  change([type](LabelDocument& document) { document.set_type(type); });
}

}  // namespace ocelli::data
