// Every kernel of ocelli/cuda/ssd_loss.hpp.
// SPDX-License-Identifier: Apache-2.0
#include "both.hpp"
#include "ocelli/cuda/ssd_loss.hpp"

namespace ocelli::cuda {
template void ssd_loss(
    simt::Stream, const SsdLossShape&, const Box*, const kernel::GroundTruth&,
    const SsdLossOptions&, const float*, const float*, void*, float*, float*,
    kernel::SsdLossTotals*);
template void ssd_loss(
    simt::Stream, const SsdLossShape&, const Box*, const kernel::GroundTruth&,
    const SsdLossOptions&, const bfloat16*, const bfloat16*, void*, bfloat16*, bfloat16*,
    kernel::SsdLossTotals*);
}  // namespace ocelli::cuda
