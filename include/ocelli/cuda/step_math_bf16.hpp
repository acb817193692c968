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

  /// Where the net reads `count` numbers of pictures that the loader has made.
  const bfloat16* images(const float* made, long count) {
    const auto size = static_cast<std::size_t>(count);
    if (rounded_.size() < size) rounded_ = Memory<bfloat16>(size);  // in the first step
    convert(stream(), StepMath::images(made, count), count, rounded_.data());
    return rounded_.data();
  }

 private:
  Memory<bfloat16> rounded_;
};

}  // namespace ocelli::cuda
