// Every kernel of ocelli/cuda/conv2d_data_gradient.hpp, over tensors of float.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/conv2d_data_gradient.hpp"

namespace ocelli::cuda {
template void conv2d_data_gradient(simt::Stream, const OpCall<float>&, Precision);
}  // namespace ocelli::cuda
