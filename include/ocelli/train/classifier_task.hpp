// ClassifierTask: what a training of a classifier is: its steps and its evaluations.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/train/classifier_runner.hpp"
#include "ocelli/train/classifier_stepper.hpp"
#include "ocelli/train/evaluate.hpp"
#include "ocelli/train/training_data.hpp"
#include "ocelli/train/training_options.hpp"

namespace ocelli::train {

template <Backend B>
struct ClassifierTask {
  using Device = B;
  using Spec = ClassifierSpec;
  using Stepper = ClassifierStepper<B>;

  /// Looks at weights that may change between its calls.
  class Evaluator {
   public:
    Evaluator(
        B& backend, ThreadPool& pool, const ClassifierSpec& spec,
        const HyperparameterValues& values, const TrainingOptions& options, Weights<float>& weights,
        const TrainingData& held_out)
        : pool_(pool),
          held_out_(held_out),
          resampling_(resampling_of(values)),
          runner_(backend, spec, values, weights, options.eval_batch) {}

    Evaluation operator()() {
      runner_.refresh();
      return classify(runner_, pool_, *held_out_.dataset, *held_out_.cache, resampling_);
    }

   private:
    ThreadPool& pool_;
    TrainingData held_out_;
    data::Resampling resampling_;
    ClassifierRunner<B> runner_;
  };

  static constexpr auto target = data::TargetKind::whole_picture;
};

}  // namespace ocelli::train
