// Every kernel of ocelli/cuda/dropout.hpp.
// SPDX-License-Identifier: Apache-2.0
#include "both.hpp"
#include "ocelli/cuda/dropout.hpp"

namespace ocelli::cuda {
OCELLI_BOTH(dropout_forward);
OCELLI_BOTH(dropout_backward);
}  // namespace ocelli::cuda
