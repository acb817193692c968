// check(): everything worth knowing about a data set before training on it.
//
// All findings of the reader; pictures that do not decode; pictures that are there twice; objects
// that are there twice; how many of each class, and how large. Two reports tell what two sets
// share.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/core/hash.hpp"
#include "ocelli/core/thread_pool.hpp"
#include "ocelli/data/dataset.hpp"
#include "ocelli/data/findings.hpp"
#include "ocelli/data/image.hpp"
#include "ocelli/data/read_progress.hpp"
#include "ocelli/data/source.hpp"

namespace ocelli::data {

struct CheckReport {
  struct Class {
    std::string label;
    std::size_t pictures = 0, objects = 0, difficult = 0, crowd = 0, tags = 0;
    /// Objects by the square root of their area in pixels: under 8, 16, 32, 64, 96, 128, 256, and
    /// more.
    std::array<std::size_t, 8> sizes{};
  };
  std::string root, format;
  std::size_t labelled = 0, negative = 0, unlabelled = 0, objects = 0, polygons = 0;
  std::vector<Class> classes;
  std::map<std::pair<int, int>, std::size_t> picture_sizes;  ///< (width, height) -> pictures
  std::map<std::size_t, std::size_t> objects_per_picture;    ///< of labelled ones and negatives
  std::vector<std::vector<std::string>> duplicates;          ///< keys of files with equal bytes
  std::vector<Finding> findings;                             ///< the reader's, then those of check
  std::map<std::string, std::uint64_t> hashes;               ///< key -> hash of the file's bytes

  std::size_t count(Finding::Severity severity) const {
    return static_cast<std::size_t>(std::count_if(
        findings.begin(), findings.end(),
        [&](const Finding& finding) { return finding.severity == severity; }));
  }
};

/// Upper ends of CheckReport::Class::sizes, pixels; the last class has none.
inline constexpr std::array<int, 7> object_size_limits = {8, 16, 32, 64, 96, 128, 256};

namespace detail {

/// What decoding one picture showed.
struct Inspected {
  std::uint64_t hash = 0;
  std::string fault;
};

inline Inspected inspect(const Picture& picture, const Source& source) {
  Inspected result;
  try {
    const std::vector<std::byte> bytes = source.read(picture.key);
    Hash64 hash;
    hash.update(bytes.data(), bytes.size());
    result.hash = hash.digest();
    const Image image = decode(bytes, picture.key);
    if (picture.width > 0 && (image.width != picture.width || image.height != picture.height)) {
      result.fault = picture.key + ": decodes to another size than its header says";
    }
  } catch (const std::exception& error) {
    if (!concerns_one_file(error)) throw;
    result.fault = error.what();
  }
  return result;
}

inline void count_objects(CheckReport& report, const Picture& picture, Findings& findings) {
  std::map<std::tuple<int, float, float, float, float>, std::size_t> seen;
  std::vector<bool> met(report.classes.size());
  for (const Object& object : picture.objects) {
    auto& row = report.classes[static_cast<std::size_t>(object.label) - 1];
    ++report.objects, ++row.objects;
    row.difficult += object.difficult, row.crowd += object.crowd;
    report.polygons += !object.polygon.empty();
    const float size = std::sqrt(object.box.area());
    std::size_t bin = 0;
    while (bin < object_size_limits.size() && size >= static_cast<float>(object_size_limits[bin]))
      ++bin;
    ++row.sizes[bin];
    if (!met[static_cast<std::size_t>(object.label) - 1]) ++row.pictures;
    met[static_cast<std::size_t>(object.label) - 1] = true;
    const PixelBox& b = object.box;
    if (++seen[{object.label, b.xmin, b.ymin, b.xmax, b.ymax}] == 2) {
      findings.note(
          "object_twice", picture.label_source,
          "\"" + picture.key + "\" has the same box of \"" + row.label + "\" twice");
    }
  }
  for (const int tag : picture.tags) ++report.classes[static_cast<std::size_t>(tag) - 1].tags;
}

}  // namespace detail

/// Reads and decodes every picture of a data set. @throws StoreError when the source fails
/// @param threads   0: as many as the machine has cores
/// @param progress  is told how the reading goes on
inline CheckReport check(
    const Dataset& data, const Source& source, int threads = 0, ReadObserver progress = {}) {
  CheckReport report;
  report.root = data.root, report.format = data.format, report.findings = data.findings;
  for (const std::string& label : data.labels) {
    report.classes.emplace_back();
    report.classes.back().label = label;
  }
  Findings findings(report.findings, false);
  std::vector<detail::Inspected> inspected(data.pictures.size());
  std::vector<ReadAhead> ahead;
  for (const Picture& picture : data.pictures) ahead.push_back({picture.key});
  source.prefetch(ahead);
  ReadMeter meter(std::move(progress), source, data.pictures.size());
  std::exception_ptr fault;
  std::mutex fault_lock;
  std::atomic<bool> stopped{false};
  ThreadPool pool(threads);
  pool.for_each(static_cast<long>(data.pictures.size()), [&](long i, int) {
    if (stopped) return;
    const auto place = static_cast<std::size_t>(i);
    try {
      inspected[place] = detail::inspect(data.pictures[place], source);
      meter.add();
    } catch (...) {  // tasks of the pool must not throw
      const std::lock_guard lock(fault_lock);
      if (!stopped.exchange(true)) fault = std::current_exception();
    }
  });
  if (fault) std::rethrow_exception(fault);
  std::map<std::uint64_t, std::vector<std::string>> by_hash;
  for (std::size_t i = 0; i < data.pictures.size(); ++i) {
    const Picture& picture = data.pictures[i];
    ++(picture.state == PictureState::labelled   ? report.labelled
       : picture.state == PictureState::negative ? report.negative
                                                 : report.unlabelled);
    ++report.picture_sizes[{picture.width, picture.height}];
    if (picture.state != PictureState::unlabelled) {
      ++report.objects_per_picture[picture.objects.size()];
    }
    detail::count_objects(report, picture, findings);
    if (!inspected[i].fault.empty()) {
      findings.error(unreadable_reason, picture.key, inspected[i].fault);
    } else {
      report.hashes[picture.key] = inspected[i].hash;
      by_hash[inspected[i].hash].push_back(picture.key);
    }
  }
  for (auto& [hash, keys] : by_hash) {
    if (keys.size() < 2) continue;
    findings.note(
        "picture_content_twice", keys[0],
        "the same picture as \"" + keys[1] + "\"" +
            (keys.size() > 2 ? " and " + std::to_string(keys.size() - 2) + " more" : ""));
    report.duplicates.push_back(std::move(keys));
  }
  for (const auto& row : report.classes) {
    if (row.objects + row.tags == 0) {
      findings.note("class_unused", data.root, "no picture has the label \"" + row.label + "\"");
    }
  }
  return report;
}

/// A picture that two data sets share: measures of one then say nothing about the other.
struct Leak {
  std::string first, second;  ///< keys, equal or with equal bytes
};

/// Pictures of `first` that are also in `second`, by content, or by key below the same root.
inline std::vector<Leak> find_leaks(const CheckReport& first, const CheckReport& second) {
  std::map<std::uint64_t, std::string> known;
  for (const auto& [key, hash] : first.hashes) known.emplace(hash, key);
  std::vector<Leak> leaks;
  for (const auto& [key, hash] : second.hashes) {
    if (const auto found = known.find(hash); found != known.end()) {
      leaks.push_back({found->second, key});
    } else if (first.root == second.root && first.hashes.contains(key)) {
      leaks.push_back({key, key});
    }
  }
  return leaks;
}

}  // namespace ocelli::data
