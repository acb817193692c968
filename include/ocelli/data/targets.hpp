// Targets: which pictures and objects of a data set training uses, and how many it does not.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/data/cache.hpp"
#include "ocelli/data/dataset.hpp"

namespace ocelli::data {

/// What of the data set takes part in training, and what does not.
struct TargetCounts {
  std::size_t pictures = 0;         ///< that take part
  std::size_t negatives = 0;        ///< of these, without any object to find
  std::size_t unlabelled = 0;       ///< left out: nobody has looked at them
  std::size_t bad = 0;              ///< left out: cannot be used (CacheOptions::skip_bad)
  std::size_t without_targets = 0;  ///< left out: nothing of the kind that is learned
  std::size_t objects = 0;          ///< that are trained on
  std::size_t crowds = 0;           ///< crowd regions, which are no targets
  std::size_t dropped = 0;          ///< boxes with NaN, or without area inside the picture
  std::size_t several_tags = 0;  ///< pictures with more than one label, of which the first counts
};

/// One picture that takes part.
struct TrainingPicture {
  std::size_t picture = 0;      ///< position in Dataset::pictures
  int height = 0, width = 0;    ///< the frame of the boxes, in pixels
  std::vector<Object> objects;  ///< inside the frame, with area; no crowds, no polygons
  int tag = 0;                  ///< whole_picture: its label, 1-based
};

struct Targets {
  std::vector<TrainingPicture> pictures;  ///< in the data set's order
  TargetCounts counts;
};

/// Chooses what to train a detector on; collect_whole_pictures is the classifier's.
/// @throws DataError when nothing is left, or a label id is not in the data set's list
inline Targets collect_targets(const Dataset& dataset, const ImageCache& cache) {
  Targets targets;
  TargetCounts& counts = targets.counts;
  for (std::size_t i = 0; i < dataset.pictures.size(); ++i) {
    const Picture& picture = dataset.pictures[i];
    if (picture.state == PictureState::unlabelled) {
      ++counts.unlabelled;
      continue;
    }
    if (!cache.usable(i)) {
      ++counts.bad;
      continue;
    }
    const bool sized = picture.width > 0 && picture.height > 0;
    TrainingPicture chosen{
        i, sized ? picture.height : cache.height(i), sized ? picture.width : cache.width(i), {}, 0};
    const auto h = static_cast<float>(chosen.height), w = static_cast<float>(chosen.width);
    std::size_t crowds = 0;
    for (const Object& object : picture.objects) {
      if (object.crowd) {
        ++crowds;
        continue;
      }
      if (object.label < 1 || static_cast<std::size_t>(object.label) > dataset.labels.size()) {
        throw DataError(
            "an object has label " + std::to_string(object.label) + " of " +
                std::to_string(dataset.labels.size()),
            picture.label_source.empty() ? picture.key : picture.label_source,
            "labels are numbered from 1");
      }
      const PixelBox& box = object.box;
      Object target;
      target.box = {
          std::clamp(box.ymin, 0.0f, h), std::clamp(box.xmin, 0.0f, w),
          std::clamp(box.ymax, 0.0f, h), std::clamp(box.xmax, 0.0f, w)};
      target.label = object.label;
      // Written so that NaN, which clamp passes on, fails too.
      if (!(target.box.ymax > target.box.ymin && target.box.xmax > target.box.xmin)) {
        ++counts.dropped;
        continue;
      }
      chosen.objects.push_back(target);
    }
    counts.crowds += crowds;
    if (chosen.objects.empty() && (crowds > 0 || !picture.tags.empty())) {
      ++counts.without_targets;  // there is something to find, but no box says where
      continue;
    }
    ++counts.pictures;
    if (chosen.objects.empty()) ++counts.negatives;
    counts.objects += chosen.objects.size();
    targets.pictures.push_back(std::move(chosen));
  }
  if (targets.pictures.empty()) {
    throw DataError(
        "no picture to train on among " + std::to_string(dataset.pictures.size()) + " (" +
            std::to_string(counts.unlabelled) + " unlabelled, " + std::to_string(counts.bad) +
            " that cannot be read, " + std::to_string(counts.without_targets) + " without a box)",
        dataset.root, "label some pictures with boxes");
  }
  return targets;
}

}  // namespace ocelli::data
