// Evaluation: what a net found in a labelled data set, and the numbers of its task.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "ocelli/eval/classification.hpp"
#include "ocelli/eval/coco.hpp"
#include "ocelli/eval/picture.hpp"

namespace ocelli::train {

/// What a classifier said of whole pictures.
struct ClassifiedSet {
  eval::ClassificationResult result;
  std::vector<eval::ClassifiedPicture> pictures;  ///< id = position in Dataset::pictures
};

/// A detector's result, or a classifier's. One type, so that trainer, observers, logs and report
/// are the same for both tasks; what is common to them is in evaluation_numbers.hpp.
struct Evaluation {
  eval::CocoEvaluator matches;
  eval::CocoResult coco;
  std::vector<eval::EvaluatedPicture> pictures;  ///< id = position in Dataset::pictures
  /// Only a classifier's. Then there are no pictures above, and the COCO numbers are -1.
  std::optional<ClassifiedSet> classified{};
};

/// A classifier's result.
inline Evaluation evaluation_of(const eval::ClassificationEvaluator& said) {
  const eval::CocoEvaluator no_boxes(said.classes());
  return {no_boxes, no_boxes.accumulate(), {}, ClassifiedSet{said.accumulate(), said.pictures()}};
}

}  // namespace ocelli::train
