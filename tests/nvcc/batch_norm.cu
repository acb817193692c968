// Every kernel of ocelli/cuda/batch_norm.hpp.
// SPDX-License-Identifier: Apache-2.0
#include "both.hpp"
#include "ocelli/cuda/batch_norm.hpp"

namespace ocelli::cuda {
template void batch_norm_forward(
    simt::Stream, Workspace&, const OpCall<float>&, const ColumnMoments*);
template void batch_norm_forward(
    simt::Stream, Workspace&, const OpCall<bfloat16>&, const ColumnMoments*);
OCELLI_BOTH_IN(Workspace, batch_norm_backward);
}  // namespace ocelli::cuda
