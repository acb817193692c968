// Every kernel of ocelli/cuda/pool.hpp.
// SPDX-License-Identifier: Apache-2.0
#include "both.hpp"
#include "ocelli/cuda/pool.hpp"

namespace ocelli::cuda {
OCELLI_BOTH(max_pool_forward);
OCELLI_BOTH(max_pool_backward);
OCELLI_BOTH(average_pool_forward);
OCELLI_BOTH(average_pool_backward);
}  // namespace ocelli::cuda
