// A check report as text for a terminal, and as JSON.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ocelli/data/check.hpp"
#include "ocelli/data/findings.hpp"

namespace ocelli::data {

namespace detail {
inline std::string padded(std::string text, std::size_t width, bool right = false) {
  if (text.size() >= width) return text;
  const std::string blanks(width - text.size(), ' ');
  return right ? blanks + text : text + blanks;
}
}  // namespace detail

/// A page of text. @param limit  findings of each reason that are listed, others are counted
inline std::string to_text(const CheckReport& report, std::size_t limit = 20) {
  using detail::padded;
  std::string text = report.root + " (" + report.format + ")\n";
  const std::size_t all = report.labelled + report.negative + report.unlabelled;
  text += std::to_string(all) + " pictures: " + std::to_string(report.labelled) + " labelled, " +
          std::to_string(report.negative) + " negative, " + std::to_string(report.unlabelled) +
          " unlabelled; " + std::to_string(report.objects) + " objects, " +
          std::to_string(report.polygons) + " with outlines\n\n";

  std::size_t width = 5;
  for (const auto& row : report.classes) width = std::max(width, row.label.size());
  text += padded("class", width) + "  pictures  objects   objects by size in pixels\n" +
          padded("", width + 20);
  for (const int size : object_size_limits) text += padded("<" + std::to_string(size), 7, true);
  text += "   more\n";
  for (const auto& row : report.classes) {
    text += padded(row.label, width) + padded(std::to_string(row.pictures), 10, true) +
            padded(std::to_string(row.objects), 9, true) + " ";
    for (const std::size_t count : row.sizes) text += padded(std::to_string(count), 7, true);
    if (row.tags > 0) text += "   and " + std::to_string(row.tags) + " whole pictures";
    text += "\n";
  }

  text += "\npicture sizes\n";
  std::vector<std::pair<std::size_t, std::pair<int, int>>> sizes;
  for (const auto& [size, count] : report.picture_sizes) sizes.push_back({count, size});
  std::stable_sort(
      sizes.begin(), sizes.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  for (std::size_t i = 0; i < sizes.size() && i < 10; ++i) {
    text += padded(std::to_string(sizes[i].first), 9, true) + " of " +
            std::to_string(sizes[i].second.first) + " x " + std::to_string(sizes[i].second.second) +
            "\n";
  }
  if (sizes.size() > 10)
    text += "          and " + std::to_string(sizes.size() - 10) + " other sizes\n";

  if (report.findings.empty()) return text + "\nno faults found\n";
  text += "\n";
  for (const auto& [key, count] : count_by_reason(report.findings)) {
    text +=
        std::string(to_string(key.first)) + " " + key.second + ": " + std::to_string(count) + "\n";
    std::size_t shown = 0;
    for (const Finding& finding : report.findings) {
      if (finding.severity != key.first || finding.reason != key.second) continue;
      if (++shown > limit) continue;
      text += "  " + (finding.where.empty() ? "" : finding.where + ": ") + finding.text + "\n";
    }
    if (shown > limit) text += "  and " + std::to_string(shown - limit) + " more\n";
  }
  return text;
}

/// Everything in the report. Bytes that are no UTF-8 are replaced.
inline std::string to_json(const CheckReport& report) {
  nlohmann::ordered_json json;
  json["root"] = report.root;
  json["format"] = report.format;
  json["labelled"] = report.labelled;
  json["negative"] = report.negative;
  json["unlabelled"] = report.unlabelled;
  json["objects"] = report.objects;
  json["polygons"] = report.polygons;
  json["object_size_limits"] = object_size_limits;
  json["classes"] = nlohmann::ordered_json::array();
  for (const auto& row : report.classes) {
    json["classes"].push_back(
        {{"label", row.label},
         {"pictures", row.pictures},
         {"objects", row.objects},
         {"difficult", row.difficult},
         {"crowd", row.crowd},
         {"tags", row.tags},
         {"sizes", row.sizes}});
  }
  json["picture_sizes"] = nlohmann::ordered_json::array();
  for (const auto& [size, count] : report.picture_sizes) {
    json["picture_sizes"].push_back(
        {{"width", size.first}, {"height", size.second}, {"pictures", count}});
  }
  json["objects_per_picture"] = nlohmann::ordered_json::object();
  for (const auto& [objects, count] : report.objects_per_picture) {
    json["objects_per_picture"][std::to_string(objects)] = count;
  }
  json["duplicates"] = report.duplicates;
  json["counts"] = nlohmann::ordered_json::object();
  for (const auto& [key, count] : count_by_reason(report.findings)) {
    json["counts"][to_string(key.first)][key.second] = count;
  }
  json["findings"] = nlohmann::ordered_json::array();
  for (const Finding& finding : report.findings) {
    json["findings"].push_back(
        {{"severity", to_string(finding.severity)},
         {"reason", finding.reason},
         {"where", finding.where},
         {"text", finding.text}});
  }
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace ocelli::data
