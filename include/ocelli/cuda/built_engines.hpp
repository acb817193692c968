// The engines that this program was built with.
//
// cuBLASLt with OCELLI_WITH_CUBLAS, cuDNN with OCELLI_WITH_CUDNN: the CMake targets ocelli::cublas
// and ocelli::cudnn define them for nvcc, and link the libraries.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "ocelli/core/error.hpp"
#include "ocelli/cuda/cublas_engine.hpp"
#include "ocelli/cuda/cudnn_engine.hpp"
#include "ocelli/cuda/device.hpp"
#include "ocelli/cuda/engine.hpp"
#include "ocelli/cuda/engine_options.hpp"
#include "ocelli/simt/device.hpp"

namespace ocelli::cuda {

/// Whether the program was built with an engine.
constexpr bool is_built(Engine engine) {
#ifdef OCELLI_WITH_CUBLAS
  if (engine == Engine::cublas) return true;
#endif
#ifdef OCELLI_WITH_CUDNN
  if (engine == Engine::cudnn) return true;
#endif
  return engine == Engine::own;
}

/// The error of a program that lacks an engine: says how to build it.
inline ConfigError not_built(Engine engine) {
#ifdef __CUDACC__
  const bool cublas = engine == Engine::cublas;
  const std::string advice = std::string("link the CMake target ocelli::") + name(engine) +
                             "; configure with " + (cublas ? "OCELLI_CUBLAS" : "OCELLI_CUDNN") +
                             "=ON, which says where " + (cublas ? "cuBLAS" : "cuDNN") +
                             " is looked for; or choose own";
#else
  const std::string advice =
      "build the program with nvcc for a GPU and link the CMake target ocelli::" +
      std::string(name(engine)) + "; or choose own, which the emulator runs too";
#endif
  return ConfigError(
      "this program was built without it", std::string("engine ") + name(engine), advice);
}

/// The engines beside our own that options may choose, each with handles of its own. Without need
/// of a library none of it is loaded.
/// @param stream  in which they work
/// @throws DeviceError where a library does not start
template <class T>
EngineList<T> built_engines([[maybe_unused]] simt::Stream stream, const EngineOptions& options) {
  EngineList<T> engines;
  [[maybe_unused]] const auto needed = [&](Engine engine, EngineMode mode) {
    return options.mode == mode || options.mode == EngineMode::trial ||
           (options.mode == EngineMode::plan && options.plan.uses(engine));
  };
#ifdef OCELLI_WITH_CUBLAS
  if (needed(Engine::cublas, EngineMode::cublas))
    engines.push_back(std::make_unique<CublasEngine<T>>(stream));
#endif
#ifdef OCELLI_WITH_CUDNN
  if (needed(Engine::cudnn, EngineMode::cudnn))
    engines.push_back(std::make_unique<CudnnEngine<T>>(stream));
#endif
  return engines;
}

/// Of the current device.
inline std::string device_name() {
  int device = 0;
#ifdef __CUDACC__
  simt::check(cudaGetDevice(&device), "cudaGetDevice");
#endif
  return device_info(device).name;
}

}  // namespace ocelli::cuda
