// Computer: what a command computes with, the CPU or a GPU. Which one is an option of each command
// that computes; the commands themselves do not know.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ocelli/box/box.hpp"
#include "ocelli/core/shape.hpp"
#include "ocelli/core/thread_pool.hpp"
#include "ocelli/data/targets.hpp"
#include "ocelli/model/classifier.hpp"
#include "ocelli/model/ssd.hpp"
#include "ocelli/net/weights.hpp"
#include "ocelli/train/hyperparameters.hpp"
#include "ocelli/train/observer.hpp"
#include "ocelli/train/outcome.hpp"
#include "ocelli/train/training_data.hpp"
#include "ocelli/train/training_options.hpp"

namespace CLI {
class App;
}

namespace program {

/// A train::SsdDetector of any backend.
class AnyDetector {
 public:
  virtual ~AnyDetector() = default;
  virtual int batch() const = 0;
  virtual ocelli::Shape input() const = 0;
  virtual float* image(int i) = 0;
  virtual void run(int count) = 0;
  virtual std::span<const ocelli::Detection> detections(int i) const = 0;
};

/// A train::ClassifierRunner of any backend.
class AnyClassifier {
 public:
  virtual ~AnyClassifier() = default;
  virtual int batch() const = 0;
  virtual ocelli::Shape input() const = 0;
  virtual float* image(int i) = 0;
  virtual void run(int count) = 0;
  virtual std::span<const float> scores(int i) const = 0;
};

class Computer {
 public:
  explicit Computer(int threads) : pool_(threads) {}
  virtual ~Computer() = default;

  /// For people: "cpu, 2 threads".
  virtual std::string name() const = 0;
  ocelli::ThreadPool& pool() { return pool_; }
  const ocelli::ThreadPool& pool() const { return pool_; }

  /// Spec and weights must outlive the detector.
  virtual std::unique_ptr<AnyDetector> detector(
      const ocelli::SsdSpec& spec, const ocelli::train::SsdHyperparameters& values,
      ocelli::Weights<float>& weights, int batch, double score_threshold) = 0;

  /// Likewise. Throws ConfigError where the values are not stored in float32.
  virtual std::unique_ptr<AnyClassifier> classifier(
      const ocelli::ClassifierSpec& spec, const ocelli::train::HyperparameterValues& values,
      ocelli::Weights<float>& weights, int batch) = 0;

  /// A whole training, narrated and written down.
  /// @param begin      is told what there is to learn from, before the first step
  /// @param observers  are told of the training, too
  virtual ocelli::train::TrainingOutcome train(
      const ocelli::SsdSpec& spec, const ocelli::train::Hyperparameters& settings,
      const ocelli::train::TrainingOptions& options, ocelli::train::TrainingData train,
      ocelli::train::TrainingData held_out,
      const std::function<void(const ocelli::data::TargetCounts&)>& begin,
      const std::vector<ocelli::train::TrainingObserver*>& observers) = 0;

  virtual bool trains_classifiers() const = 0;
  /// The same for a classifier. Throws ConfigError unless this trains classifiers.
  virtual ocelli::train::TrainingOutcome train_classifier(
      const ocelli::ClassifierSpec& spec, const ocelli::train::Hyperparameters& settings,
      const ocelli::train::TrainingOptions& options, ocelli::train::TrainingData train,
      ocelli::train::TrainingData held_out,
      const std::function<void(const ocelli::data::TargetCounts&)>& begin,
      const std::vector<ocelli::train::TrainingObserver*>& observers) = 0;

 private:
  ocelli::ThreadPool pool_;
};

struct ComputerOptions {
  std::string device = "auto";        ///< auto, cpu, cuda or cuda:N
  std::string precision = "float32";  ///< float32, tf32 or bf16; the CPU has the first alone
  std::string engines = "own";        ///< own, cublas, cudnn, auto or a plan's file; likewise
  int threads = 0;                    ///< 0: one a core
};
/// Adds --device, --precision, --engines and --threads.
void add_computer_options(CLI::App& command, ComputerOptions& options);
/// Throws DeviceError for a device that is not there or that this program was built without,
/// ConfigError for what the device cannot do.
std::unique_ptr<Computer> make_computer(const ComputerOptions& options);

// computer_cuda.cu, in programs that are built with nvcc.

/// @param device  from 0
/// Throws DeviceError where there is no such device, ConfigError and StoreError for the engines.
std::unique_ptr<Computer> make_cuda_computer(int device, const ComputerOptions& options);
/// 0 where there is no device, or no driver.
int cuda_devices();

}  // namespace program
