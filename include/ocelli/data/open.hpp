// open(): a data set from a path, its format recognised.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/data/dataset.hpp"
#include "ocelli/data/findings.hpp"
#include "ocelli/data/reader.hpp"
#include "ocelli/data/source.hpp"
#include "ocelli/data/text.hpp"
#include "ocelli/data/voc.hpp"

namespace ocelli::data {

using OpenOptions = ReadOptions;

namespace detail {
/// Throws when labels could not be trusted; what was repaired or dropped is left in the findings.
inline void refuse_faulty(const Dataset& data) {
  std::size_t errors = 0;
  std::string text;
  for (const Finding& finding : data.findings) {
    if (finding.severity != Finding::Severity::error) continue;
    if (++errors <= 5) text += "\n  " + finding.where + ": " + finding.text;
  }
  if (errors == 0) return;
  if (errors > 5) text += "\n  and " + std::to_string(errors - 5) + " more";
  throw DataError(
      std::to_string(errors) + " faults in the labels:" + text, data.root,
      "correct them (`ocelli check` lists all), or keep going without these pictures");
}

inline Dataset open_source(const Source& source, const OpenOptions& options) {
  Dataset data = read_voc(source, options);
  if (!options.keep_going) refuse_faulty(data);
  return data;
}
}  // namespace detail

/// The data set in a folder.
inline Dataset open(const std::string& path, const OpenOptions& options = {}) {
  return detail::open_source(FolderSource(path), options);
}

}  // namespace ocelli::data
