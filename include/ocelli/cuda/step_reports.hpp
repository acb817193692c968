// StepReports: how steps went, on their way to the host. The host may look one step later, so the
// device need not wait for it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/core/error.hpp"
#include "ocelli/cuda/event.hpp"
#include "ocelli/cuda/pinned.hpp"
#include "ocelli/kernels/step_totals.cuh"
#include "ocelli/optim/update_plan.hpp"

namespace ocelli::cuda {

class StepReports {
 public:
  static constexpr int kMost = 2;  ///< that may be on their way

  StepReports() : arrived_(kMost) {}

  /// Sends what `report` in device memory says when the stream gets there.
  /// @param learning_rate, batches  of the step
  /// @throws Error where kMost have not been taken
  void send(
      simt::Stream stream, const kernel::StepReport* report, double learning_rate, int batches) {
    if (open() == kMost)
      throw Error(
          "the results of " + std::to_string(kMost) + " steps were not looked at", "step",
          "take the oldest before the next step");
    Sent& next = sent_[made_ % kMost];
    simt::download_later(
        arrived_.data() + made_ % kMost, report, sizeof(kernel::StepReport), stream);
    next.there.record(stream);
    next.learning_rate = learning_rate;
    next.batches = batches;
    ++made_;
  }

  /// Steps whose results have not been taken.
  int open() const { return static_cast<int>(made_ - taken_); }

  /// The oldest result; waits for it.
  /// @throws Error where there is none
  StepResult take() {
    if (open() == 0) throw Error("no step was asked for", "step");
    const Sent& sent = sent_[taken_ % kMost];
    sent.there.synchronize();
    const kernel::StepReport report = arrived_.data()[taken_ % kMost];
    ++taken_;
    const kernel::StepTotals& totals = report.totals;
    StepResult result;
    result.localization = totals.localization / sent.batches;
    result.classification = totals.classification / sent.batches;
    result.matches = totals.matches;
    result.learning_rate = sent.learning_rate;
    result.finite = totals.loss_not_finite == 0 && totals.gradient_not_finite == 0;
    if (totals.loss_not_finite == 0) {
      result.regularization = report.regularization;
      result.gradient_norm = report.gradient_norm;
    }
    return result;
  }

 private:
  struct Sent {
    Event there;
    double learning_rate = 0;
    int batches = 1;
  };

  Pinned<kernel::StepReport> arrived_;
  Sent sent_[kMost];
  unsigned long made_ = 0, taken_ = 0;
};

}  // namespace ocelli::cuda
