// SsdTask: what a training of an SSD is: its steps and its evaluations.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/train/evaluate.hpp"
#include "ocelli/train/ssd_stepper.hpp"
#include "ocelli/train/training_data.hpp"
#include "ocelli/train/training_options.hpp"

namespace ocelli::train {

template <Backend B>
struct SsdTask {
  using Device = B;
  using Spec = SsdSpec;
  using Stepper = SsdStepper<B>;

  /// Looks at weights that may change between its calls.
  class Evaluator {
   public:
    Evaluator(
        B& backend, ThreadPool& pool, const SsdSpec& spec, const SsdHyperparameters& values,
        const TrainingOptions& options, Weights<float>& weights, const TrainingData& held_out)
        : pool_(pool),
          held_out_(held_out),
          resampling_(resampling_of(values)),
          detector_(
              backend, pool, spec, values, weights, options.eval_batch,
              values.evaluation_score_threshold) {}

    Evaluation operator()() {
      detector_.refresh();
      return evaluate(detector_, pool_, *held_out_.dataset, *held_out_.cache, resampling_);
    }

   private:
    ThreadPool& pool_;
    TrainingData held_out_;
    data::Resampling resampling_;
    SsdDetector<B> detector_;
  };

  static constexpr auto target = data::TargetKind::boxes;
};

}  // namespace ocelli::train
