// That nvcc compiles batch norm.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/batch_norm.hpp"

namespace ocelli::cuda {

template void batch_norm_forward<float>(
    simt::Stream, Workspace&, const OpCall<float>&, const ColumnMoments*);
template void batch_norm_forward<bfloat16>(
    simt::Stream, Workspace&, const OpCall<bfloat16>&, const ColumnMoments*);
template void batch_norm_backward<float>(simt::Stream, Workspace&, const OpCall<float>&);
template void batch_norm_backward<bfloat16>(simt::Stream, Workspace&, const OpCall<bfloat16>&);

}  // namespace ocelli::cuda
