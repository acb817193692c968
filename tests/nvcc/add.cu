// Every kernel of ocelli/cuda/add.hpp.
// SPDX-License-Identifier: Apache-2.0
#include "both.hpp"
#include "ocelli/cuda/add.hpp"

namespace ocelli::cuda {
OCELLI_BOTH(add_forward);
OCELLI_BOTH(add_backward);
}  // namespace ocelli::cuda
