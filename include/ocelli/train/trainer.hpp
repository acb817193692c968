// Trainer: the training of a detector type, or a classifier's, in a few lines of a program of one's
// own.
//
//   ocelli::Trainer<Detector, ocelli::RmsProp, ocelli::Cpu> trainer{{.steps = 4000}};
//   trainer.fit(ocelli::data::split_percent(ocelli::data::open("my-pictures"), 20));
//   trainer.save("mine.safetensors");
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/train/session.hpp"

namespace ocelli {

/// Optimizers by type; their numbers are hyperparameters.
struct RmsProp {
  static constexpr const char* name = "rmsprop";
};
struct SgdMomentum {
  static constexpr const char* name = "sgd";
};

/// @tparam Detector   an Ssd<...> or a Classifier<...>
/// @tparam Optimizer  RmsProp or SgdMomentum
/// @tparam Device     Cpu: a type with a Backend, from the door that brings it in
template <class Detector, class Optimizer, class Device>
class Trainer {
 public:
  explicit Trainer(const TrainerSettings& settings) : session_(settings, Optimizer::name) {}

  /// Trains on one part, evaluates on the other (which may be empty). Further observers are told
  /// too. Throws what reading, training and writing throw; see docs.
  train::TrainingOutcome fit(
      data::Split parts, const std::vector<train::TrainingObserver*>& observers = {}) {
    const auto classes = static_cast<int>(parts.train.labels.size());
    if constexpr (Detector::is_static) {
      detector_ = std::make_unique<Detector>();
      if (detector_->view().classes != classes)
        throw ConfigError(
            "the model has " + std::to_string(detector_->view().classes) + " classes, the data " +
                std::to_string(classes),
            "Trainer", "give it Classes<" + std::to_string(classes) + "> or Classes<Dynamic>");
    } else {
      detector_ = std::make_unique<Detector>(
          Detector::input_shape(
              {Detector::Configuration::image_height, Detector::Configuration::image_width, 3}),
          classes);
    }
    const auto spec = detector_->spec();
    train::SsdCompiled compiled = train::SsdCompiled::of<typename Detector::Configuration>();
    compiled.image_height = spec.model.input.height;
    compiled.image_width = spec.model.input.width;
    return session_.fit(spec, compiled, std::move(parts), observers);
  }

  /// Writes what was learned. Throws StoreError; ConfigError before fit().
  void save(const std::filesystem::path& path) { session_.save(path); }

 private:
  std::unique_ptr<Detector> detector_;  // outlives the session, which points to its tables
  train::Session<typename Device::Backend> session_;
};

}  // namespace ocelli
