// TrainingOptions: how a training is run; what it computes is in the hyperparameters.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "ocelli/data/resize.hpp"

namespace ocelli::train {

/// Where training pictures are augmented: by the loader's threads, or by a device that holds them
/// all. Both give the same pictures, but for rounding.
enum class PictureFeed {
  automatic,  ///< the device where it can
  loader,
  device,  ///< an error where it cannot
};

struct TrainingOptions {
  std::filesystem::path out = "run";  ///< the run folder
  bool resume = false;                ///< go on from the folder's newest whole snapshot
  std::filesystem::path from;         ///< start from these weights: a run, a folder or a file
  std::uint64_t seed = 42;
  std::string device = "cpu";    ///< what computes, for the run's config.json
  long log_steps = 20;           ///< steps between two lines of the log
  long eval_steps = 0;           ///< steps between two evaluations; 0: ten in a training
  long snapshot_steps = 500;     ///< steps between two snapshots
  double snapshot_minutes = 10;  ///< or after this time, whichever comes first; 0: by steps alone
  int keep = 3;                  ///< snapshots that stay
  double time_budget = 0;        ///< seconds after which the training saves and stops; 0: none
  int loader_threads = 1;        ///< that prepare batches
  PictureFeed pictures = PictureFeed::automatic;
  std::size_t picture_bytes = 0;  ///< most that a device holds of them; 0: half its free memory
  bool eager = false;  ///< ask a device for each operation, not for the step as one graph
  int eval_batch = 8;  ///< pictures evaluated at once
  std::size_t book_pictures = 24;  ///< pictures of the Flip Book
};

}  // namespace ocelli::train
