// Every kernel of ocelli/cuda/conv2d_weight_gradient.hpp, over tensors of bfloat16.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/conv2d_weight_gradient.hpp"

namespace ocelli::cuda {
template void conv2d_weight_gradient(simt::Stream, const OpCall<bfloat16>&, float*, Precision);
}  // namespace ocelli::cuda
