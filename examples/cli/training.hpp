// One training from data to report, as `train` and `demo` run it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "computer.hpp"
#include "ocelli/data/dataset.hpp"
#include "ocelli/data/source.hpp"
#include "ocelli/train/hyperparameters.hpp"
#include "ocelli/train/observer.hpp"
#include "ocelli/train/training_options.hpp"
#include "program.hpp"

namespace program {

struct TrainingRequest {
  ocelli::train::Hyperparameters settings;
  ocelli::train::TrainingOptions options;
  ocelli::data::Dataset train, held_out;  ///< held_out may be empty: nothing is evaluated then
  const ocelli::data::Source* source = nullptr;
  bool skip_bad = false;
  std::vector<ocelli::train::TrainingObserver*> observers = {};  ///< told besides the run folder
  bool demo = false;  ///< train the demo's net instead of the model that the settings name
};

/// Runs it; returns what the last line of standard output says.
nlohmann::ordered_json run_training(Computer& computer, TrainingRequest& request);

}  // namespace program
