// Snapshots: the whole state of a training by name, written so that a kill at any moment leaves the
// one before it readable, and loaded into a net that may differ.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/core/file.hpp"
#include "ocelli/train/safetensors_file.hpp"

namespace ocelli::train {

/// A tensor of the state: written from `data`, or filled by loading.
struct SnapshotTensor {
  std::string name;
  TensorDtype dtype = TensorDtype::f32;
  TensorShape shape;
  void* data = nullptr;
};

inline std::vector<TensorView> as_views(std::span<const SnapshotTensor> tensors) {
  std::vector<TensorView> views;
  views.reserve(tensors.size());
  for (const SnapshotTensor& tensor : tensors)
    views.push_back({tensor.name, tensor.dtype, tensor.shape, tensor.data});
  return views;
}

/// "step-00001000.safetensors".
inline std::string snapshot_name(long step) {
  char text[64];
  std::snprintf(text, sizeof text, "step-%08ld.safetensors", step);
  return text;
}

/// The step in a file name of that form, or nothing.
inline std::optional<long> snapshot_step(std::string_view name) {
  constexpr std::string_view front = "step-", back = ".safetensors";
  if (!name.starts_with(front) || !name.ends_with(back)) return {};
  if (name.size() <= front.size() + back.size()) return {};
  const std::string_view digits =
      name.substr(front.size(), name.size() - front.size() - back.size());
  long step = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), step);
  if (fault != std::errc() || end != digits.data() + digits.size() || step < 0) return {};
  return step;
}

struct SnapshotFile {
  std::filesystem::path path;
  long step = 0;
};

/// The snapshots of a folder by falling step (by number: 1000 is after 900). None when there is no
/// such folder.
inline std::vector<SnapshotFile> list_snapshots(const std::filesystem::path& folder) {
  std::vector<SnapshotFile> files;
  std::error_code code;
  for (const auto& entry : std::filesystem::directory_iterator(folder, code))
    if (const auto step = snapshot_step(entry.path().filename().string()))
      files.push_back({entry.path(), *step});
  std::sort(files.begin(), files.end(), [](const SnapshotFile& a, const SnapshotFile& b) {
    return a.step != b.step ? a.step > b.step : a.path < b.path;
  });
  return files;
}

/// Writes `folder`/step-XXXXXXXX.safetensors atomically, with "step" added to the metadata. The
/// same state gives the same bytes. A failing drive is tried again. Throws StoreError; older
/// snapshots are untouched then.
inline std::filesystem::path write_snapshot(
    const std::filesystem::path& folder, long step, std::span<const SnapshotTensor> tensors,
    Metadata metadata = {}, Retry retry = {}) {
  metadata["step"] = std::to_string(step);
  const std::filesystem::path path = folder / snapshot_name(step);
  const std::vector<TensorView> views = as_views(tensors);
  with_retry(retry, [&] {
    make_folder(folder);
    return write_safetensors(path, views, metadata);
  });
  return path;
}

/// A snapshot that was read and found whole.
struct FoundSnapshot {
  std::filesystem::path path;
  long step = 0;
  SafetensorsReader reader;
};

struct NewestSnapshot {
  std::optional<FoundSnapshot> snapshot;
  std::vector<std::string> warnings;  ///< one for each newer file that was passed over
};

/// The newest snapshot of a folder that reads back whole and holds the step its name says.
inline NewestSnapshot newest_valid(const std::filesystem::path& folder) {
  NewestSnapshot found;
  for (const SnapshotFile& file : list_snapshots(folder)) {
    try {
      SafetensorsReader reader(file.path);
      if (!reader.header().checksummed || reader.metadata("step") != std::to_string(file.step))
        throw CheckpointError(
            "the file is not the snapshot that its name says", file.path.string(), "remove it");
      found.snapshot.emplace(FoundSnapshot{file.path, file.step, std::move(reader)});
      return found;
    } catch (const Error& error) {
      found.warnings.push_back(std::string("passed over a snapshot: ") + error.what());
    }
  }
  return found;
}

/// Puts snapshots beyond `step` aside as NAME.aside: those that newest_valid() passed over must not
/// count among the newest when older ones are removed. Returns their new paths.
inline std::vector<std::filesystem::path> set_aside_beyond(
    const std::filesystem::path& folder, long step) {
  std::vector<std::filesystem::path> moved;
  for (const SnapshotFile& file : list_snapshots(folder)) {
    if (file.step <= step) continue;
    std::filesystem::path target = file.path;
    target += ".aside";
    std::error_code code;
    std::filesystem::rename(file.path, target, code);
    if (code) file_detail::fail("renaming", file.path, code.value());
    moved.push_back(target);
  }
  return moved;
}

/// Removes all but the `keep` (>= 1) snapshots of the highest steps. Returns what was removed; a
/// file that cannot be removed stays and is tried again next time.
inline std::vector<std::filesystem::path> keep_newest(
    const std::filesystem::path& folder, std::size_t keep) {
  if (keep < 1) throw ConfigError("at least one snapshot must be kept", "keep", "use 1 or more");
  std::vector<std::filesystem::path> removed;
  const std::vector<SnapshotFile> files = list_snapshots(folder);
  for (std::size_t k = keep; k < files.size(); ++k) {
    std::error_code code;
    if (std::filesystem::remove(files[k].path, code)) removed.push_back(files[k].path);
  }
  return removed;
}

/// What became of each tensor.
struct LoadReport {
  struct Reset {
    std::string name, in_file, here;  ///< "F32[3,3]"
  };
  std::vector<std::string> matched;     ///< loaded
  std::vector<Reset> reset;             ///< in both, but of another shape or kind: left as it was
  std::vector<std::string> missing;     ///< not in the file: left as it was
  std::vector<std::string> unexpected;  ///< in the file alone

  bool complete() const { return reset.empty() && missing.empty(); }

  /// One line of counts, then up to `names` names of each kind that is not matched.
  std::string summary(std::size_t names = 8) const {
    std::string text = std::to_string(matched.size()) + " matched, " +
                       std::to_string(reset.size()) + " reset, " + std::to_string(missing.size()) +
                       " missing, " + std::to_string(unexpected.size()) + " unexpected\n";
    const auto list = [&](const char* word, const auto& items, const auto& line) {
      for (std::size_t k = 0; k < items.size() && k < names; ++k)
        text += std::string("  ") + word + " " + line(items[k]) + "\n";
      if (items.size() > names)
        text += std::string("  ") + word + ": " + std::to_string(items.size() - names) + " more\n";
    };
    const auto plain = [](const std::string& name) { return name; };
    list("reset", reset, [](const Reset& item) {
      return item.name + ": " + item.in_file + " in the file, " + item.here + " here";
    });
    list("missing", missing, plain);
    list("unexpected", unexpected, plain);
    return text;
  }
};

/// Fills `tensors` by name from a file; what does not fit is left as it is and reported. A tensor
/// of equal shape and another floating-point type is converted when the target is F32 or F64.
/// @param file_name  maps a target's name to the file's ("conv/weight" -> "ema/conv/weight")
/// @param wanted     false for names of the file that nobody expects here, so that they are no news
inline LoadReport load_tensors(
    const SafetensorsReader& reader, std::span<const SnapshotTensor> tensors,
    const std::function<std::string(const std::string&)>& file_name = {},
    const std::function<bool(const std::string&)>& wanted = {}) {
  LoadReport report;
  std::unordered_set<std::string> used;
  const auto is_float = [](TensorDtype dtype) { return dtype <= TensorDtype::bf16; };
  const auto described = [](TensorDtype dtype, const TensorShape& shape) {
    return std::string(info_of(dtype).name) + shape_text(shape);
  };
  for (const SnapshotTensor& tensor : tensors) {
    const std::string name = file_name ? file_name(tensor.name) : tensor.name;
    const TensorEntry* entry = reader.find(name);
    if (entry == nullptr) {
      report.missing.push_back(tensor.name);
      continue;
    }
    used.insert(name);
    const auto count = static_cast<std::size_t>(entry->count());
    if (entry->shape != tensor.shape) {
      report.reset.push_back(
          {tensor.name, described(entry->dtype, entry->shape),
           described(tensor.dtype, tensor.shape)});
    } else if (entry->dtype == tensor.dtype) {
      const std::string_view bytes = reader.data(*entry);
      if (!bytes.empty()) std::memcpy(tensor.data, bytes.data(), bytes.size());
      report.matched.push_back(tensor.name);
    } else if (is_float(entry->dtype) && tensor.dtype == TensorDtype::f32) {
      reader.read_floats(*entry, std::span(static_cast<float*>(tensor.data), count));
      report.matched.push_back(tensor.name);
    } else if (is_float(entry->dtype) && tensor.dtype == TensorDtype::f64) {
      reader.read_floats(*entry, std::span(static_cast<double*>(tensor.data), count));
      report.matched.push_back(tensor.name);
    } else {
      report.reset.push_back(
          {tensor.name, described(entry->dtype, entry->shape),
           described(tensor.dtype, tensor.shape)});
    }
  }
  for (const TensorEntry& entry : reader.tensors())
    if (!used.contains(entry.name) && (!wanted || wanted(entry.name)))
      report.unexpected.push_back(entry.name);
  return report;
}

}  // namespace ocelli::train
