// TrainingObserver: what a training tells while it runs, for logs, bars, charts and callbacks.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "ocelli/train/evaluation.hpp"

namespace ocelli::train {

/// How the last steps went; losses are means over them.
struct TrainingPoint {
  long step = 0;   ///< steps done
  long steps = 0;  ///< planned
  double epoch = 0;
  double localization = 0;  ///< 0 of a classifier
  double classification = 0, regularization = 0;
  double learning_rate = 0;
  double images_per_second = 0;
  double data_wait = 0;  ///< share of the time that was spent waiting for data, [0, 1]
  double seconds = 0;    ///< since this process began to train
  double seconds_left = 0;
  /// Share of the training pictures that a classifier had right while it learned from them; -1: not
  /// measured.
  double accuracy = -1;

  double loss() const { return localization + classification + regularization; }
};

/// Called from the training's thread, between steps. What throws here ends the training.
class TrainingObserver {
 public:
  virtual ~TrainingObserver() = default;
  virtual void on_point(const TrainingPoint& /*point*/) {}
  virtual void on_evaluation(long /*step*/, const Evaluation& /*evaluation*/, bool /*best*/) {}
  /// What belongs to the steps so far must be on the drive when this returns: a resumed run goes on
  /// behind them.
  virtual void on_before_snapshot(long /*step*/) {}
  virtual void on_snapshot(long /*step*/, const std::filesystem::path& /*path*/) {}
  /// A sentence for the user; `warning` if it needs attention.
  virtual void on_message(const std::string& /*text*/, bool /*warning*/) {}
};

}  // namespace ocelli::train
