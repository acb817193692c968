// step_totals: what changes from one step to the next, and what comes of a step, in device memory;
// so a captured step needs no new arguments, and the host no answer before it asks for the next.
//
//   set_words     tiling  one thread     bytes  sizeof(StepWords)            FLOPs  0
//   begin_report  tiling  one thread     bytes  4 + 8 + sizeof(StepReport)   FLOPs  0
//   add_totals    tiling  one thread     bytes  28 + 2 * 24                 FLOPs  3
//   bound         latency
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/kernels/random_crop.cuh"
#include "ocelli/kernels/ssd_loss.cuh"
#include "ocelli/op/call.hpp"

namespace ocelli::kernel {

/// What a batch and its step are told.
struct StepWords {
  Draw draw;             ///< of the batch: for dropout
  AugmentStep pictures;  ///< the same numbers, for augmentation
  float learning_rate;
  /// Not 0: nobody has seen yet how the step before went. Then this one writes nothing either if
  /// that was not finite.
  std::int32_t unseen;
};

struct StepTotals {
  double localization, classification, matches;
  std::int32_t loss_not_finite;      ///< not 0: nothing is to be updated
  std::int32_t gradient_not_finite;  ///< set by the updates
};

/// All that the host learns of a step.
struct StepReport {
  StepTotals totals;
  double regularization;
  double gradient_norm;  ///< of all; 0 where it is not clipped
};

constexpr Floor set_words_floor() { return {static_cast<long>(sizeof(StepWords)), 0}; }
constexpr Floor begin_report_floor() { return {4 + 8 + static_cast<long>(sizeof(StepReport)), 0}; }
constexpr Floor add_totals_floor() { return {28 + 2 * 24, 3}; }

OCELLI_KERNEL set_words(StepWords words, StepWords* at) {
  if (threadIdx.x == 0 && blockIdx.x == 0) *at = words;
}

/// A step begins: its sums are 0.
OCELLI_KERNEL begin_report(const StepWords* words, StepReport* report) {
  if (threadIdx.x != 0 || blockIdx.x != 0) return;
  const StepTotals before = report->totals;
  StepReport fresh{};
  if (words->unseen != 0 && (before.loss_not_finite != 0 || before.gradient_not_finite != 0))
    fresh.totals.loss_not_finite = 1;
  *report = fresh;
}

OCELLI_KERNEL add_totals(const SsdLossTotals* one, StepTotals* sum) {
  if (threadIdx.x != 0 || blockIdx.x != 0) return;
  sum->localization += one->localization;
  sum->classification += one->classification;
  sum->matches += one->matches;
  if (one->not_finite != 0) sum->loss_not_finite = 1;
}

}  // namespace ocelli::kernel
