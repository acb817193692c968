// restore_report: what an earlier page shows, so that a resumed run goes on with its charts.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <exception>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/eval/picture.hpp"
#include "ocelli/train/file.hpp"
#include "ocelli/train/report_data.hpp"

namespace ocelli::train {

namespace detail {

inline double number_or_nan(const nlohmann::json& value) {
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

inline ReportFound restored_found(const nlohmann::json& saved, const ReportPicture& picture) {
  ReportFound found{.score = number_or_nan(saved.at("s"))};
  const auto pixels = [](const nlohmann::json& part, int size) {
    return static_cast<float>(part.get<double>() / 10'000 * size);
  };
  for (const nlohmann::json& d : saved.at("d"))
    found.detections.push_back(
        {{pixels(d.at(2), picture.height), pixels(d.at(3), picture.width),
          pixels(d.at(4), picture.height), pixels(d.at(5), picture.width)},
         d.at(0).get<int>(),
         static_cast<float>(d.at(1).get<double>() / 1000)});
  return found;
}

inline void restore(const nlohmann::json& saved, long last_step, ReportData& report) {
  std::vector<ReportLog> lines;
  const nlohmann::json& log = saved.at("log");
  for (std::size_t i = 0; i < log.at("step").size(); ++i) {
    const auto at = [&](const char* name) { return number_or_nan(log.at(name).at(i)); };
    const long step = log.at("step").at(i);
    if (step <= last_step)
      lines.push_back(
          {step, at("epoch"), at("loss"), at("classification"), at("localization"),
           at("regularization"), at("learning_rate"), at("images_per_second"), at("data_wait")});
  }
  std::vector<ReportEvaluation> evaluations;
  for (const nlohmann::json& row : saved.at("evaluations")) {
    ReportEvaluation evaluation{.step = row.at("step").get<long>()};
    if (evaluation.step > last_step) continue;
    for (std::size_t i = 0; i < evaluation.numbers.size(); ++i)
      evaluation.numbers[i] = number_or_nan(row.at("n").at(i));
    for (const nlohmann::json& number : row.at("c"))
      evaluation.class_ap50.push_back(number_or_nan(number));
    evaluations.push_back(evaluation);
  }
  const nlohmann::json& pictures = saved.at("book").at("pictures");
  bool same = pictures.size() == report.pictures.size();
  for (std::size_t i = 0; same && i < pictures.size(); ++i)
    same = pictures[i].at("key") == report.pictures[i].key &&
           pictures[i].at("h") == report.pictures[i].height &&
           pictures[i].at("w") == report.pictures[i].width;
  std::vector<ReportPage> pages;
  for (const nlohmann::json& row : saved.at("book").at("pages")) {
    ReportPage page{.step = row.at("step").get<long>()};
    if (!same || page.step > last_step) continue;
    for (std::size_t i = 0; i < pictures.size(); ++i)
      page.found.push_back(restored_found(row.at("p").at(i), report.pictures[i]));
    pages.push_back(page);
  }
  report.log = std::move(lines);
  report.evaluations = std::move(evaluations);
  report.pages = std::move(pages);
}

}  // namespace detail

/// Reads log, evaluations and the Flip Book's pages up to a step from a page that write_report
/// wrote. Pages come back only when `report.pictures`, set before, are those of the saved book.
/// Numbers have the digits that the page shows: six, scores three, boxes a ten-thousandth of the
/// picture.
/// @return false when there is no such file; `report` is then as it was
/// Throws DataError when the file is no such page.
inline bool restore_report(const std::filesystem::path& path, long last_step, ReportData& report) {
  if (!std::filesystem::exists(path)) return false;
  const std::string html = read_file(path);
  const std::string mark = "id=\"data\">";
  const std::size_t found = html.find(mark), begin = found + mark.size();
  try {
    if (found == std::string::npos) throw DataError("it holds no data");
    const std::size_t end = html.find("</script>", begin);
    const auto first = html.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto last =
        end == std::string::npos ? html.end() : html.begin() + static_cast<std::ptrdiff_t>(end);
    detail::restore(nlohmann::json::parse(first, last), last_step, report);
  } catch (const std::exception& fault) {
    throw DataError(
        std::string("this is no report that can be gone on with (") + fault.what() + ")",
        path.string(), "move it away; a new one is then begun");
  }
  return true;
}

}  // namespace ocelli::train
