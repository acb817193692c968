// TrainingOutcome: how a training ended.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>

#include "ocelli/train/evaluation.hpp"
#include "ocelli/train/evaluation_numbers.hpp"

namespace ocelli::train {

enum class TrainingEnd {
  finished,    ///< all steps were made
  early_stop,  ///< no better for `patience` evaluations
  time_up,     ///< the time budget is spent
  stopped,     ///< SIGTERM or SIGINT
};

inline const char* name(TrainingEnd end) {
  switch (end) {
    case TrainingEnd::finished:
      return "finished";
    case TrainingEnd::early_stop:
      return "early stop";
    case TrainingEnd::time_up:
      return "time is up";
    case TrainingEnd::stopped:
      return "stopped";
  }
  return "?";
}

struct TrainingOutcome {
  TrainingEnd end = TrainingEnd::finished;
  long first = 0;                  ///< steps that were done before, by the run that was resumed
  long steps = 0;                  ///< done in all
  double seconds = 0;              ///< of this process
  double images_per_second = 0;    ///< of training alone
  std::optional<Evaluation> last;  ///< of the weights at the end
  NamedNumber best{"ap"};          ///< headline() of the best evaluation
  long best_step = 0;
  std::filesystem::path report;  ///< the page, of a recorded run
};

}  // namespace ocelli::train
