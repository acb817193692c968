// BatchInput: where a batch of training pictures and boxes lies on the device.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ocelli/box/box.hpp"

namespace ocelli::cuda {

/// Rows past a picture's count are not read.
struct BatchInput {
  float* images = nullptr;         ///< [batch, height, width, 3], in the net's range
  Box* boxes = nullptr;            ///< [batch, capacity], normalised
  std::int32_t* labels = nullptr;  ///< [batch, capacity], 1-based
  std::int32_t* counts = nullptr;  ///< [batch]
  int capacity = 0;                ///< boxes a picture, most
};

}  // namespace ocelli::cuda
