// ClassifierStep: one training step of a classifier, or of its head alone: forward, softmax cross
// entropy, backward, L2, clipping, optimizer, average.
//
// The loss of a batch is the mean over its pictures. A step is a function of the state, the batch,
// the seed and the step's number. After construction it takes no memory.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "ocelli/core/thread_pool.hpp"
#include "ocelli/loss/softmax_cross_entropy.hpp"
#include "ocelli/net/executor.hpp"
#include "ocelli/train/classifier_options.hpp"
#include "ocelli/train/host_update.hpp"
#include "ocelli/train/training_rules.hpp"
#include "ocelli/train/training_state.hpp"

namespace ocelli::train {

/// A backend that classifiers can be trained on: its numbers are floats in this machine's memory.
template <class B>
inline constexpr bool trains_classifiers =
    MemoryOf<B>::is_host&& std::is_same_v<typename B::Scalar, float>;

template <Backend B>
class ClassifierStep {
  static_assert(trains_classifiers<B>, "a classifier is trained in this machine's memory");

 public:
  /// @param net    a ClassifierSpec's model, or its head; its output 0 are logits
  /// @param state  of that net
  /// All must outlive the step. Throws ConfigError.
  ClassifierStep(
      B& backend, ThreadPool& pool, const ModelView& net, const HyperparameterValues& values,
      TrainingState<>& state, int batch)
      : classes_(net.classes),
        values_(values),
        groups_(values),
        state_(state),
        schedule_(schedule_of(values)),
        executor_(backend, net, batch, state.weights, state.gradient, groups_.settings),
        update_(pool, update_plan(net, values, groups_)) {}

  /// Forward, loss and backward of one batch, whose gradients are added to those of the step's
  /// others; after the last L2, clipping and the optimizer, which write the weights unless the loss
  /// was not finite.
  /// @param input    [batch, H, W, C] of the net's input
  /// @param classes  [batch], 0 .. C-1
  void submit(const float* input, const std::int32_t* classes, const StepPart& part) {
    if (part.first) update_.begin(state_.gradient.data());
    executor_.forward(input, part.seed, part.draw);
    int right = 0;
    const double loss = write_gradient(classes, right);
    if (update_.add(0, loss, right, std::isfinite(loss))) executor_.backward();
    if (part.last) update_.update(state_.slabs(), rate_at(schedule_, values_, part.step));
  }
  /// How the step went; `matches` are the pictures that it had right.
  StepResult result() { return update_.result(); }

  const ClassifierGroups& groups() const { return groups_; }
  Executor<B>& executor() { return executor_; }

 private:
  /// The mean loss of the batch; its gradient goes to the executor.
  /// @param right  pictures whose class has the highest logit
  double write_gradient(const std::int32_t* classes, int& right) {
    const int batch = executor_.batch();
    const float share = 1.0f / static_cast<float>(batch);
    double loss = 0;
    for (int n = 0; n < batch; ++n) {
      const float* const logits = executor_.output(0) + long(n) * classes_;
      loss += static_cast<double>(smoothed_cross_entropy(
          logits, classes_, classes[n], static_cast<float>(values_.label_smoothing), share,
          executor_.output_gradient(0) + long(n) * classes_));
      right += std::max_element(logits, logits + classes_) - logits == classes[n] ? 1 : 0;
    }
    return loss;
  }

  int classes_;
  HyperparameterValues values_;
  ClassifierGroups groups_;
  TrainingState<>& state_;
  Schedule schedule_;
  Executor<B> executor_;
  HostUpdate update_;
};

}  // namespace ocelli::train
