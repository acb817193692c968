// EvaluatedPicture: the ground truth and the detections of one picture, as every metric reads them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "ocelli/box/box.hpp"
#include "ocelli/core/error.hpp"

namespace ocelli::eval {

/// One labelled object, in pixels of the original picture.
struct GroundTruth {
  PixelBox box;
  int label = 0;           ///< 1..C
  bool crowd = false;      ///< a region that absorbs detections and is never missed
  bool difficult = false;  ///< Pascal VOC; counted unless the metric is told to ignore it
  double area = -1;        ///< pixels^2, of the mask where there is one; negative: the box's area
};

/// One detection, in pixels of the original picture.
struct DetectedBox {
  PixelBox box;
  int label = 0;    ///< 1..C
  float score = 0;  ///< higher is surer
};

struct EvaluatedPicture {
  std::int64_t id = 0;
  std::vector<GroundTruth> truths{};
  std::vector<DetectedBox> detections{};
};

/// width * height in double, as the COCO code computes it.
inline double box_area(const PixelBox& box) {
  return (static_cast<double>(box.xmax) - static_cast<double>(box.xmin)) *
         (static_cast<double>(box.ymax) - static_cast<double>(box.ymin));
}

/// The area that decides between small, medium and large.
inline double truth_area(const GroundTruth& truth) {
  return truth.area < 0 ? box_area(truth.box) : truth.area;
}

/// Common area of two boxes, pixels^2; 0 where they do not overlap.
inline double intersection_area(const PixelBox& a, const PixelBox& b) {
  const double width =
      static_cast<double>(std::min(a.xmax, b.xmax)) - static_cast<double>(std::max(a.xmin, b.xmin));
  const double height =
      static_cast<double>(std::min(a.ymax, b.ymax)) - static_cast<double>(std::max(a.ymin, b.ymin));
  return width <= 0 || height <= 0 ? 0.0 : width * height;
}

/// Overlap of a detection with a ground truth: intersection over union; against a crowd,
/// intersection over the detection's own area.
inline double overlap(const PixelBox& detection, const GroundTruth& truth) {
  const double common = intersection_area(detection, truth.box);
  if (common <= 0) return 0.0;
  const double own = box_area(detection);
  return common / (truth.crowd ? own : own + box_area(truth.box) - common);
}

/// Throws DataError unless labels are in 1..classes, boxes and scores finite, and corners in order.
inline void check_picture(
    std::int64_t id, int classes, const std::vector<GroundTruth>& truths,
    const std::vector<DetectedBox>& detections) {
  const auto check = [&](const PixelBox& box, int label, const char* kind, std::size_t at) {
    const std::string where =
        "picture " + std::to_string(id) + ", " + kind + " " + std::to_string(at + 1);
    if (label < 1 || label > classes)
      throw DataError(
          "label " + std::to_string(label) + " is outside 1.." + std::to_string(classes), where,
          "evaluate with the list of labels that the boxes were written with");
    if (!std::isfinite(box.ymin) || !std::isfinite(box.xmin) || !std::isfinite(box.ymax) ||
        !std::isfinite(box.xmax))
      throw DataError(
          "the box is not finite", where, "look for a diverged training or a broken label");
    if (box.ymax < box.ymin || box.xmax < box.xmin)
      throw DataError(
          "the box's corners are not in order", where, "give ymin <= ymax and xmin <= xmax");
  };
  for (std::size_t g = 0; g < truths.size(); ++g)
    check(truths[g].box, truths[g].label, "ground truth", g);
  for (std::size_t d = 0; d < detections.size(); ++d) {
    check(detections[d].box, detections[d].label, "detection", d);
    if (!std::isfinite(detections[d].score))
      throw DataError(
          "the score is not finite",
          "picture " + std::to_string(id) + ", detection " + std::to_string(d + 1),
          "look for a diverged training");
  }
}

}  // namespace ocelli::eval
