// Every kernel of ocelli/cuda/depthwise_conv2d.hpp.
// SPDX-License-Identifier: Apache-2.0
#include "both.hpp"
#include "ocelli/cuda/depthwise_conv2d.hpp"

namespace ocelli::cuda {
OCELLI_BOTH(depthwise_conv2d_forward);
OCELLI_BOTH_IN(Workspace, depthwise_conv2d_backward);
}  // namespace ocelli::cuda
