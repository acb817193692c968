// How a Session trains: hyperparameters from the settings, pictures from the folder, a trainer.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "ocelli/core/error.hpp"
#include "ocelli/core/thread_pool.hpp"
#include "ocelli/data/cache.hpp"
#include "ocelli/data/open_source.hpp"
#include "ocelli/data/source.hpp"
#include "ocelli/train/classifier_trainer.hpp"
#include "ocelli/train/hyperparameters.hpp"
#include "ocelli/train/recorded_training.hpp"
#include "ocelli/train/session.hpp"
#include "ocelli/train/ssd_trainer.hpp"

namespace ocelli::train {

/// The model's name of an SSD type.
inline ModelName model_name_of(const SsdSpec& spec) {
  if (std::string(spec.backbone) == "mobilenet_v1") return ModelName::ssd_mobilenet_v1;
  return spec.lite ? ModelName::ssdlite_mobilenet_v2 : ModelName::ssd_mobilenet_v2;
}

/// The model's name of a classifier type.
inline ModelName model_name_of(const ClassifierSpec& spec) {
  return std::string(spec.backbone) == "mobilenet_v1" ? ModelName::mobilenet_v1_classifier
                                                      : ModelName::mobilenet_v2_classifier;
}

template <class B>
struct Session<B>::Parts {
  Parts(data::Split parts, int threads, const data::SourceOptions& where)
      : split(std::move(parts)),
        pool(threads),
        backend(pool),
        source(data::open_source(split.train.root, where)),
        cache(split.train, *source, pool) {
    if (!split.validation.pictures.empty()) held_out.emplace(split.validation, *source, pool);
  }

  data::Split split;
  ThreadPool pool;
  B backend;
  std::unique_ptr<data::Source> source;
  data::ImageCache cache;
  std::optional<data::ImageCache> held_out;
  std::shared_ptr<void> trainer;  ///< of either kind
  std::function<void(const std::filesystem::path&)> save;
};

template <class B>
Session<B>::Session(const TrainerSettings& settings, const char* optimizer)
    : settings_(settings), optimizer_(optimizer) {}

template <class B>
Session<B>::~Session() = default;

template <class B>
TrainingOutcome Session<B>::fit(
    const SsdSpec& spec, const SsdCompiled& compiled, data::Split parts,
    const std::vector<TrainingObserver*>& observers) {
  return fit_with<SsdTrainer<B>>(
      spec, Hyperparameters(model_name_of(spec), compiled), std::move(parts), observers);
}

template <class B>
TrainingOutcome Session<B>::fit(
    const ClassifierSpec& spec, const SsdCompiled& compiled, data::Split parts,
    const std::vector<TrainingObserver*>& observers) {
  if constexpr (trains_classifiers<B>) {
    return fit_with<ClassifierTrainer<B>>(
        spec, Hyperparameters(model_name_of(spec), compiled), std::move(parts), observers);
  } else {
    throw ConfigError(
        "classifiers are trained on the CPU alone", "Trainer", "give the Trainer the device Cpu");
  }
}

template <class B>
template <class TrainerOf>
TrainingOutcome Session<B>::fit_with(
    const typename TrainerOf::Spec& spec, Hyperparameters hyper, data::Split parts,
    const std::vector<TrainingObserver*>& observers) {
  const auto set = [&](const char* name, const std::string& value) {
    hyper.set(name, value, Provenance::flag, std::string("TrainerSettings::") + name);
  };
  set("optimizer", optimizer_);
  if (settings_.learning_rate > 0)
    set("initial_learning_rate", detail::number_text(settings_.learning_rate));
  if (settings_.batch > 0) set("batch_size", std::to_string(settings_.batch));
  for (const std::string& one : settings_.set) hyper.set_flag(one);
  const auto pictures = static_cast<long>(parts.train.pictures.size());
  const long steps = settings_.steps > 0 ? settings_.steps : recommended_steps(hyper, pictures);
  if (hyper.is_default("num_steps")) set("num_steps", std::to_string(steps));
  hyper.check();

  parts_ = std::make_unique<Parts>(std::move(parts), settings_.threads, settings_.source);
  TrainingOptions options;
  options.out = settings_.out;
  options.resume = settings_.resume;
  options.from = settings_.from;
  options.seed = settings_.seed;
  options.pictures = settings_.pictures;
  options.eager = settings_.eager;
  const bool evaluates = parts_->held_out.has_value();
  const auto trainer = std::make_shared<TrainerOf>(
      parts_->backend, parts_->pool, spec, hyper, options,
      TrainingData{&parts_->split.train, &parts_->cache},
      TrainingData{
          evaluates ? &parts_->split.validation : nullptr,
          evaluates ? &*parts_->held_out : nullptr});
  parts_->trainer = trainer;
  parts_->save = [&trained = *trainer](const std::filesystem::path& path) { trained.save(path); };
  for (TrainingObserver* observer : observers) trainer->observe(*observer);
  return fit_recorded(*trainer, !settings_.quiet);
}

template <class B>
void Session<B>::save(const std::filesystem::path& path) {
  if (!parts_ || !parts_->trainer)
    throw ConfigError("nothing was trained yet", "Trainer", "call fit() first");
  parts_->save(path);
}

}  // namespace ocelli::train
