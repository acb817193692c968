// That nvcc compiles conv2d's weight gradient in float32 and tf32.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/conv2d_weight_gradient.hpp"

namespace ocelli::cuda {

template void conv2d_weight_gradient_with<float>(
    simt::Stream, const OpCall<float>&, Precision, const ConvParts&, float*);

}  // namespace ocelli::cuda
