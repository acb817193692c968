// That nvcc compiles conv2d's forward in float32 and tf32.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/conv2d_forward.hpp"

namespace ocelli::cuda {

template void conv2d_forward_with<float>(simt::Stream, const OpCall<float>&, Precision, ConvTile);

}  // namespace ocelli::cuda
