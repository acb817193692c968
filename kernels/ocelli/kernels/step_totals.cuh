// step_totals: the losses of a step's batches added up on the device, and whether to stop.
//
// tiling    one thread
// bytes     28 + 2 * 24
// FLOPs     3
// bound     latency
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/kernels/ssd_loss.cuh"

namespace ocelli::kernel {

struct StepTotals {
  double localization, classification, matches;
  std::int32_t loss_not_finite;      ///< not 0: nothing is to be updated
  std::int32_t gradient_not_finite;  ///< set by the updates
};

constexpr Floor add_totals_floor() { return {28 + 2 * 24, 3}; }

OCELLI_KERNEL add_totals(const SsdLossTotals* one, StepTotals* sum) {
  if (threadIdx.x != 0 || blockIdx.x != 0) return;
  sum->localization += one->localization;
  sum->classification += one->classification;
  sum->matches += one->matches;
  if (one->not_finite != 0) sum->loss_not_finite = 1;
}

}  // namespace ocelli::kernel
