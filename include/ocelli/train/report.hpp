// The report: report/index.html, one page without network that shows how a training went.
//
// Headline numbers, the Flip Book (the same pictures at every snapshot, turned like pages), curves
// over time, precision against recall, confusion, classes, and galleries of pictures. The data is
// JSON in the page (report_json.hpp), drawn by the page's own script (report_page.hpp). Each
// picture is embedded as the JPEG bytes it is given with, so that writing costs little more than a
// copy.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "ocelli/core/error.hpp"
#include "ocelli/core/file.hpp"
#include "ocelli/train/report_data.hpp"
#include "ocelli/train/report_json.hpp"
#include "ocelli/train/report_page.hpp"

namespace ocelli::train {

namespace detail {

inline void check_report(const ReportData& report) {
  const auto require = [](bool holds, const std::string& what, const char* advice) {
    if (!holds) throw ConfigError(what, "report", advice);
  };
  const std::size_t classes = report.labels.size();
  const bool boxes = report.task == data::TargetKind::boxes;
  const std::size_t side = boxes ? classes + 1 : classes;
  require(
      report.confusion.empty() || report.confusion.size() == side * side,
      "the confusion matrix has " + std::to_string(report.confusion.size()) + " cells for " +
          std::to_string(classes) + " classes",
      boxes ? "give (C + 1)^2 counts" : "give C^2 counts");
  long last = -1;
  for (const ReportPage& page : report.pages) {
    require(
        page.found.size() == report.pictures.size(),
        "the page of step " + std::to_string(page.step) + " has " +
            std::to_string(page.found.size()) + " pictures, the book " +
            std::to_string(report.pictures.size()),
        "give every page a result for each picture of the book");
    require(page.step > last, "the pages' steps do not rise", "sort the pages by step");
    last = page.step;
  }
}

}  // namespace detail

/// The page as text. Throws ConfigError when sizes do not fit each other.
inline std::string report_html(const ReportData& report) {
  detail::check_report(report);
  std::string html;
  html += detail::kReportHead;
  for (std::string_view part : detail::kReportStyle) html += part;
  html += detail::kReportBody;
  html += detail::report_json(report);
  html += detail::kReportDataEnd;
  for (std::string_view part : detail::kReportScripts) html += part;
  html += detail::kReportEnd;
  return html;
}

/// Writes the page in one piece: a reader sees the old one or the new one. Makes the folder.
/// @param path  "RUN/report/index.html"
inline void write_report(const std::filesystem::path& path, const ReportData& report) {
  const std::string html = report_html(report);
  make_folder(file_detail::folder_of(path));
  write_file(path, html, Durability::buffered);
}

}  // namespace ocelli::train
