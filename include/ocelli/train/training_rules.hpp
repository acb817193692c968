// Training rules: what the hyperparameters say of any training: its learning rate, its initial
// weights, and what the optimizer does to each group of layers.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "ocelli/net/executor.hpp"
#include "ocelli/optim/initializer.hpp"
#include "ocelli/optim/schedule.hpp"
#include "ocelli/optim/update_plan.hpp"
#include "ocelli/train/hyperparameter_values.hpp"

namespace ocelli::train {

/// One batch of a step.
struct StepPart {
  std::uint64_t seed = 0;
  std::uint32_t draw = 0;          ///< number of the batch in the run: dropout is a function of it
  long step = 0;                   ///< its learning rate is the schedule's
  bool first = true, last = true;  ///< of the step
};

/// How a step went.
struct SeenStep {
  long step = 0;
  StepResult result;
  std::string fault;  ///< where it was not finite: the layer, or "the gradient"; else empty
};

/// Settings by group of layers. Which groups there are is the model's.
struct TrainingGroups {
  GroupSettings settings[kMaxGroups];
  double regularizer[kMaxGroups] = {};  ///< L2 of the weights that decay
  double initializer_mean[kMaxGroups] = {};
  double initializer_stddev[kMaxGroups] = {};
};

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
    const ModelView& model, const TrainingGroups& groups, std::uint64_t seed,
    Weights<float>& weights) {
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

/// What the optimizer does to a model's parameters, as the hyperparameters say.
inline UpdatePlan update_plan(
    const ModelView& model, const SsdHyperparameters& v, const TrainingGroups& groups) {
  UpdatePlan plan;
  plan.slab_floats = model.layout.param_floats;
  const auto add = [&](std::vector<UpdatePlan::Piece>& pieces, int group, bool decay, long offset,
                       long size) {
    const auto g = static_cast<std::size_t>(group);
    if (!groups.settings[g].frozen)
      pieces.push_back({offset, size, decay ? groups.regularizer[g] : 0.0});
  };
  for (int s = 0; s < model.layout.segment_count; ++s) {
    const Segment& segment = model.layout.segments[s];
    add(plan.segments, segment.group, segment.decay, segment.offset, segment.size);
  }
  for (int p = 0; p < model.graph.param_count; ++p) {
    const ParamDesc& desc = model.graph.params[p];
    add(plan.tensors, desc.group, desc.decay, model.layout.params[p], desc.size());
  }
  plan.rmsprop = v.optimizer == "rmsprop";
  plan.rmsprop_options.decay = v.momentum_decay;
  plan.rmsprop_options.momentum = v.momentum_optimizer_value;
  plan.rmsprop_options.epsilon = v.momentum_epsilon;
  plan.sgd_options.momentum = v.momentum_optimizer_value;
  plan.clip_limit = v.gradient_clipping_by_norm;
  if (plan.clip_limit > 0)
    plan.clipping = v.gradient_clipping_per_variable ? Clipping::per_tensor : Clipping::global_norm;
  plan.average_decay = v.moving_average_decay;
  return plan;
}

}  // namespace ocelli::train
