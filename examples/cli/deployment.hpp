// What a training does with buckets besides reading pictures: its run is mirrored to one, and its
// weights are published when it is over.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "ocelli/bucket/open.hpp"
#include "ocelli/deploy/mirror.hpp"
#include "ocelli/train/observer.hpp"

namespace program {

struct DeploymentOptions {
  bool publish = false;
  std::string publish_to;                   ///< a bucket; empty: the one of the data
  std::optional<std::string> branch, name;  ///< of what is published
  std::string mirror;                       ///< a bucket; empty: none
};
/// Adds --publish, --publish-to, --branch, --name and --mirror.
void add_deployment_options(CLI::App& command, DeploymentOptions& options);

class Deployment {
 public:
  /// Asks the buckets whether they can be used, before hours of training; with `resume` it brings
  /// the run folder to where its mirror is. Call it before the run folder is read.
  /// @param data   where the pictures come from: --publish puts the model beside its labels
  /// @param store  how its bucket is opened, and the others
  /// @throws ConfigError for options that contradict each other, or would do nothing; StoreError
  Deployment(
      const DeploymentOptions& options, const std::string& data,
      const ocelli::bucket::StoreOptions& store, const std::filesystem::path& out, bool resume);

  /// Before hours of training: can a model with these labels be published, when it is to be?
  /// @throws ConfigError
  void check_labels(const std::vector<std::string>& labels) const;

  /// For the training.
  std::vector<ocelli::train::TrainingObserver*> observers() const;

  /// The training is over: writes what is due and publishes the best weights, unless the training
  /// was stopped. Adds to its results what was published.
  /// @return the exit code; what goes wrong is told on standard error, for the weights are here
  int finish(nlohmann::ordered_json& results);

 private:
  std::string branch() const;

  DeploymentOptions options_;
  ocelli::bucket::OpenedStore published_, mirrored_;
  std::unique_ptr<ocelli::deploy::Mirror> mirror_;
};

}  // namespace program
