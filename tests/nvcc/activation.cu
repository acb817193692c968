// Every kernel of ocelli/cuda/activation.hpp.
// SPDX-License-Identifier: Apache-2.0
#include "both.hpp"
#include "ocelli/cuda/activation.hpp"

namespace ocelli::cuda {
OCELLI_BOTH(activation_forward);
OCELLI_BOTH(activation_backward);
}  // namespace ocelli::cuda
