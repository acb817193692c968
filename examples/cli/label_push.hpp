// The label files of `ocelli bucket push`: joined to those that the bucket has.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ocelli/bucket/object_store.hpp"
#include "ocelli/data/label_merge.hpp"

namespace program {

/// A label file on its way to its key. Where the bucket has another one, the two are merged.
class LabelPush {
 public:
  /// Reads the file.
  /// @param replace  what is stored is not looked at, and overwritten
  LabelPush(
      ocelli::bucket::ObjectStore& store, const std::filesystem::path& path, std::string key,
      bool replace);

  const std::string& key() const { return key_; }
  /// Bytes of the file here.
  std::size_t size() const { return file_.text.size(); }

  /// Merges it with what is stored now, and writes nothing.
  /// @param pushed  the keys of all label files that are pushed
  /// @throws DataError when that cannot be done, or would hide the labels that there are
  void prepare(const std::vector<std::string>& pushed);
  /// After prepare(). What somebody else has written meanwhile is merged again.
  /// @throws bucket::ConditionError when others write all the time; as prepare()
  void write(const std::string& content_type);

  /// Whether it was joined to another text.
  bool merged() const { return merged_; }
  const ocelli::data::LabelMerge& counts() const { return labels_.counts; }

 private:
  void fetch();
  void merge();
  std::string stored_name() const { return store_->name() + "/" + key_; }

  ocelli::bucket::ObjectStore* store_;
  std::string key_;
  ocelli::data::LabelText file_;
  bool replace_, merged_ = false;
  // The object as it was read last.
  bool exists_ = false;
  std::string stored_, etag_;
  ocelli::data::MergedLabels labels_;
};

/// "; merged into the labels of the bucket: ..." for those that were; "" where none was.
std::string merge_text(const std::vector<LabelPush>& files);
/// The same as an object.
nlohmann::ordered_json merge_json(const std::vector<LabelPush>& files);

}  // namespace program
