// ComputerOn: a Computer that computes with one backend.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>
#include <vector>

#include "computer.hpp"
#include "ocelli/train/recorded_training.hpp"
#include "ocelli/train/ssd_detector.hpp"

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

 protected:
  B& backend() { return backend_; }
  /// The run folder is open, nothing is trained yet.
  virtual void prepared(const ocelli::train::TrainingOptions&) {}

  B backend_;
};

}  // namespace program
