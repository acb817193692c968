// Every kernel of ocelli/cuda/conv2d.hpp, over tensors of bfloat16.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/conv2d.hpp"

namespace ocelli::cuda {
template void conv2d_forward(simt::Stream, const OpCall<bfloat16>&, Precision);
}  // namespace ocelli::cuda
