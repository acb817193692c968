// That nvcc compiles conv2d's data gradient in bf16.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/conv2d_bf16_data_gradient.hpp"

namespace ocelli::cuda {

template void conv2d_bf16_data_gradient_with<float>(
    simt::Stream, const OpCall<float>&, const bfloat16*, const ConvCut&, float*);
template void conv2d_bf16_data_gradient_with<bfloat16>(
    simt::Stream, const OpCall<bfloat16>&, const bfloat16*, const ConvCut&, float*);

}  // namespace ocelli::cuda
