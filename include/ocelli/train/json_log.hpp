// JsonLog: log.jsonl, one JSON object a line, each with the step it belongs to.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/core/file.hpp"

namespace ocelli::train {

/// Appends whole lines, so that a reader or a kill never sees half of one that was acknowledged.
///
/// A step's lines must be appended before its snapshot is written: then, after a kill, the lines up
/// to the resumed step are all there, and those beyond it, which will be written again, are
/// removed.
class JsonLog {
 public:
  /// Opens the log of a training that goes on after `step`: lines of later steps and lines that are
  /// no JSON object with an integer "step" are removed. With -1 it begins empty. Throws StoreError.
  explicit JsonLog(std::filesystem::path path, long step = -1) : path_(std::move(path)) {
    cut(step);
    file_ = file_detail::Descriptor(
        ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666));
    if (!file_.valid()) file_detail::fail("opening", path_, errno);
  }

  /// Writes {"step": step, ...fields}. Numbers that JSON has no word for (NaN) become null. Throws
  /// StoreError.
  void append(long step, const nlohmann::ordered_json& fields) {
    nlohmann::ordered_json line = {{"step", step}};
    for (const auto& [key, value] : fields.items())
      if (key != "step") line[key] = value;
    const std::string text =
        line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    file_detail::write_all(file_.get(), text.data(), text.size(), path_);
  }
  /// Returns when the lines are on the drive.
  void flush() { file_detail::sync(file_.get(), path_); }

  /// Lines that were removed at the opening.
  std::size_t removed() const { return removed_; }

  /// The lines of a log. Broken ones, such as a last one cut short, are left out.
  static std::vector<nlohmann::ordered_json> read(const std::filesystem::path& path) {
    std::vector<nlohmann::ordered_json> lines;
    each_line(read_file(path), [&](std::string_view, nlohmann::ordered_json json) {
      if (step_of(json) >= 0) lines.push_back(std::move(json));
    });
    return lines;
  }

 private:
  /// -1 when this is no line of ours.
  static long step_of(const nlohmann::ordered_json& line) {
    if (!line.is_object()) return -1;
    const auto step = line.find("step");
    return step != line.end() && step->is_number_integer() ? step->get<long>() : -1;
  }
  /// Calls `work(text, json)` for each line; json is discarded when it does not parse.
  template <class Work>
  static void each_line(std::string_view text, const Work& work) {
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      const bool whole = end != std::string_view::npos;
      const std::string_view line = text.substr(0, whole ? end : text.size());
      text.remove_prefix(whole ? end + 1 : text.size());
      work(
          line, whole ? nlohmann::ordered_json::parse(line.begin(), line.end(), nullptr, false)
                      : nlohmann::ordered_json(nlohmann::ordered_json::value_t::discarded));
    }
  }
  void cut(long step) {
    std::error_code code;
    if (!std::filesystem::exists(path_, code)) return;
    std::string kept;
    each_line(read_file(path_), [&](std::string_view line, const nlohmann::ordered_json& json) {
      const long at = step_of(json);
      if (at >= 0 && at <= step) {
        kept.append(line).push_back('\n');
      } else {
        ++removed_;
      }
    });
    if (removed_ > 0) write_file(path_, kept);
  }

  std::filesystem::path path_;
  file_detail::Descriptor file_;
  std::size_t removed_ = 0;
};

}  // namespace ocelli::train
