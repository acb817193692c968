// Session: what is behind a Trainer, for one backend and any SSD or classifier.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "ocelli/data/open_source.hpp"
#include "ocelli/data/split.hpp"
#include "ocelli/model/classifier.hpp"
#include "ocelli/model/ssd.hpp"
#include "ocelli/train/hyperparameter_values.hpp"
#include "ocelli/train/observer.hpp"
#include "ocelli/train/outcome.hpp"
#include "ocelli/train/training_options.hpp"

namespace ocelli {

/// What a program usually sets; 0 or empty leaves it to the model's defaults.
struct TrainerSettings {
  long steps = 0;            ///< 0: recommended from the number of pictures
  double learning_rate = 0;  ///< 0: the model's, 0.004 of an SSD
  int batch = 0;             ///< pictures a step; 0: the model's, 24 of an SSD
  std::uint64_t seed = 42;
  std::filesystem::path out = "run";  ///< the run folder: log, report, snapshots, weights
  bool resume = false;                ///< go on from the folder's newest snapshot
  std::filesystem::path from = {};    ///< start from these weights
  int threads = 0;                    ///< 0: one a core
  bool quiet = false;                 ///< no progress on standard error
  train::PictureFeed pictures = train::PictureFeed::automatic;  ///< who augments: see there
  bool eager = false;                 ///< on a device: each operation by itself, not a graph
  data::SourceOptions source = {};    ///< how the pictures are reached when they lie in a bucket
  std::vector<std::string> set = {};  ///< any other hyperparameter: "moving_average_decay=0.999"
};

namespace train {

class Hyperparameters;

template <class B>
class Session {
 public:
  /// @param optimizer  the value of the hyperparameter: "rmsprop" or "sgd"
  Session(const TrainerSettings& settings, const char* optimizer);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Trains on one part, evaluates on the other, which may be empty. The tables that `spec` points
  /// to must outlive the session.
  /// @param compiled  the hyperparameters that the type of the model has settled
  TrainingOutcome fit(
      const SsdSpec& spec, const SsdCompiled& compiled, data::Split parts,
      const std::vector<TrainingObserver*>& observers);
  /// The same for a classifier. Throws ConfigError for a backend that they are not trained on.
  TrainingOutcome fit(
      const ClassifierSpec& spec, const SsdCompiled& compiled, data::Split parts,
      const std::vector<TrainingObserver*>& observers);

  /// Writes what was learned. Throws StoreError; ConfigError before fit().
  void save(const std::filesystem::path& path);

 private:
  struct Parts;
  template <class TrainerOf>
  TrainingOutcome fit_with(
      const typename TrainerOf::Spec& spec, Hyperparameters hyper, data::Split parts,
      const std::vector<TrainingObserver*>& observers);
  TrainerSettings settings_;
  const char* optimizer_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace train
}  // namespace ocelli

#ifndef OCELLI_COMPILED
#include "ocelli/train/session_impl.hpp"
#endif
