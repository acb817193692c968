// Whole pictures: which pictures of a data set a classifier learns from, by their tags.
//
// Batches of them come from the Loader, with LoaderOptions::targets = TargetKind::whole_picture:
// the order, the random numbers, the threads, the cache and the resizing are those of a detector's
// batches, and only the target differs: a class, 0 .. C-1, in place of boxes.
//
// training    LoaderOptions::augmentation, usually Augmentation::whole_picture(), then bilinear
// evaluation  load_for_eval: the whole picture resized, bilinear, its shape not kept; or, as some
//             published numbers were measured, its middle: central = 0.875 of each side
// values      v * 2 / 255 - 1, the range of the MobileNet family. Of the scripts of Cloud
//             Annotations one subtracted (123, 117, 104) before scaling by v / 127.5 - 1, and the
//             browser's classifier divides by 255: weights made so need a PixelScale of their own
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "ocelli/core/error.hpp"
#include "ocelli/data/cache.hpp"
#include "ocelli/data/dataset.hpp"
#include "ocelli/data/targets.hpp"

namespace ocelli::data {

/// The class of a tagged picture, 0 .. C-1: its first tag's. -1 without a tag.
inline int class_of(const Picture& picture) {
  return picture.tags.empty() ? -1 : picture.tags.front() - 1;
}

/// Chooses what to train a classifier on: the pictures with a tag. Of several tags the first
/// counts. Pictures with boxes alone, and negatives, are counted as without_targets.
/// @throws DataError when nothing is left, or a tag is not in the data set's list
inline Targets collect_whole_pictures(const Dataset& dataset, const ImageCache& cache) {
  Targets targets;
  TargetCounts& counts = targets.counts;
  for (std::size_t i = 0; i < dataset.pictures.size(); ++i) {
    const Picture& picture = dataset.pictures[i];
    if (picture.state == PictureState::unlabelled) {
      ++counts.unlabelled;
      continue;
    }
    if (picture.tags.empty()) {
      ++counts.without_targets;
      continue;
    }
    for (const int tag : picture.tags) {
      if (tag >= 1 && static_cast<std::size_t>(tag) <= dataset.labels.size()) continue;
      throw DataError(
          "a picture has label " + std::to_string(tag) + " of " +
              std::to_string(dataset.labels.size()),
          picture.label_source.empty() ? picture.key : picture.label_source,
          "labels are numbered from 1");
    }
    if (!cache.usable(i)) {
      ++counts.bad;
      continue;
    }
    if (picture.tags.size() > 1) ++counts.several_tags;
    ++counts.pictures;
    targets.pictures.push_back({i, cache.height(i), cache.width(i), {}, picture.tags.front()});
  }
  if (targets.pictures.empty()) {
    throw DataError(
        "no picture to train on among " + std::to_string(dataset.pictures.size()) + " (" +
            std::to_string(counts.unlabelled) + " unlabelled, " + std::to_string(counts.bad) +
            " that cannot be read, " + std::to_string(counts.without_targets) +
            " without a label of their own)",
        dataset.root, "give pictures a label as a whole, or train a detector on their boxes");
  }
  return targets;
}

/// The same choice for one of the two kinds.
inline Targets collect_targets(const Dataset& dataset, const ImageCache& cache, TargetKind kind) {
  return kind == TargetKind::boxes ? collect_targets(dataset, cache)
                                   : collect_whole_pictures(dataset, cache);
}

}  // namespace ocelli::data
