// Trainer: the training of a detector type in a few lines of a program of one's own.
//
//   ocelli::Trainer<Detector, ocelli::RmsProp, ocelli::Cpu> trainer{{.steps = 4000}};
//   trainer.fit(ocelli::data::split_percent(ocelli::data::open("my-pictures"), 20));
//   trainer.save("mine.safetensors");
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ocelli/data/split.hpp"
#include "ocelli/train/progress.hpp"
#include "ocelli/train/ssd_trainer.hpp"

namespace ocelli {

/// Optimizers by type; their numbers are hyperparameters.
struct RmsProp {
  static constexpr const char* name = "rmsprop";
};
struct SgdMomentum {
  static constexpr const char* name = "sgd";
};

/// What a program usually sets; 0 or empty leaves it to the model's defaults.
struct TrainerSettings {
  long steps = 0;            ///< 0: recommended from the number of pictures
  double learning_rate = 0;  ///< 0: the model's, 0.004
  int batch = 0;             ///< pictures a step; 0: the model's, 24
  std::uint64_t seed = 42;
  std::filesystem::path out = "run";  ///< the run folder: log, snapshots, best weights
  bool resume = false;                ///< go on from the folder's newest snapshot
  std::filesystem::path from = {};    ///< start from these weights
  int threads = 0;                    ///< 0: one a core
  bool quiet = false;                 ///< no progress on standard error
  std::vector<std::string> set = {};  ///< any other hyperparameter: "moving_average_decay=0.999"
};

namespace train {

/// Shows a training on standard error.
class Narrator : public TrainingObserver {
 public:
  explicit Narrator(long steps) : progress_(steps) {}
  void on_point(const TrainingPoint& point) override {
    progress_.update(
        {point.step, point.steps, point.loss(), point.learning_rate, point.images_per_second,
         point.data_wait, point.seconds_left});
  }
  void on_evaluation(long step, const Evaluation& evaluation, bool best) override {
    const eval::CocoResult& coco = evaluation.coco;
    char text[128];
    std::snprintf(
        text, sizeof text, "step %ld: AP %.3f  AP50 %.3f  AP75 %.3f%s", step, coco.ap(),
        coco.ap50(), coco.ap75(), best ? "  (best)" : "");
    progress_.message(text);
  }
  void on_message(const std::string& text, bool warning) override {
    progress_.message((warning ? "warning: " : "") + text);
  }
  void finish() { progress_.finish(); }

 private:
  Progress progress_;
};

/// The model's name of an SSD type.
inline ModelName model_name_of(const SsdSpec& spec) {
  if (std::string(spec.backbone) == "mobilenet_v1") return ModelName::ssd_mobilenet_v1;
  return spec.lite ? ModelName::ssdlite_mobilenet_v2 : ModelName::ssd_mobilenet_v2;
}

}  // namespace train

/// @tparam Detector   an Ssd<...>
/// @tparam Optimizer  RmsProp or SgdMomentum
/// @tparam Device     Cpu: a type with a Backend, from the door that brings it in
template <class Detector, class Optimizer, class Device>
class Trainer {
 public:
  explicit Trainer(TrainerSettings settings) : settings_(std::move(settings)) {}

  /// Trains on one part, evaluates on the other (which may be empty). Further observers are told
  /// too. Throws what reading, training and writing throw; see docs.
  train::TrainingOutcome fit(
      data::Split parts, const std::vector<train::TrainingObserver*>& observers = {}) {
    parts_ = std::move(parts);
    const auto classes = static_cast<int>(parts_.train.labels.size());
    if constexpr (Detector::is_static) {
      detector_ = std::make_unique<Detector>();
      if (detector_->view().classes != classes)
        throw ConfigError(
            "the detector has " + std::to_string(detector_->view().classes) +
                " classes, the data " + std::to_string(classes),
            "Trainer", "give it Classes<" + std::to_string(classes) + "> or Classes<Dynamic>");
    } else {
      detector_ = std::make_unique<Detector>(
          Shape{Detector::Configuration::image_height, Detector::Configuration::image_width, 3},
          classes);
    }
    const SsdSpec spec = detector_->spec();
    train::SsdCompiled compiled = train::SsdCompiled::of<typename Detector::Configuration>();
    compiled.image_height = spec.model.input.height;
    compiled.image_width = spec.model.input.width;
    train::Hyperparameters hyper(train::model_name_of(spec), compiled);
    const auto set = [&](const char* name, const std::string& value) {
      hyper.set(name, value, train::Provenance::flag, std::string("TrainerSettings::") + name);
    };
    set("optimizer", Optimizer::name);
    if (settings_.learning_rate > 0)
      set("initial_learning_rate", train::detail::number_text(settings_.learning_rate));
    if (settings_.batch > 0) set("batch_size", std::to_string(settings_.batch));
    for (const std::string& one : settings_.set) hyper.set_flag(one);
    const long steps = settings_.steps > 0 ? settings_.steps
                                           : train::recommended_steps(
                                                 static_cast<long>(parts_.train.pictures.size()),
                                                 hyper.values().batch_size);
    if (hyper.is_default("num_steps")) set("num_steps", std::to_string(steps));
    hyper.check();

    pool_ = std::make_unique<ThreadPool>(settings_.threads);
    backend_ = std::make_unique<typename Device::Backend>(*pool_);
    source_ = std::make_unique<data::FolderSource>(parts_.train.root);
    cache_ = std::make_unique<data::ImageCache>(parts_.train, *source_, *pool_);
    const bool evaluates = !parts_.validation.pictures.empty();
    if (evaluates)
      held_out_ = std::make_unique<data::ImageCache>(parts_.validation, *source_, *pool_);
    train::TrainingOptions options;
    options.out = settings_.out;
    options.resume = settings_.resume;
    options.from = settings_.from;
    options.seed = settings_.seed;
    trainer_ = std::make_unique<train::SsdTrainer<typename Device::Backend>>(
        *backend_, *pool_, spec, hyper, options, train::TrainingData{&parts_.train, cache_.get()},
        train::TrainingData{evaluates ? &parts_.validation : nullptr, held_out_.get()});
    std::optional<train::Narrator> narrator;
    if (!settings_.quiet) {
      narrator.emplace(hyper.values().num_steps);
      trainer_->observe(*narrator);
    }
    for (train::TrainingObserver* observer : observers) trainer_->observe(*observer);
    trainer_->prepare();
    train::TrainingOutcome outcome = trainer_->fit();
    if (narrator) narrator->finish();
    return outcome;
  }

  /// Writes what was learned. Throws StoreError; ConfigError before fit().
  void save(const std::filesystem::path& path) {
    if (!trainer_) throw ConfigError("nothing was trained yet", "Trainer", "call fit() first");
    trainer_->save(path);
  }

 private:
  TrainerSettings settings_;
  data::Split parts_;
  std::unique_ptr<Detector> detector_;
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<typename Device::Backend> backend_;
  std::unique_ptr<data::FolderSource> source_;
  std::unique_ptr<data::ImageCache> cache_, held_out_;
  std::unique_ptr<train::SsdTrainer<typename Device::Backend>> trainer_;
};

}  // namespace ocelli
