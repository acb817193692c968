// SsdStep: one training step of an SSD: forward, loss, backward, L2, clipping, optimizer, average.
//
// A step is a function of the state, the batch, the seed and the step's number. After construction
// it takes no memory.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "ocelli/core/thread_pool.hpp"
#include "ocelli/data/loader.hpp"
#include "ocelli/loss/ssd_loss.hpp"
#include "ocelli/net/executor.hpp"
#include "ocelli/optim/clip.hpp"
#include "ocelli/optim/ema.hpp"
#include "ocelli/optim/initializer.hpp"
#include "ocelli/optim/rmsprop.hpp"
#include "ocelli/optim/schedule.hpp"
#include "ocelli/optim/sgd_momentum.hpp"
#include "ocelli/train/ssd_options.hpp"
#include "ocelli/train/training_state.hpp"

namespace ocelli::train {

/// The learning rate as the hyperparameters describe it. Throws ConfigError.
inline Schedule schedule_of(const SsdHyperparameters& v) {
  Schedule schedule;
  if (v.schedule == "constant") {
    schedule = ConstantRate{v.initial_learning_rate};
  } else if (v.schedule == "cosine") {
    CosineDecay cosine;
    cosine.base = v.initial_learning_rate;
    cosine.total_steps = v.num_steps;
    cosine.warmup_rate = v.warmup_learning_rate;
    cosine.warmup_steps = std::min(v.warmup_steps, v.num_steps);
    cosine.end_rate = v.min_learning_rate;
    schedule = cosine;
  } else if (v.schedule == "manual_step") {
    ManualSteps manual;
    manual.initial = v.initial_learning_rate;
    manual.steps = {v.schedule_step_1, v.schedule_step_2};
    manual.rates = {v.schedule_lr_1, v.schedule_lr_2};
    schedule = manual;
  } else {
    ExponentialDecay decay;
    decay.initial = v.initial_learning_rate;
    decay.factor = v.decay_factor;
    decay.decay_steps = v.decay_steps;
    decay.staircase = v.decay_staircase;
    decay.min_rate = v.min_learning_rate;
    schedule = decay;
  }
  check(schedule);
  return schedule;
}

/// The rate of step `step`, the first being 0: the schedule's, after a linear warm-up.
inline double rate_at(const Schedule& schedule, const SsdHyperparameters& v, long step) {
  const double rate = learning_rate(schedule, step);
  if (step >= v.warmup_steps || v.schedule == "cosine") return rate;  // cosine warms up itself
  const double done = static_cast<double>(step) / static_cast<double>(v.warmup_steps);
  return v.warmup_learning_rate + (rate - v.warmup_learning_rate) * done;
}

/// Initial weights of a model: a function of the seed.
inline void initialize(
    const ModelView& model, const SsdGroups& groups, std::uint64_t seed, Weights<float>& weights) {
  for (int p = 0; p < model.graph.param_count; ++p) {
    const ParamDesc& desc = model.graph.params[p];
    float* w = weights.params.data() + model.layout.params[p];
    Initializer initializer = Initializer::zeros();
    if (desc.init == InitKind::ones) initializer = Initializer::ones();
    if (desc.init == InitKind::truncated_normal)
      initializer = Initializer::truncated_normal(
          groups.initializer_mean[desc.group], groups.initializer_stddev[desc.group]);
    if (desc.init == InitKind::variance_scaling)
      initializer = Initializer::variance_scaling(
          2.0, FanMode::fan_in, false,
          fans(desc.dims[0], desc.dims[1], desc.dims[2], desc.dims[3]));
    initializer.fill(w, desc.size(), seed, static_cast<std::uint32_t>(p));
  }
}

struct StepResult {
  double localization = 0, classification = 0, regularization = 0;
  double learning_rate = 0;
  double gradient_norm =
      0;               ///< of the whole gradient before clipping; 0 unless clipping asks for it
  double matches = 0;  ///< matched anchors of the batch
  bool finite = true;  ///< loss and gradients

  double loss() const { return localization + classification + regularization; }
};

template <Backend B>
class SsdStep {
 public:
  /// State, backend and pool must outlive the step. Throws ConfigError.
  SsdStep(
      B& backend, ThreadPool& pool, const SsdSpec& spec, const SsdHyperparameters& values,
      TrainingState& state, int batch, int max_boxes = 100)
      : pool_(pool),
        model_(spec.model),
        values_(values),
        groups_(values),
        state_(state),
        schedule_(schedule_of(values)),
        executor_(backend, spec.model, batch, state.weights, state.gradient, groups_.settings),
        loss_(anchors_of(spec, values), spec.model.classes, loss_options(values), batch, max_boxes),
        sums_(spec.model.layout.param_floats) {
    rmsprop_.decay = values.momentum_decay;
    rmsprop_.momentum = values.momentum_optimizer_value;
    rmsprop_.epsilon = values.momentum_epsilon;
    rmsprop_.check();
    sgd_.momentum = values.momentum_optimizer_value;
    sgd_.check();
  }

  /// Forward, loss and backward of one batch; gradients are added to the state's. Call `begin`
  /// before the first batch of a step, `finish` after the last.
  void begin() {
    state_.gradient.zero();
    result_ = {};
    batches_ = 0;
  }
  /// @param draw  number of this batch in the run: dropout is a function of it
  void accumulate(const data::Batch& batch, std::uint64_t seed, std::uint32_t draw) {
    executor_.forward(batch.images, seed, draw);
    const GroundTruthBatch<float> truth{batch.boxes, batch.labels, batch.counts, batch.max_boxes};
    const SsdLossResult loss = loss_(
        pool_, batch.size, truth, executor_.output(0), executor_.output(1),
        executor_.output_gradient(0), executor_.output_gradient(1));
    result_.localization += loss.localization;
    result_.classification += loss.classification;
    result_.matches += loss.matches;
    result_.finite = result_.finite && std::isfinite(loss.total());
    ++batches_;
    if (result_.finite) executor_.backward();
  }
  /// L2, clipping and the optimizer; writes the weights unless the loss was not finite.
  StepResult finish(long step) {
    const double share = 1.0 / batches_;
    result_.localization *= share;
    result_.classification *= share;
    result_.learning_rate = rate_at(schedule_, values_, step);
    if (!result_.finite) return result_;
    const LayoutView& layout = model_.layout;
    for (int s = 0; s < layout.segment_count; ++s) {
      const Segment& segment = layout.segments[s];
      if (segment.decay && !groups_.settings[segment.group].frozen)
        result_.regularization += l2_loss(
            pool_, state_.weights.params.data() + segment.offset, segment.size,
            groups_.regularizer[segment.group], sums_);
    }
    const double limit = values_.gradient_clipping_by_norm;
    if (limit > 0 && values_.gradient_clipping_per_variable) {
      for (int p = 0; p < model_.graph.param_count; ++p) {
        const ParamDesc& desc = model_.graph.params[p];
        if (groups_.settings[desc.group].frozen) continue;
        const GradientRule<float> rule = rule_of(desc.group, desc.decay, share);
        const long offset = layout.params[p];
        const double norm = std::sqrt(square_sum(offset, desc.size(), rule));
        update(offset, desc.size(), rule.clipped(clip_factor(norm, limit)));
      }
    } else {
      double factor = 1.0;
      if (limit > 0) {
        double sum = 0;
        for_each_segment([&](const Segment& segment, const GradientRule<float>& rule) {
          sum += square_sum(segment.offset, segment.size, rule);
        });
        result_.gradient_norm = std::sqrt(sum);
        factor = clip_factor(result_.gradient_norm, limit);
      }
      for_each_segment([&](const Segment& segment, const GradientRule<float>& rule) {
        update(segment.offset, segment.size, rule.clipped(factor));
      });
    }
    if (state_.average.size() > 0)
      ema_update(
          pool_, state_.average.data(), state_.weights.params.data(), layout.param_floats,
          values_.moving_average_decay);
    return result_;
  }

  /// A whole step on one batch.
  StepResult run(const data::Batch& batch, std::uint64_t seed, long step) {
    begin();
    accumulate(batch, seed, static_cast<std::uint32_t>(step));
    return finish(step);
  }

  Executor<B>& executor() { return executor_; }
  const SsdGroups& groups() const { return groups_; }
  /// The gradient as the optimizer saw it, but for clipping: scaled, with the L2 term. For looking
  /// at: writes [param_floats] to out.
  void whole_gradient(const float* weights_before, float* out) const {
    for (int p = 0; p < model_.graph.param_count; ++p) {
      const ParamDesc& desc = model_.graph.params[p];
      const long offset = model_.layout.params[p];
      const GradientRule<float> rule = rule_of(desc.group, desc.decay, 1.0 / batches_);
      for (long i = offset; i < offset + desc.size(); ++i)
        out[i] = rule(state_.gradient.data()[i], weights_before[i]);
    }
  }

 private:
  GradientRule<float> rule_of(int group, bool decay, double share) const {
    return {static_cast<float>(share), decay ? static_cast<float>(groups_.regularizer[group]) : 0};
  }
  template <class Body>
  void for_each_segment(Body&& body) {
    for (int s = 0; s < model_.layout.segment_count; ++s) {
      const Segment& segment = model_.layout.segments[s];
      if (!groups_.settings[segment.group].frozen)
        body(segment, rule_of(segment.group, segment.decay, 1.0 / batches_));
    }
  }
  double square_sum(long offset, long size, const GradientRule<float>& rule) {
    return gradient_square_sum(
        pool_, state_.gradient.data() + offset, state_.weights.params.data() + offset, size, rule,
        sums_);
  }
  void update(long offset, long size, const GradientRule<float>& rule) {
    float* w = state_.weights.params.data() + offset;
    const float* g = state_.gradient.data() + offset;
    float* m = state_.momentum.data() + offset;
    const bool finite =
        state_.mean_square.size() > 0
            ? rmsprop_update(
                  pool_, w, g, state_.mean_square.data() + offset, m, size, result_.learning_rate,
                  rmsprop_, rule)
            : sgd_momentum_update(pool_, w, g, m, size, result_.learning_rate, sgd_, rule);
    result_.finite = result_.finite && finite;
  }

  ThreadPool& pool_;
  ModelView model_;
  SsdHyperparameters values_;
  SsdGroups groups_;
  TrainingState& state_;
  Schedule schedule_;
  Executor<B> executor_;
  SsdLoss<float> loss_;
  SquareSum sums_;
  RmsPropOptions rmsprop_;
  SgdMomentumOptions sgd_;
  StepResult result_;
  int batches_ = 0;
};

}  // namespace ocelli::train
