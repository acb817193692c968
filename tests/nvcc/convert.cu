// Every kernel of ocelli/cuda/convert.hpp.
// SPDX-License-Identifier: Apache-2.0
#include "both.hpp"
#include "ocelli/cuda/convert.hpp"

namespace ocelli::cuda {
template void convert(simt::Stream, const float*, long, bfloat16*);
template void convert(simt::Stream, const bfloat16*, long, float*);
}  // namespace ocelli::cuda
