// Trained weights from a file, a run folder or a bucket, with the model and settings they belong
// to.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "named_weights.hpp"
#include "ocelli/bucket/open.hpp"
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

/// Adds --weights, --branch and --name.
void add_weights_options(CLI::App& command, WeightsOptions& options);
/// @param store  how the bucket is reached
/// Throws StoreError, CheckpointError, ConfigError.
Loaded load_weights(const WeightsOptions& options, const ocelli::bucket::StoreOptions& store);

/// @param path  a weights file, a snapshot, or a run folder (its best weights)
/// Throws StoreError, CheckpointError, ConfigError.
Loaded load_weights(const std::string& path);

}  // namespace program
