// That nvcc compiles conv2d's data gradient in float32 and tf32.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/conv2d_data_gradient.hpp"

namespace ocelli::cuda {

template void conv2d_data_gradient_with<float>(
    simt::Stream, const OpCall<float>&, Precision, ConvTile);

}  // namespace ocelli::cuda
