// fit_recorded: a training from its first step to its report, narrated and written down.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <functional>
#include <optional>

#include "ocelli/train/narrator.hpp"
#include "ocelli/train/run_recorder.hpp"
#include "ocelli/train/task_trainer.hpp"

namespace ocelli::train {

/// Prepares the trainer and trains, with everything in the run folder that a run has: log, results,
/// events, status and report, and frees the folder for the next. What goes wrong is in the status
/// before it is thrown on.
/// @param narrate   show progress on standard error
/// @param prepared  called when the run folder is open, before the first step; may be empty
template <class Task>
TrainingOutcome fit_recorded(
    TaskTrainer<Task>& trainer, bool narrate, const std::function<void()>& prepared = {}) {
  struct Closing {
    TaskTrainer<Task>& trainer;
    ~Closing() { trainer.close(); }
  } const closing{trainer};
  std::optional<Narrator> narrator;
  if (narrate) trainer.observe(narrator.emplace(trainer.settings().values().num_steps));
  const long done = trainer.prepare();
  if (prepared) prepared();
  RunRecorder recorder(
      trainer.run(), trainer.settings(), trainer.options(), trainer.train_data().dataset->labels,
      trainer.held_out().dataset, trainer.held_out().cache, done, Task::target);
  trainer.observe(recorder);
  TrainingOutcome outcome;
  try {
    outcome = trainer.fit();
  } catch (const std::exception& fault) {
    if (narrator) narrator->finish();
    recorder.fail(fault.what());
    throw;
  }
  if (narrator) narrator->finish();
  const bool complete =
      outcome.end == TrainingEnd::finished || outcome.end == TrainingEnd::early_stop;
  recorder.finish(name(outcome.end), complete, outcome.last ? &*outcome.last : nullptr);
  outcome.report = recorder.report_path();
  return outcome;
}

}  // namespace ocelli::train
