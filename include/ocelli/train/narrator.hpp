// Narrator: shows a training on standard error.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "ocelli/train/evaluation_numbers.hpp"
#include "ocelli/train/observer.hpp"
#include "ocelli/train/progress.hpp"

namespace ocelli::train {

/// Shows a training on standard error.
class Narrator : public TrainingObserver {
 public:
  explicit Narrator(long steps) : progress_(steps) {}
  void on_point(const TrainingPoint& point) override {
    progress_.update(
        {point.step, point.steps, point.loss(), point.learning_rate, point.images_per_second,
         point.data_wait, point.seconds_left});
  }
  void on_evaluation(long step, const Evaluation& evaluation, bool best) override {
    progress_.message(
        "step " + std::to_string(step) + ": " + in_words(evaluation) + (best ? "  (best)" : ""));
  }
  void on_message(const std::string& text, bool warning) override {
    progress_.message((warning ? "warning: " : "") + text);
  }
  void finish() { progress_.finish(); }

 private:
  Progress progress_;
};

}  // namespace ocelli::train
