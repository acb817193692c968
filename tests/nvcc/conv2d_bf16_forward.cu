// That nvcc compiles conv2d's forward in bf16.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/conv2d_bf16_forward.hpp"

namespace ocelli::cuda {

template void conv2d_bf16_forward_with<float>(
    simt::Stream, const OpCall<float>&, const bfloat16*, const ConvCut&, float*, float*);
template void conv2d_bf16_forward_with<bfloat16>(
    simt::Stream, const OpCall<bfloat16>&, const bfloat16*, const ConvCut&, float*, float*);

}  // namespace ocelli::cuda
