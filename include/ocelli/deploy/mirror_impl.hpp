// How a run is mirrored and restored: mirror.hpp.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <span>
#include <system_error>
#include <utility>

#include "ocelli/bucket/address.hpp"
#include "ocelli/bucket/sha256.hpp"
#include "ocelli/core/file.hpp"
#include "ocelli/core/inline.hpp"
#include "ocelli/deploy/checked_sink.hpp"
#include "ocelli/deploy/mirror.hpp"
#include "ocelli/train/snapshot.hpp"

namespace ocelli::deploy {

namespace detail {

/// In the run folder: the id of the run that the bucket has.
inline constexpr const char* kRunMark = "mirror.json";

/// The run that a folder says it holds; empty when it says nothing.
inline std::string run_in(const train::RunFolder& folder) {
  const std::filesystem::path mark = folder.root() / kRunMark;
  std::error_code code;
  if (!std::filesystem::exists(mark, code)) return {};
  const auto json = nlohmann::json::parse(read_file(mark, 1 << 20), nullptr, false);
  return json.is_object() && json.contains("run") && json["run"].is_string()
             ? json["run"].get<std::string>()
             : std::string();
}
inline void mark_run(const train::RunFolder& folder, const std::string& run) {
  if (run_in(folder) != run)
    write_file(folder.root() / kRunMark, nlohmann::json({{"run", run}}).dump() + "\n");
}
inline void check_same_run(
    const bucket::ObjectStore& store, const std::string& prefix, const train::RunFolder& folder,
    const std::string& run) {
  if (folder.used() && run_in(folder) != run)
    throw ConfigError(
        "the folder holds another run than " + store.name() + "/" + prefix, folder.root().string(),
        "choose another folder with --out, or another place for the mirror");
}

/// Bytes of a file that can be called back in the middle of a transfer.
class AbandonableBody : public bucket::Body {
 public:
  AbandonableBody(const bucket::Body& body, const std::atomic<bool>& abandoned)
      : body_(body), abandoned_(abandoned) {}
  std::uint64_t size() const override { return body_.size(); }
  void read(std::uint64_t offset, std::span<std::byte> out) const override {
    if (abandoned_) throw StoreError("the upload was given up", "mirror");
    body_.read(offset, out);
  }

 private:
  const bucket::Body& body_;
  const std::atomic<bool>& abandoned_;
};

}  // namespace detail

OCELLI_INLINE RestoredRun restore_run(
    bucket::ObjectStore& store, const std::string& prefix, const std::filesystem::path& folder) {
  const std::string below = bucket::folder_prefix(prefix);
  RestoredRun result;
  const auto stored = detail::get_index(store, below);
  if (!stored || stored->index.step == 0) return result;
  const RunIndex& index = stored->index;
  result.step = index.step;
  train::RunFolder run(folder);
  detail::check_same_run(store, below, run, index.run);
  const train::NewestSnapshot newest = train::newest_valid(run.snapshots());
  if (newest.snapshot && newest.snapshot->step >= index.step) return result;

  run.open_for_training(true);  // nobody else may be training there
  detail::mark_run(run, index.run);
  const std::string snapshot = "snapshots/" + train::snapshot_name(index.step);
  std::vector<const RunFile*> files;
  for (const RunFile& file : index.files) files.push_back(&file);
  std::stable_partition(
      files.begin(), files.end(), [&](const RunFile* file) { return file->path != snapshot; });
  for (const RunFile* file : files) {
    const std::filesystem::path path = folder / file->path;
    make_folder(file_detail::folder_of(path));
    CheckedSink sink(path, file->size, file->sha256);
    store.get(below + file->key, sink);
    sink.commit();
    ++result.files;
    result.bytes += file->size;
  }
  run.close();
  result.restored = true;
  return result;
}

OCELLI_INLINE Mirror::Mirror(
    bucket::ObjectStore& store, std::string prefix, std::filesystem::path folder,
    MirrorOptions options)
    : store_(store),
      prefix_(bucket::folder_prefix(std::move(prefix))),
      folder_(std::move(folder)),
      options_(std::move(options)) {
  if (auto stored = detail::get_index(store_, prefix_)) {
    if (!options_.resume)
      throw ConfigError(
          "a training has been mirrored to this place", store_.name() + "/" + prefix_,
          "add --resume to go on with it, or choose another place");
    detail::check_same_run(store_, prefix_, folder_, stored->index.run);
    index_ = std::move(stored->index);
    etag_ = std::move(stored->etag);
    run_ = index_.run;
  } else {
    if (options_.resume) run_ = detail::run_in(folder_);
    std::random_device random;
    while (run_.size() < 16) run_ += "0123456789abcdef"[random() % 16];
  }
  thread_ = std::thread([this] { work(); });
}

OCELLI_INLINE Mirror::~Mirror() {
  if (!thread_.joinable()) return;
  settle();
  try {
    tell();
  } catch (const std::exception&) {
    // Whoever listens has left by an exception already.
  }
}

OCELLI_INLINE void Mirror::on_point(const train::TrainingPoint&) { tell(); }

OCELLI_INLINE void Mirror::on_snapshot(long step, const std::filesystem::path&) {
  enqueue(step, false);
  tell();
}

/// What the run has now. A file that grows is taken up to its size of now: FileBody keeps that.
OCELLI_INLINE Mirror::Job Mirror::collect(long step, bool everything) {
  Job job;
  job.step = step;
  const std::string snapshot = train::snapshot_name(step);
  for (auto at = std::filesystem::recursive_directory_iterator(folder_.root());
       at != std::filesystem::recursive_directory_iterator(); ++at) {
    const std::filesystem::path file = at->path();
    const std::string name = file.filename().string();
    Entry entry;
    entry.path = file.lexically_relative(folder_.root()).generic_string();
    const bool later = entry.path == "report" || entry.path == "status.json";
    if (name.starts_with(".") || (later && !everything)) {
      if (at->is_directory()) at.disable_recursion_pending();
      continue;
    }
    if (!at->is_regular_file() || entry.path == detail::kRunMark) continue;
    if (entry.path.starts_with("snapshots/") && name != snapshot) continue;
    struct stat info {};
    if (::stat(file.c_str(), &info) != 0) file_detail::fail("reading", file, errno);
    entry.stamp = std::to_string(info.st_ino) + ":" + std::to_string(info.st_size) + ":" +
                  std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec);
    {
      const std::lock_guard lock(mutex_);
      const auto found = written_.find(entry.path);
      if (found != written_.end() && found->second.first == entry.stamp)
        entry.known = found->second.second;
    }
    if (!entry.known) entry.body = std::make_unique<bucket::FileBody>(file);
    job.entries.push_back(std::move(entry));
  }
  std::sort(job.entries.begin(), job.entries.end(), [](const Entry& a, const Entry& b) {
    return a.path < b.path;
  });
  return job;
}

/// Never throws: a mirror that fails is no reason to lose the training.
OCELLI_INLINE void Mirror::enqueue(long step, bool everything) {
  try {
    detail::mark_run(folder_, run_);
    Job job = collect(step, everything);
    const std::lock_guard lock(mutex_);
    next_ = std::move(job);
  } catch (const std::exception& fault) {
    const std::lock_guard lock(mutex_);
    messages_.push_back(std::string("step is not mirrored: ") + fault.what());
  }
  changed_.notify_all();
}

OCELLI_INLINE void Mirror::work() {
  auto backoff = options_.backoff;
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return next_.has_value() || closing_; });
    if (!next_ || abandoned_) return;
    Job job = std::move(*next_);
    next_.reset();
    if (given_up_) continue;
    busy_ = true;
    lock.unlock();
    std::string fault;
    try {
      write(job);
    } catch (const bucket::ConditionError& taken) {
      fault = taken.what();
    } catch (const std::exception& failed) {
      fault = failed.what();
    }
    lock.lock();
    busy_ = false;
    if (fault.empty()) {
      if (!fault_.empty()) messages_.emplace_back("the run is mirrored again");
      fault_.clear();
      backoff = options_.backoff;
    } else {
      if (fault_.empty()) {
        failing_ = Clock::now();
        messages_.push_back("the run is not mirrored now: " + fault);
      }
      fault_ = fault;
      if (!next_) next_ = std::move(job);
    }
    changed_.notify_all();
    if (fault.empty() || given_up_) continue;
    changed_.wait_for(lock, backoff, [&] { return abandoned_.load(); });
    backoff = std::min(2 * backoff, options_.longest_backoff);
  }
}

/// Bytes first, then the index, then what nobody names any more.
OCELLI_INLINE void Mirror::write(Job& job) {
  RunIndex next{run_, job.step, {}};
  std::vector<std::pair<std::string, std::pair<std::string, RunFile>>> written;
  for (const Entry& entry : job.entries) {
    RunFile file;
    if (entry.known) {
      file = *entry.known;
    } else {
      file.path = entry.path;
      file.size = entry.body->size();
      file.sha256 = bucket::Sha256::hex_of(detail::AbandonableBody(*entry.body, abandoned_));
      file.key = detail::kRunData + file.sha256 +
                 std::filesystem::path(entry.path).extension().generic_string();
      const bool there = std::ranges::any_of(
          index_.files, [&](const RunFile& one) { return one.key == file.key; });
      if (!there) {
        const bucket::ObjectInfo put =
            store_.put(prefix_ + file.key, detail::AbandonableBody(*entry.body, abandoned_), {});
        if (put.size != file.size)
          throw StoreError(
              "the store took " + std::to_string(put.size) + " of " + std::to_string(file.size) +
                  " bytes",
              store_.name() + "/" + prefix_ + file.key);
      }
    }
    written.push_back({entry.path, {entry.stamp, file}});
    next.files.push_back(std::move(file));
  }
  put_index(detail::index_text(next));
  index_ = std::move(next);
  {
    const std::lock_guard lock(mutex_);
    written_.clear();
    for (auto& [path, entry] : written) written_[path] = std::move(entry);
  }
  std::set<std::string> named;
  for (const RunFile& file : index_.files) named.insert(prefix_ + file.key);
  for (const bucket::ObjectInfo& info : store_.list(prefix_ + detail::kRunData))
    if (!named.contains(info.key) && detail::is_run_data(info.key.substr(prefix_.size())))
      store_.remove(info.key);
}

OCELLI_INLINE void Mirror::put_index(const std::string& text) {
  bucket::PutOptions condition;
  condition.content_type = "application/json";
  condition.if_absent = etag_.empty();
  condition.if_match = etag_;
  attempted_.insert(bucket::Sha256::hex_of(text));
  try {
    etag_ = store_.put(prefix_ + detail::kRunIndex, text, condition).etag;
  } catch (const bucket::ConditionError&) {
    // Perhaps by bytes of our own, whose answer was lost.
    auto stored = detail::get_index(store_, prefix_);
    if (!stored || !attempted_.contains(bucket::Sha256::hex_of(stored->text))) {
      const std::lock_guard lock(mutex_);
      given_up_ = true;
      throw bucket::ConditionError(
          "another training writes to the same place, so this one no longer does",
          store_.name() + "/" + prefix_ + detail::kRunIndex, "mirror to a place of its own");
    }
    condition.if_absent = false;
    condition.if_match = stored->etag;
    etag_ = stored->text == text ? stored->etag
                                 : store_.put(prefix_ + detail::kRunIndex, text, condition).etag;
  }
  attempted_.clear();
}

OCELLI_INLINE void Mirror::tell() {
  std::vector<std::string> messages;
  {
    const std::lock_guard lock(mutex_);
    messages.swap(messages_);
  }
  if (options_.warn)
    for (const std::string& message : messages) options_.warn(message);
}

/// Waits for what is due, as long as there is hope, and ends the thread.
OCELLI_INLINE std::string Mirror::settle() {
  std::string fault;
  {
    const Clock::time_point begin = Clock::now();
    std::unique_lock lock(mutex_);
    const auto hopeless = [&] {
      return given_up_ ||
             (!fault_.empty() && Clock::now() - std::max(begin, failing_) >= options_.patience);
    };
    while ((next_ || busy_) && !hopeless()) changed_.wait_for(lock, std::chrono::milliseconds(20));
    if (next_ || busy_ || given_up_) fault = fault_;
    abandoned_ = true;
    closing_ = true;
  }
  changed_.notify_all();
  thread_.join();
  return fault;
}

OCELLI_INLINE std::string Mirror::finish() {
  if (!thread_.joinable()) return fault_;
  const std::vector<train::SnapshotFile> snapshots = train::list_snapshots(folder_.snapshots());
  enqueue(snapshots.empty() ? 0 : snapshots.front().step, true);
  std::string fault = settle();
  tell();
  return fault;
}

}  // namespace ocelli::deploy
