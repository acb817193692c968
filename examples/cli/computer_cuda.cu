// The GPU as a Computer. Only in programs that are built with nvcc.
// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <filesystem>

#include "computer_on.hpp"
#include "ocelli/core/file.hpp"
#include "ocelli/cuda/backend.hpp"
#include "ocelli/cuda/device.hpp"
#include "ocelli/cuda/ssd_finder.hpp"
#include "ocelli/cuda/step_math.hpp"
#include "ocelli/cuda/step_math_bf16.hpp"

namespace program {

using namespace ocelli;

int cuda_devices() { return cuda::device_count(); }

namespace {

/// Where a run keeps which engine made what, to be given back with --engines.
std::filesystem::path plan_of(const std::filesystem::path& run) { return run / "engines.plan"; }

template <class B>
class CudaComputer : public ComputerOn<B> {
 public:
  CudaComputer(int device, Precision precision, const ComputerOptions& options)
      : ComputerOn<B>(options.threads, precision),
        name_(
            "cuda:" + std::to_string(device) + ", " + cuda::device_info(device).name + ", " +
            options.precision +
            (options.engines == "own" ? std::string() : ", engines " + options.engines)),
        engines_(cuda::EngineOptions::of_flag(options.engines)) {
    engines_.observer = [](const cuda::EngineDecision& decision) {
      if (decision.fell_back) std::fprintf(stderr, "engines: %s\n", decision.text().c_str());
    };
    this->backend().choose_engines(engines_);
  }

  std::string name() const override { return name_; }

  train::TrainingOutcome train(
      const SsdSpec& spec, const train::Hyperparameters& settings,
      const train::TrainingOptions& options, train::TrainingData train,
      train::TrainingData held_out, const std::function<void(const data::TargetCounts&)>& begin,
      const std::vector<train::TrainingObserver*>& observers) override {
    // A resumed run goes on with the engines that it had: another timing may choose others.
    const std::filesystem::path plan = plan_of(options.out);
    if (options.resume && engines_.mode == cuda::EngineMode::trial &&
        std::filesystem::exists(plan)) {
      cuda::EngineOptions before = cuda::EngineOptions::of_flag(plan.string());
      before.observer = engines_.observer;
      this->backend().choose_engines(before);
      std::fprintf(stderr, "engines as in %s\n", plan.c_str());
    }
    return ComputerOn<B>::train(spec, settings, options, train, held_out, begin, observers);
  }

 protected:
  void prepared(const train::TrainingOptions& options) override {
    if (engines_.mode == cuda::EngineMode::own) return;
    write_file(plan_of(options.out), this->backend().engine_plan().text());
  }

 private:
  std::string name_;
  cuda::EngineOptions engines_;
};

}  // namespace

std::unique_ptr<Computer> make_cuda_computer(int device, const ComputerOptions& options) {
  cuda::use_device(device);
  if (options.precision == "bf16")
    return std::make_unique<CudaComputer<CudaBackendBf16>>(device, Precision::bf16, options);
  return std::make_unique<CudaComputer<CudaBackend>>(
      device, options.precision == "tf32" ? Precision::tf32 : Precision::float32, options);
}

}  // namespace program
