// Every kernel of ocelli/cuda/softmax.hpp.
// SPDX-License-Identifier: Apache-2.0
#include "both.hpp"
#include "ocelli/cuda/softmax.hpp"

namespace ocelli::cuda {
OCELLI_BOTH(softmax_forward);
OCELLI_BOTH(softmax_backward);
}  // namespace ocelli::cuda
