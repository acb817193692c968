// How label files are joined to those of a bucket.
// SPDX-License-Identifier: Apache-2.0
#include "label_push.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <set>
#include <thread>
#include <utility>

#include "ocelli/core/file.hpp"
#include "ocelli/data/project_files.hpp"
#include "ocelli/data/text.hpp"

namespace program {

using namespace ocelli;

namespace {

constexpr const char* replace_advice = "--replace-labels writes the pushed file as it is";

struct Counts {
  std::size_t files = 0, pictures = 0, before = 0, labels = 0;
};
Counts sum(const std::vector<LabelPush>& files) {
  Counts counts;
  std::set<std::string> labels;  // the two files of a CSV project tell of the same ones
  for (const LabelPush& file : files) {
    // A type that is the same, but for a blank, is nothing to tell of.
    if (!file.merged() || data::file_name_of(file.key()) == data::type_name) continue;
    ++counts.files;
    counts.pictures += file.counts().pictures;
    counts.before += file.counts().labelled_before;
    for (const std::string& label : file.counts().labels)
      labels.insert(std::string(data::folder_of(file.key())) + '\n' + label);
  }
  counts.labels = labels.size();
  return counts;
}

}  // namespace

LabelPush::LabelPush(
    bucket::ObjectStore& store, const std::filesystem::path& path, std::string key, bool replace)
    : store_(&store),
      key_(std::move(key)),
      file_{read_file(path), path.string()},
      replace_(replace),
      labels_{file_.text, {}} {}

void LabelPush::fetch() {
  exists_ = false;
  stored_.clear(), etag_.clear();
  try {
    bucket::BytesSink sink;
    if (const auto info = store_->get(key_, sink)) etag_ = info->etag;
    stored_ = data::as_text(sink.bytes);
    exists_ = true;
  } catch (const bucket::NotFoundError&) {  // the first labels
  }
}

void LabelPush::merge() {
  merged_ = exists_ && stored_ != file_.text;
  labels_ = {file_.text, {}};
  if (!exists_) return;
  try {
    labels_ = data::merge_label_files(key_, {stored_, stored_name()}, file_);
  } catch (const DataError& error) {
    throw DataError(error.what(), {}, replace_advice);
  }
}

void LabelPush::prepare(const std::vector<std::string>& pushed) {
  if (replace_) return;
  fetch();
  // Where there are both kinds, readers take the JSON file and not the other one.
  const std::string folder(data::folder_of(key_));
  const std::string json = folder + data::annotations_json_name;
  const std::string csv = folder + data::annotations_csv_name;
  const auto hides = [&](const std::string& other) {
    return std::find(pushed.begin(), pushed.end(), other) == pushed.end() &&
           store_->head(other).has_value();
  };
  if (key_ == json && !exists_ && hides(csv))
    throw DataError(
        "the labels of the bucket are in " + csv + ", and nobody would read them any more",
        file_.name, std::string("push labels of the same kind; ") + replace_advice);
  if (key_ == csv && (!exists_ || stored_ != file_.text) && hides(json))
    throw DataError(
        "the labels of the bucket are in " + json + ", so nobody would read these", file_.name,
        "push labels of the same kind, or remove those first");
  merge();
}

void LabelPush::write(const std::string& content_type) {
  constexpr int attempts = 20;
  for (int attempt = 1;; ++attempt) {
    if (exists_ && stored_ == labels_.text) return;
    bucket::PutOptions put;
    put.content_type = content_type;
    put.if_absent = !replace_ && !exists_;
    put.if_match = etag_;
    try {
      store_->put(key_, labels_.text, put);
      return;
    } catch (const bucket::ConditionError&) {
      if (attempt == attempts)
        throw bucket::ConditionError(
            "others have changed the labels " + std::to_string(attempts) +
                " times while they were to be written",
            stored_name(), "push again");
    }
    fetch();
    // What is there is what was sent: it had arrived, and only the answer was lost.
    if (exists_ && stored_ == labels_.text) return;
    merge();
    std::random_device random;  // so that two who met do not meet again
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % (1u << std::min(attempt, 6))));
  }
}

std::string merge_text(const std::vector<LabelPush>& files) {
  const Counts counts = sum(files);
  if (counts.files == 0) return {};
  return fmt::format(
      "; merged into the labels of the bucket: {} {}, {} of them labelled before, and {} new {}",
      counts.pictures, counts.pictures == 1 ? "picture" : "pictures", counts.before, counts.labels,
      counts.labels == 1 ? "label" : "labels");
}

nlohmann::ordered_json merge_json(const std::vector<LabelPush>& files) {
  const Counts counts = sum(files);
  return {
      {"label_files", counts.files},
      {"pictures", counts.pictures},
      {"labelled_before", counts.before},
      {"new_labels", counts.labels}};
}

}  // namespace program
