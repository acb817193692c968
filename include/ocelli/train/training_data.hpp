// TrainingData: the pictures of a training, or those it is evaluated on.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/data/cache.hpp"
#include "ocelli/data/dataset.hpp"

namespace ocelli::train {

struct TrainingData {
  const data::Dataset* dataset = nullptr;
  const data::ImageCache* cache = nullptr;
};

}  // namespace ocelli::train
