// StepMathBf16: a training step's mathematics for nets whose values are bfloat16. Losses, slabs and
// updates are those of StepMath, in float; what is rounded is the pictures, on their way to the
// net.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "ocelli/core/bfloat16.hpp"
#include "ocelli/cuda/convert.hpp"
#include "ocelli/cuda/step_math.hpp"

namespace ocelli::cuda {

class StepMathBf16 : public StepMath {
 public:
  using StepMath::StepMath;

  void feed(const float* images, long floats, int batch, const GroundTruthBatch<float>& truth) {
    StepMath::feed(images, floats, batch, truth);
    make_room();
  }
  void feed_drawn() {
    StepMath::feed_drawn();
    make_room();
  }
  /// Where the net reads the batch's pictures.
  const bfloat16* images() {
    convert(stream(), StepMath::images(), image_floats(), rounded_.data());
    return rounded_.data();
  }

 private:
  /// In the first step; here, since what is recorded takes no memory.
  void make_room() {
    const auto size = static_cast<std::size_t>(image_floats());
    if (rounded_.size() < size) rounded_ = Memory<bfloat16>(size);
  }

  Memory<bfloat16> rounded_;
};

}  // namespace ocelli::cuda
