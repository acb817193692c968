// FlipBook: the same pictures at every evaluation, kept in the run folder so that a resumed run's
// book is whole.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ocelli/data/cache.hpp"
#include "ocelli/train/evaluate.hpp"
#include "ocelli/train/report_data.hpp"
#include "ocelli/train/report_evaluation.hpp"
#include "ocelli/train/snapshot.hpp"

namespace ocelli::train {

/// The pages on disk: RUN/flipbook/step-00001000.json.
class FlipBook {
 public:
  /// Chooses up to `limit` pictures, evenly over the data set. Pages of later steps than `step`,
  /// left by a run that was killed, are removed; -1 removes all.
  FlipBook(
      std::filesystem::path folder, const data::Dataset& dataset, const data::ImageCache& cache,
      std::size_t limit, long step, data::TargetKind task = data::TargetKind::boxes)
      : folder_(std::move(folder)) {
    const std::vector<std::size_t> all = evaluable_pictures(dataset, cache, task);
    const std::size_t count = std::min(limit, all.size());
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t picture = all[i * all.size() / count];
      chosen_.push_back(picture);
      pictures_.push_back(report_picture(dataset, cache, picture, task));
    }
    make_folder(folder_);
    std::error_code code;
    for (const auto& entry : std::filesystem::directory_iterator(folder_, code)) {
      const std::string stem = entry.path().stem().string();
      const auto at = snapshot_step(stem + ".safetensors");
      if (!at || entry.path().extension() != ".json") continue;
      if (*at > step || !read_page(entry.path(), *at)) std::filesystem::remove(entry.path(), code);
    }
    std::sort(pages_.begin(), pages_.end(), [](const ReportPage& a, const ReportPage& b) {
      return a.step < b.step;
    });
  }

  /// Adds and stores the page of an evaluation: what was found in each picture of chosen().
  void add(long step, std::vector<ReportFound> in_pictures) {
    ReportPage page;
    page.step = step;
    page.found = std::move(in_pictures);
    nlohmann::json json = nlohmann::json::array();
    for (const ReportFound& found : page.found) {
      nlohmann::json boxes = nlohmann::json::array();
      for (const eval::DetectedBox& d : found.detections)
        boxes.push_back({d.label, d.score, d.box.ymin, d.box.xmin, d.box.ymax, d.box.xmax});
      json.push_back({{"score", found.score}, {"boxes", std::move(boxes)}});
    }
    std::string name = snapshot_name(step);
    name = name.substr(0, name.find('.')) + ".json";
    write_file(folder_ / name, json.dump() + "\n");
    std::erase_if(pages_, [&](const ReportPage& old) { return old.step == step; });
    pages_.push_back(std::move(page));
  }

  /// Positions of the book's pictures in the data set.
  const std::vector<std::size_t>& chosen() const { return chosen_; }
  const std::vector<ReportPicture>& pictures() const { return pictures_; }
  const std::vector<ReportPage>& pages() const { return pages_; }

 private:
  bool read_page(const std::filesystem::path& path, long step) {
    const auto json = nlohmann::json::parse(read_file(path), nullptr, false);
    if (!json.is_array() || json.size() != chosen_.size()) return false;
    ReportPage page;
    page.step = step;
    try {
      for (const auto& one : json) {
        ReportFound found;
        found.score = one.at("score").get<double>();
        for (const auto& b : one.at("boxes"))
          found.detections.push_back(
              {{b.at(2).get<float>(), b.at(3).get<float>(), b.at(4).get<float>(),
                b.at(5).get<float>()},
               b.at(0).get<int>(),
               b.at(1).get<float>()});
        page.found.push_back(std::move(found));
      }
    } catch (const nlohmann::json::exception&) {
      return false;
    }
    pages_.push_back(std::move(page));
    return true;
  }

  std::filesystem::path folder_;
  std::vector<std::size_t> chosen_;
  std::vector<ReportPicture> pictures_;
  std::vector<ReportPage> pages_;
};

}  // namespace ocelli::train
