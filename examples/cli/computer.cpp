// Which computer an option names.
// SPDX-License-Identifier: Apache-2.0
#include "computer.hpp"

#include <CLI/CLI.hpp>

#include "computer_on.hpp"
#include "ocelli/core/error.hpp"
#include "ocelli/cpu/backend.hpp"

namespace program {

using namespace ocelli;

namespace {

constexpr std::string_view kNumbered = "cuda:";

std::string check_name(const std::string& text) {
  const std::string number =
      text.starts_with(kNumbered) ? text.substr(kNumbered.size()) : std::string("0");
  const bool digits = !number.empty() && number.size() < 4 &&
                      number.find_first_not_of("0123456789") == std::string::npos;
  if (text == "auto" || text == "cpu" || text == "cuda" || (text.starts_with(kNumbered) && digits))
    return {};
  return "\"" + text + "\" is no device; give auto, cpu, cuda or cuda:1";
}

struct CpuComputer : ComputerOn<CpuBackend> {
  using ComputerOn::ComputerOn;
  std::string name() const override {
    return "cpu, " + std::to_string(pool().size()) + (pool().size() == 1 ? " thread" : " threads");
  }
};

std::unique_ptr<Computer> make_cpu_computer(const ComputerOptions& options) {
  if (options.precision != "float32")
    throw ConfigError(
        "the CPU computes in float32", "--precision " + options.precision,
        "leave it out, or compute on a GPU with --device cuda");
  if (options.engines != "own")
    throw ConfigError(
        "the CPU has our own loops alone", "--engines " + options.engines,
        "leave it out, or compute on a GPU with --device cuda");
  return std::make_unique<CpuComputer>(options.threads);
}

}  // namespace

void add_computer_options(CLI::App& command, ComputerOptions& options) {
  command
      .add_option(
          "--device", options.device, "auto, cpu, cuda or cuda:N; auto: a GPU where there is one")
      ->check(check_name)
      ->capture_default_str();
  command
      .add_option(
          "--precision", options.precision,
          "On a GPU: float32, tf32 (products on tensor cores) or bf16 (and values stored so)")
      ->check(CLI::IsMember({"float32", "tf32", "bf16"}))
      ->capture_default_str();
  command
      .add_option(
          "--engines", options.engines,
          "On a GPU, who makes convolutions: own, cublas, cudnn, auto (timed) or a run's "
          "engines.plan")
      ->capture_default_str();
  command.add_option("--threads", options.threads, "Threads of the CPU; 0: one a core")
      ->check(CLI::Range(0, 1024));
}

std::unique_ptr<Computer> make_computer(const ComputerOptions& options) {
  if (options.device == "cpu") return make_cpu_computer(options);
#ifdef OCELLI_PROGRAM_CUDA
  if (options.device == "auto" && cuda_devices() == 0) return make_cpu_computer(options);
  const int device = options.device.starts_with(kNumbered)
                         ? std::stoi(options.device.substr(kNumbered.size()))
                         : 0;
  return make_cuda_computer(device, options);
#else
  if (options.device == "auto") return make_cpu_computer(options);
  throw DeviceError(
      "this program was built for the CPU alone", "--device " + options.device,
      "use --device cpu, or build it where nvcc is found");
#endif
}

}  // namespace program
