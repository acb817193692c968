// Evaluation: what a detector found in a labelled data set, and the COCO numbers.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "ocelli/eval/coco.hpp"
#include "ocelli/eval/picture.hpp"

namespace ocelli::train {

struct Evaluation {
  eval::CocoEvaluator matches;
  eval::CocoResult coco;
  std::vector<eval::EvaluatedPicture> pictures;  ///< id = position in Dataset::pictures
};

}  // namespace ocelli::train
