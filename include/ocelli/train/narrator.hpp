// Narrator: shows a training on standard error.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <string>

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
    const eval::CocoResult& coco = evaluation.coco;
    char text[128];
    std::snprintf(
        text, sizeof text, "step %ld: AP %.3f  AP50 %.3f  AP75 %.3f%s", step, coco.ap(),
        coco.ap50(), coco.ap75(), best ? "  (best)" : "");
    progress_.message(text);
  }
  void on_message(const std::string& text, bool warning) override {
    progress_.message((warning ? "warning: " : "") + text);
  }
  void finish() { progress_.finish(); }

 private:
  Progress progress_;
};

}  // namespace ocelli::train
