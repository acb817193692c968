// MulticlassNms: NMS of each class by itself, then one list of detections.
//
//   per class   NMS (nms.hpp) on unclipped boxes, at most max_detections_per_class
//   join        by falling score; ties: class order, then NMS order
//   clip        to the window; boxes without area are dropped
//   keep        the first max_total_detections
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "ocelli/box/box.hpp"
#include "ocelli/box/nms.hpp"
#include "ocelli/core/error.hpp"

namespace ocelli {

struct MulticlassNmsOptions {
  double score_threshold = 0.3;  ///< candidates score above it; 1e-8 to measure mAP
  double iou_threshold = 0.6;
  int max_detections_per_class = 100;  ///< at most max_total_detections
  int max_total_detections = 100;
  bool change_coordinate_frame = false;  ///< express the boxes in the window: it becomes [0,0,1,1]

  /// Throws ConfigError.
  void check() const {
    NmsOptions{iou_threshold, score_threshold, max_detections_per_class}.check();
    if (max_total_detections < 1 || max_detections_per_class > max_total_detections)
      throw ConfigError(
          "nms: max_detections_per_class is " + std::to_string(max_detections_per_class) +
              ", max_total_detections " + std::to_string(max_total_detections),
          "second_stage_max_detections_per_class",
          "give at most as many detections a class as in total");
  }
};

/// One output, in the frame of the window.
template <class T>
struct ClassDetection {
  BoxOf<T> box;
  T score = 0;
  std::int32_t class_index = 0;  ///< 0-based: label - 1
  std::int32_t source = 0;       ///< row of the box
};

/// Options and work space for one call at a time; calls allocate nothing.
template <class T>
class MulticlassNms {
 public:
  /// @param rows  most boxes a call. Throws ConfigError for options out of range.
  MulticlassNms(int rows, int classes, const MulticlassNmsOptions& options = {})
      : options_(options),
        rows_(rows),
        classes_(classes),
        per_class_(std::min(rows, options.max_detections_per_class)),
        workspace_(rows, options.max_detections_per_class),
        selected_(static_cast<std::size_t>(per_class_)),
        sources_(static_cast<std::size_t>(per_class_) * static_cast<std::size_t>(classes)),
        joined_(sources_.size()) {
    options.check();
  }

  const MulticlassNmsOptions& options() const { return options_; }
  int max_detections() const { return options_.max_total_detections; }

  /// @param boxes    [rows] shared by all classes, or [rows, classes] with class_boxes
  /// @param scores   [classes, rows]: a class's scores side by side
  /// @param out      [max_detections()], by falling score
  /// @return the number written
  int operator()(
      const BoxOf<T>* boxes, bool class_boxes, const T* scores, int rows, const BoxOf<T>& window,
      ClassDetection<T>* out) {
    if (rows > rows_)
      throw ShapeError(
          "nms: " + std::to_string(rows) + " boxes do not fit the work space of " +
              std::to_string(rows_),
          "", "make it for the largest call");
    const NmsOptions nms_options{
        options_.iou_threshold, options_.score_threshold, options_.max_detections_per_class};
    const auto box_of = [&](std::int32_t row, int c) -> const BoxOf<T>& {
      return class_boxes ? boxes[static_cast<long>(row) * classes_ + c] : boxes[row];
    };
    const T threshold = static_cast<T>(options_.score_threshold);
    std::int32_t joined = 0;
    for (int c = 0; c < classes_; ++c) {
      const T* class_scores = scores + static_cast<long>(c) * rows;
      int candidates = 0;
      for (int row = 0; row < rows; ++row)
        if (class_scores[row] > threshold)
          workspace_.candidates()[candidates++] = {class_scores[row], row};
      if (candidates == 0) continue;
      const int kept = detail::nms_candidates<T>(
          candidates, [&](std::int32_t row) { return box_of(row, c); }, nms_options, workspace_,
          selected_.data());
      for (int k = 0; k < kept; ++k, ++joined) {
        const std::int32_t row = selected_[static_cast<std::size_t>(k)];
        sources_[static_cast<std::size_t>(joined)] = {row, c};
        joined_[static_cast<std::size_t>(joined)] = {class_scores[row], joined};
      }
    }
    std::sort(joined_.begin(), joined_.begin() + joined);
    int count = 0;
    for (std::int32_t i = 0; i < joined && count < options_.max_total_detections; ++i) {
      const Candidate<T> candidate = joined_[static_cast<std::size_t>(i)];
      const Source source = sources_[static_cast<std::size_t>(candidate.index)];
      const BoxOf<T> box = clipped(box_of(source.row, source.class_index), window);
      if (!(box.area() > 0)) continue;
      out[count++] = {
          options_.change_coordinate_frame ? in_frame(box, window) : box, candidate.score,
          source.class_index, source.row};
    }
    return count;
  }

 private:
  struct Source {
    std::int32_t row = 0, class_index = 0;
  };

  static BoxOf<T> clipped(const BoxOf<T>& box, const BoxOf<T>& window) {
    return {
        std::clamp(box.ymin, window.ymin, window.ymax),
        std::clamp(box.xmin, window.xmin, window.xmax),
        std::clamp(box.ymax, window.ymin, window.ymax),
        std::clamp(box.xmax, window.xmin, window.xmax)};
  }
  static BoxOf<T> in_frame(const BoxOf<T>& box, const BoxOf<T>& window) {
    return {
        (box.ymin - window.ymin) / window.height(), (box.xmin - window.xmin) / window.width(),
        (box.ymax - window.ymin) / window.height(), (box.xmax - window.xmin) / window.width()};
  }

  MulticlassNmsOptions options_;
  int rows_, classes_, per_class_;
  NmsWorkspace<T> workspace_;
  std::vector<std::int32_t> selected_;
  std::vector<Source> sources_;
  std::vector<Candidate<T>> joined_;
};

}  // namespace ocelli
