// Project: the pictures and labels of a bucket, to be looked at, added to and written back.
//
//   auto store = std::make_shared<bucket::MemoryStore>();
//   data::Project project(store);
//   const std::string key = project.add_image(bytes);
//   project.annotate(key, {{"cat", {{0.25, 0.5, 0.75, 1.0}}}});
//   project.save();
//
// The labels are those of `_annotations.json`, else of `_annotations.csv` with `_labels.csv`, else
// new ones. Changes are kept here until save(). It writes only what it has read before: when
// somebody else has saved meanwhile, their labels are read, and the changes made again on them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "ocelli/bucket/object_store.hpp"
#include "ocelli/core/inline.hpp"
#include "ocelli/data/dataset.hpp"
#include "ocelli/data/label_document.hpp"
#include "ocelli/data/read_options.hpp"
#include "ocelli/data/source.hpp"
#include "ocelli/data/split.hpp"

namespace ocelli::data {

namespace detail {
class ProjectSource;
}

/// The form of the labels of a new project.
enum class LabelFile : std::uint8_t {
  json,  ///< `_annotations.json`: boxes, or labels of whole pictures
  csv    ///< `_annotations.csv` and `_labels.csv`: labels of whole pictures
};

/// Of one thread at a time. Keys are relative to the prefix. Everything throws StoreError (and the
/// kinds of it in bucket/object_store.hpp) when the store fails.
class Project {
 public:
  /// Reads the labels.
  /// @param prefix    of all keys: a folder in the bucket; "": the bucket's root
  /// @param when_new  what to write where there are no labels yet
  /// @throws DataError naming file and line, for labels that could not be written back
  explicit Project(
      std::shared_ptr<bucket::ObjectStore> store, std::string prefix = {},
      LabelFile when_new = LabelFile::json);

  /// For messages: the store's name and the prefix.
  std::string name() const;
  /// The label file: "_annotations.json" or "_annotations.csv".
  const std::string& label_file() const { return labels_.name; }

  /// In the order of the classes, those without entries too.
  std::vector<std::string> labels() const { return labels_.document->labels(); }
  /// "classification", "localization", or "" where nothing tells: of the label file, of `_type`, or
  /// seen from the entries.
  std::string type() const;
  /// Of one picture, the newest first.
  std::vector<LabelEntry> entries(const std::string& key) const {
    return labels_.document->entries(key);
  }

  enum class Which : std::uint8_t { all, labelled, unlabelled };
  /// The pictures that are in the bucket now, by key. Labelled: those with an entry.
  std::vector<std::string> images(Which which = Which::all) const;
  std::vector<std::string> images_with(const std::string& label) const;
  /// What has entries, but is not in the bucket any more, in the order of the label file.
  std::vector<std::string> missing_images() const;

  /// The data set, changes that were not saved included. As data::open.
  Dataset dataset(const ReadOptions& options = {}) const;
  /// Likewise, with the pictures of `pictures`: a source that keeps or fetches them faster.
  Dataset dataset(const Source& pictures, const ReadOptions& options = {}) const;
  /// The pictures with labels in two parts, as the notebooks do it: split_shuffled.
  Split split(double share = 0.7, std::uint64_t seed = 42, const ReadOptions& options = {}) const;

  // Pictures. They are stored at once, unlabelled.

  /// Stores a JPEG or PNG under a name that nobody has: `<uuid>.jpg` or .png, by its content.
  /// @param name  for messages  @return its key
  /// @throws DataError when it is no whole picture of these kinds
  std::string add_image(std::span<const std::byte> bytes, const std::string& name = "the picture");
  /// Several files, some at a time; all are looked at before the first is stored.
  /// @param stored  is called with (place in `files`, key) as they are stored, by one thread at a
  ///                time: what it has told of is there when a later one fails
  /// @return keys, in the order of the files
  std::vector<std::string> add_images(
      std::span<const std::filesystem::path> files,
      const std::function<void(std::size_t, const std::string&)>& stored = {});

  // Labels. Nothing is written before save().

  /// Adds entries to a picture, in front of those it has, in this order (a CSV file: behind). New
  /// labels join the list. Their ids are made here. The first entries of a new project decide its
  /// type.
  /// @throws DataError when there is no such picture, or an entry does not fit into the project
  void annotate(const std::string& key, const std::vector<LabelEntry>& entries);
  /// Removes the first entry with this label, box and, where it has one, id; with its last entry a
  /// picture becomes unlabelled. @throws DataError when there is none
  void remove_entry(const std::string& key, const LabelEntry& entry);
  /// Removes all entries that a picture has now.
  void remove_entries(const std::string& key);
  void add_label(const std::string& label);
  /// Removes a label and its entries everywhere. @throws DataError when there is no such label
  void remove_label(const std::string& label);
  /// @throws DataError for other types than "classification" and "localization"
  void set_type(const std::string& type);

  /// Are there changes that were not saved?
  bool changed() const { return !changes_.empty(); }
  /// Writes the labels, if there are changes. Somebody else's labels are never lost: see above.
  /// @throws bucket::ConditionError when others change them all the time; DataError when a change
  ///         does not fit theirs. The changes are then kept
  void save();
  /// Reads what is stored now, and makes the changes that were not saved on it. Errors as save().
  void reload();

 private:
  using Change = std::function<void(LabelDocument&)>;
  /// An object as it was read or written last.
  struct Stored {
    std::string key, text, etag;
    bool exists = false;
  };
  struct Labels {
    std::string name;  // of the label file
    std::unique_ptr<LabelDocument> document;
    Stored file, list, type;  // list: `_labels.csv`
  };

  Stored fetch(const std::string& name) const;
  Labels load() const;
  void adopt(Labels fresh);
  void change(Change change);
  void write(Labels& labels) const;
  void put(Stored& object, const std::string& text) const;
  std::vector<std::string> keys() const;
  Dataset read(detail::ProjectSource& source, const ReadOptions& options) const;
  void require_picture(const std::string& key);
  std::string store_image(
      std::span<const std::byte> bytes, const char* extension, const char* content_type) const;

  std::shared_ptr<bucket::ObjectStore> store_;
  std::string prefix_;
  LabelFile when_new_;
  Labels labels_;
  std::vector<Change> changes_;
  bool listed_ = false;
  std::unordered_set<std::string> known_;  // pictures that were in the bucket
};

}  // namespace ocelli::data

#ifndef OCELLI_COMPILED
#include "ocelli/data/project_impl.hpp"
#endif
