// RunFolder: where a training keeps what it writes, and who may write there.
//
//   config.json     every hyperparameter with its origin      status.json   how it is doing, now
//   log.jsonl       a line for each report and evaluation     results.csv   the evaluations as a
//   table snapshots/      step-00001000.safetensors ...             report/       index.html
//   best.safetensors, last.safetensors
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "ocelli/core/error.hpp"
#include "ocelli/core/file.hpp"
#include "ocelli/train/snapshot.hpp"

namespace ocelli::train {

class RunFolder {
 public:
  /// Only names the folder; nothing is created or locked.
  explicit RunFolder(std::filesystem::path root) : root_(std::move(root)) {}

  std::filesystem::path root() const { return root_; }
  std::filesystem::path config() const { return root_ / "config.json"; }
  std::filesystem::path log() const { return root_ / "log.jsonl"; }
  std::filesystem::path status() const { return root_ / "status.json"; }
  std::filesystem::path results() const { return root_ / "results.csv"; }
  std::filesystem::path snapshots() const { return root_ / "snapshots"; }
  std::filesystem::path best() const { return root_ / "best.safetensors"; }
  std::filesystem::path last() const { return root_ / "last.safetensors"; }
  std::filesystem::path report() const { return root_ / "report"; }

  /// Has a training been here?
  bool used() const {
    std::error_code code;
    return std::filesystem::exists(config(), code) || !list_snapshots(snapshots()).empty();
  }

  /// Creates the folders, takes the lock that keeps a second training out until `close` or the end
  /// of this object (a killed process loses it), and removes what killed writers left.
  /// @param resume  false: throws ConfigError when a training has been here
  /// @throws StoreError when it cannot be written or another process trains here
  void open_for_training(bool resume) {
    make_folder(snapshots());
    make_folder(report());
    lock();
    if (!resume && used())
      throw ConfigError(
          "a training has been in this folder", root_.string(),
          "add --resume to go on with it, or choose another folder with --out");
    for (const auto& folder : {root_, snapshots(), report()}) remove_stale_temporaries(folder);
  }

  /// Lets other trainings in.
  void close() { lock_ = file_detail::Descriptor(); }

  void write_config(const nlohmann::ordered_json& config) const {
    write_file(
        this->config(),
        config.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  }
  /// Throws StoreError when there is none, ConfigError when it is not JSON.
  nlohmann::ordered_json read_config() const {
    const std::string text = read_file(config(), 16 << 20);
    auto json = nlohmann::ordered_json::parse(text, nullptr, false);
    if (json.is_discarded())
      throw ConfigError("this is not JSON", config().string(), "restore the file of the run");
    return json;
  }

 private:
  void lock() {
    close();  // our own must not keep us out
    const std::filesystem::path path = root_ / ".lock";
    file_detail::Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
    if (!file.valid()) file_detail::fail("creating", path, errno);
    // A drive that knows no locks leaves us as we were without them.
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
      throw StoreError(
          "another process is training in this folder", root_.string(),
          "wait for it, stop it, or choose another folder with --out");
    lock_ = std::move(file);
  }

  std::filesystem::path root_;
  file_detail::Descriptor lock_;
};

/// The weights that a path stands for: a file itself; of a run folder best.safetensors, else
/// last.safetensors, else its newest whole snapshot; of any other folder its newest whole snapshot.
/// Throws StoreError when there are none.
inline std::filesystem::path weights_of(const std::filesystem::path& path) {
  std::error_code code;
  if (!std::filesystem::is_directory(path, code)) {
    if (std::filesystem::exists(path, code)) return path;
    throw StoreError("there is no such file or folder", path.string(), "check the path");
  }
  const RunFolder run(path);
  for (const auto& file : {run.best(), run.last()})
    if (std::filesystem::exists(file, code)) return file;
  for (const auto& folder : {run.snapshots(), path})
    if (const NewestSnapshot newest = newest_valid(folder); newest.snapshot)
      return newest.snapshot->path;
  throw StoreError(
      "the folder holds no weights", path.string(),
      "name a run folder, a folder of snapshots or a .safetensors file");
}

}  // namespace ocelli::train
