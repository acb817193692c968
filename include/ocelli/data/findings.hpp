// Findings: what a reader met in labels, counted by reason; in strict mode the first fault stops
// it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/data/dataset.hpp"

namespace ocelli::data {

constexpr const char* to_string(Finding::Severity severity) {
  switch (severity) {
    case Finding::Severity::note:
      return "note";
    case Finding::Severity::repaired:
      return "repaired";
    case Finding::Severity::dropped:
      return "dropped";
    case Finding::Severity::error:
      return "error";
  }
  return "error";
}

/// The reason of the finding for a picture that cannot be read.
inline constexpr const char* unreadable_reason = "picture_unreadable";

/// Appends to a data set's list of findings.
///
/// note      worth knowing; nothing was changed
/// repaired  read, after a change: swapped corners, a box that was clipped
/// dropped   an object or entry that cannot be used
/// error     labels that cannot be trusted or read at all; the picture is left unlabelled
class Findings {
 public:
  /// @param strict  throw a DataError for everything but notes
  explicit Findings(std::vector<Finding>& list, bool strict) : list_(&list), strict_(strict) {}

  void note(std::string reason, std::string where, std::string text) {
    add(Finding::Severity::note, std::move(reason), std::move(where), std::move(text));
  }
  void repaired(std::string reason, std::string where, std::string text) {
    add(Finding::Severity::repaired, std::move(reason), std::move(where), std::move(text));
  }
  void dropped(std::string reason, std::string where, std::string text) {
    add(Finding::Severity::dropped, std::move(reason), std::move(where), std::move(text));
  }
  void error(std::string reason, std::string where, std::string text) {
    add(Finding::Severity::error, std::move(reason), std::move(where), std::move(text));
  }

 private:
  void add(Finding::Severity severity, std::string reason, std::string where, std::string text) {
    if (strict_ && severity != Finding::Severity::note) {
      throw DataError(text, where, "correct it, or read without strict");
    }
    list_->push_back({severity, std::move(reason), std::move(where), std::move(text)});
  }

  std::vector<Finding>* list_;
  bool strict_;
};

/// How often each reason occurs, by (severity, reason).
inline std::map<std::pair<Finding::Severity, std::string>, std::size_t> count_by_reason(
    const std::vector<Finding>& findings) {
  std::map<std::pair<Finding::Severity, std::string>, std::size_t> counts;
  for (const Finding& finding : findings) ++counts[{finding.severity, finding.reason}];
  return counts;
}

}  // namespace ocelli::data
