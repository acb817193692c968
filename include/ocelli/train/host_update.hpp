// HostUpdate: the end of a training step in this machine's memory: L2, clipping, the optimizer and
// the average. The losses of the step's batches are added up before it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <utility>

#include "ocelli/core/thread_pool.hpp"
#include "ocelli/optim/ema.hpp"
#include "ocelli/optim/update_plan.hpp"

namespace ocelli::train {

class HostUpdate {
 public:
  /// The pool must outlive this. Throws ConfigError.
  HostUpdate(ThreadPool& pool, UpdatePlan plan)
      : pool_(pool), plan_(std::move(plan)), sums_(plan_.slab_floats) {
    plan_.rmsprop_options.check();
    plan_.sgd_options.check();
  }

  /// A step begins: the gradient [slab_floats] is zero, nothing has been summed.
  void begin(float* gradient) {
    std::fill_n(gradient, plan_.slab_floats, 0.0f);
    result_ = {};
    batches_ = 0;
  }

  /// Adds the loss of one batch. Returns whether backward is worth its while.
  bool add(double localization, double classification, double matches, bool finite) {
    result_.localization += localization;
    result_.classification += classification;
    result_.matches += matches;
    result_.finite = result_.finite && finite;
    ++batches_;
    return result_.finite;
  }

  /// L2, clipping, the optimizer and the average; nothing is written unless the loss was finite.
  void update(const UpdateSlabs& slabs, double learning_rate) {
    const double share = 1.0 / batches_;
    result_.localization *= share;
    result_.classification *= share;
    result_.learning_rate = learning_rate;
    if (!result_.finite) return;
    for (const UpdatePlan::Piece& piece : plan_.segments)
      result_.regularization +=
          l2_loss(pool_, slabs.weights + piece.offset, piece.size, piece.l2, sums_);
    if (plan_.clipping == Clipping::per_tensor) {
      for (const UpdatePlan::Piece& piece : plan_.tensors) {
        const double norm = std::sqrt(square_sum(slabs, piece));
        apply(slabs, piece, clip_factor(norm, plan_.clip_limit));
      }
    } else {
      double factor = 1.0;
      if (plan_.clipping == Clipping::global_norm) {
        double sum = 0;
        for (const UpdatePlan::Piece& piece : plan_.segments) sum += square_sum(slabs, piece);
        result_.gradient_norm = std::sqrt(sum);
        factor = clip_factor(result_.gradient_norm, plan_.clip_limit);
      }
      for (const UpdatePlan::Piece& piece : plan_.segments) apply(slabs, piece, factor);
    }
    if (slabs.average != nullptr)
      ema_update(pool_, slabs.average, slabs.weights, plan_.slab_floats, plan_.average_decay);
  }

  /// How the step went.
  StepResult result() { return result_; }

 private:
  GradientRule<float> rule_of(const UpdatePlan::Piece& piece) const {
    return {static_cast<float>(1.0 / batches_), static_cast<float>(piece.l2)};
  }
  double square_sum(const UpdateSlabs& slabs, const UpdatePlan::Piece& piece) {
    return gradient_square_sum(
        pool_, slabs.gradient + piece.offset, slabs.weights + piece.offset, piece.size,
        rule_of(piece), sums_);
  }
  void apply(const UpdateSlabs& slabs, const UpdatePlan::Piece& piece, double factor) {
    float* w = slabs.weights + piece.offset;
    const float* g = slabs.gradient + piece.offset;
    float* m = slabs.momentum + piece.offset;
    const GradientRule<float> rule = rule_of(piece).clipped(factor);
    const bool finite =
        plan_.rmsprop
            ? rmsprop_update(
                  pool_, w, g, slabs.mean_square + piece.offset, m, piece.size,
                  result_.learning_rate, plan_.rmsprop_options, rule)
            : sgd_momentum_update(
                  pool_, w, g, m, piece.size, result_.learning_rate, plan_.sgd_options, rule);
    result_.finite = result_.finite && finite;
  }

  ThreadPool& pool_;
  UpdatePlan plan_;
  SquareSum sums_;
  StepResult result_;
  int batches_ = 0;
};

}  // namespace ocelli::train
