// ComputerOn: a Computer that computes with one backend.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>
#include <utility>
#include <vector>

#include "computer.hpp"
#include "ocelli/core/error.hpp"
#include "ocelli/train/classifier_trainer.hpp"
#include "ocelli/train/recorded_training.hpp"
#include "ocelli/train/ssd_trainer.hpp"

namespace program {

template <ocelli::Backend B>
class DetectorOn : public AnyDetector {
 public:
  template <class... A>
  explicit DetectorOn(A&&... arguments) : detector_(std::forward<A>(arguments)...) {}

  int batch() const override { return detector_.batch(); }
  ocelli::Shape input() const override { return detector_.input(); }
  float* image(int i) override { return detector_.image(i); }
  void run(int count) override { detector_.run(count); }
  std::span<const ocelli::Detection> detections(int i) const override {
    return detector_.detections(i);
  }

 private:
  ocelli::train::SsdDetector<B> detector_;
};

template <ocelli::Backend B>
class ClassifierOn : public AnyClassifier {
 public:
  template <class... A>
  explicit ClassifierOn(A&&... arguments) : runner_(std::forward<A>(arguments)...) {}

  int batch() const override { return runner_.batch(); }
  ocelli::Shape input() const override { return runner_.input(); }
  float* image(int i) override { return runner_.image(i); }
  void run(int count) override { runner_.run(count); }
  std::span<const float> scores(int i) const override { return runner_.scores(i); }

 private:
  ocelli::train::ClassifierRunner<B> runner_;
};

template <ocelli::Backend B>
class ComputerOn : public Computer {
 public:
  /// @param more  of the backend's constructor, behind the pool
  template <class... A>
  explicit ComputerOn(int threads, A&&... more)
      : Computer(threads), backend_(pool(), std::forward<A>(more)...) {}

  std::unique_ptr<AnyDetector> detector(
      const ocelli::SsdSpec& spec, const ocelli::train::SsdHyperparameters& values,
      ocelli::Weights<float>& weights, int batch, double score_threshold) override {
    return std::make_unique<DetectorOn<B>>(
        backend_, pool(), spec, values, weights, batch, score_threshold);
  }

  ocelli::train::TrainingOutcome train(
      const ocelli::SsdSpec& spec, const ocelli::train::Hyperparameters& settings,
      const ocelli::train::TrainingOptions& options, ocelli::train::TrainingData train,
      ocelli::train::TrainingData held_out,
      const std::function<void(const ocelli::data::TargetCounts&)>& begin,
      const std::vector<ocelli::train::TrainingObserver*>& observers) override {
    ocelli::train::SsdTrainer<B> trainer(
        backend_, pool(), spec, settings, options, train, held_out);
    for (ocelli::train::TrainingObserver* observer : observers) trainer.observe(*observer);
    begin(trainer.loader().counts());
    return ocelli::train::fit_recorded(trainer, true, [&] { prepared(options); });
  }

  std::unique_ptr<AnyClassifier> classifier(
      const ocelli::ClassifierSpec& spec, const ocelli::train::HyperparameterValues& values,
      ocelli::Weights<float>& weights, int batch) override {
    if constexpr (std::is_same_v<typename B::Scalar, float>) {
      return std::make_unique<ClassifierOn<B>>(backend_, spec, values, weights, batch);
    } else {
      throw ocelli::ConfigError(
          "classifiers are computed in float32", "--precision", "leave it out");
    }
  }

  bool trains_classifiers() const override { return ocelli::train::trains_classifiers<B>; }

  ocelli::train::TrainingOutcome train_classifier(
      const ocelli::ClassifierSpec& spec, const ocelli::train::Hyperparameters& settings,
      const ocelli::train::TrainingOptions& options, ocelli::train::TrainingData train,
      ocelli::train::TrainingData held_out,
      const std::function<void(const ocelli::data::TargetCounts&)>& begin,
      const std::vector<ocelli::train::TrainingObserver*>& observers) override {
    if constexpr (ocelli::train::trains_classifiers<B>) {
      ocelli::train::ClassifierTrainer<B> trainer(
          backend_, pool(), spec, settings, options, train, held_out);
      for (ocelli::train::TrainingObserver* observer : observers) trainer.observe(*observer);
      begin(trainer.loader().counts());
      return ocelli::train::fit_recorded(trainer, true);
    } else {
      throw ocelli::ConfigError(
          "classifiers are trained on the CPU", "--device", "give --device cpu");
    }
  }

 protected:
  B& backend() { return backend_; }
  /// The run folder is open, nothing is trained yet.
  virtual void prepared(const ocelli::train::TrainingOptions&) {}

  B backend_;
};

}  // namespace program
