// HostStepMath: the parts of a training step of an SSD that are not the net's, in this machine's
// memory: loss, clipping, optimizer, average.
//
// A backend whose numbers live elsewhere brings a type with the same functions as its `StepMath`.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <span>
#include <utility>

#include "ocelli/core/thread_pool.hpp"
#include "ocelli/loss/ssd_loss.hpp"
#include "ocelli/train/host_update.hpp"

namespace ocelli::train {

class HostStepMath : public HostUpdate {
 public:
  /// @param batch, max_boxes  most pictures of a call, most boxes of a picture
  /// The backend is not used; the pool must outlive this. Throws ConfigError.
  template <class B>
  HostStepMath(
      B&, ThreadPool& pool, std::span<const Box> anchors, int classes, const SsdLossOptions& loss,
      int batch, int max_boxes, UpdatePlan plan)
      : HostUpdate(pool, std::move(plan)),
        pool_(pool),
        loss_(anchors, classes, loss, batch, max_boxes) {}

  /// Where the net reads `count` numbers of pictures that the loader has made.
  const float* images(const float* made, long /*count*/) { return made; }

  /// The loss of one batch and its gradients; its numbers are added up.
  /// @return whether backward is worth its while
  bool loss(
      int batch, const GroundTruthBatch<float>& truth, const float* codes, const float* logits,
      float* d_codes, float* d_logits) {
    const SsdLossResult loss = loss_(pool_, batch, truth, codes, logits, d_codes, d_logits);
    return add(loss.localization, loss.classification, loss.matches, std::isfinite(loss.total()));
  }

 private:
  ThreadPool& pool_;
  SsdLoss<float> loss_;
};

}  // namespace ocelli::train
