// Every kernel of ocelli/cuda/concat.hpp.
// SPDX-License-Identifier: Apache-2.0
#include "both.hpp"
#include "ocelli/cuda/concat.hpp"

namespace ocelli::cuda {
OCELLI_BOTH(concat_forward);
OCELLI_BOTH(concat_backward);
}  // namespace ocelli::cuda
