// Trained weights from a file or a run folder, with the model and settings they belong to.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "ocelli/net/weights.hpp"
#include "ocelli/train/hyperparameters.hpp"
#include "ocelli/train/weights_file.hpp"
#include "program.hpp"

namespace program {

struct Loaded {
  ocelli::train::WeightsInfo info;
  ocelli::train::Hyperparameters settings;
  Model model;
  std::unique_ptr<ocelli::Weights<float>> weights;
};

/// @param path  a weights file, a snapshot, or a run folder (its best weights)
/// Throws StoreError, CheckpointError, ConfigError.
Loaded load_weights(const std::string& path);

}  // namespace program
