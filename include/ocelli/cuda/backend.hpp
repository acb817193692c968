// CudaBackend: every operation as hand-written kernels, on a device or, without nvcc, on the
// emulator of ocelli/simt, where the host's memory is the device's. On request convolutions are
// made by cuBLASLt or cuDNN, where the program was built with them.
//
// Sums are made in an order that the extents determine, so that results are the same bits in every
// run. Memory is taken in `reserve` alone.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "ocelli/core/thread_pool.hpp"
#include "ocelli/cuda/built_engines.hpp"
#include "ocelli/cuda/device_memory.hpp"
#include "ocelli/cuda/engine_options.hpp"
#include "ocelli/cuda/engines.hpp"
#include "ocelli/cuda/workspace.hpp"
#include "ocelli/kernels/precision.cuh"
#include "ocelli/op/call.hpp"
#include "ocelli/simt/device.hpp"

namespace ocelli {

namespace cuda {
class StepMath;
}

class CudaBackend {
 public:
  using Scalar = float;
  using Memory = cuda::DeviceMemory;
  using StepMath = cuda::StepMath;  ///< of step_math.hpp

  /// Works on a stream of the current device, in its order; the pointers of calls are device
  /// memory.
  /// @param precision  of convolutions whose channels are multiples of 4; the others, and all other
  ///                   operations, are made in float32. Tensors are float in any case
  explicit CudaBackend(simt::Stream stream = nullptr, Precision precision = Precision::float32)
      : stream_(stream), precision_(precision) {}
  /// With engines for the convolutions, see choose_engines.
  CudaBackend(simt::Stream stream, Precision precision, const cuda::EngineOptions& options)
      : CudaBackend(stream, precision) {
    choose_engines(options);
  }
  /// The pool is not used; the constructor is there so that every backend is made alike.
  explicit CudaBackend(ThreadPool&) {}

  /// Which engines make the convolutions; before the first `reserve`. What the wanted one cannot
  /// make falls to our own kernels; `engine_log` and the options' observer say so.
  /// @throws ConfigError where the options ask for an engine that was not built, or hold a plan for
  ///         another device or another version of a library
  /// @throws DeviceError where a library does not start
  void choose_engines(const cuda::EngineOptions& options) {
    choose_engines(options, cuda::built_engines<float>(stream_, options));
  }
  /// @param engines  to choose from instead of those that the program was built with
  void choose_engines(const cuda::EngineOptions& options, cuda::EngineList<float> engines) {
    engines_ = cuda::Engines<float>(stream_, precision_, options, std::move(engines));
  }

  /// Makes room for an operation; called once for each before the first step. The call's shapes,
  /// batch, mode and wanted gradients must be final; its pointers are not followed.
  /// @throws ShapeError for tensors of 2^31 values and more
  /// @throws DeviceError where the device has no such memory
  void reserve(const OpCall<float>& call);

  /// Both return when the work is in the stream.
  /// @throws DeviceError where the device refuses a launch
  void forward(const OpCall<float>& call);
  void backward(const OpCall<float>& call);

  /// Bytes taken by `reserve`.
  std::size_t scratch_bytes() const { return workspace_.bytes(); }

  simt::Stream stream() const { return stream_; }

  /// What was decided about each kind of product since the start, in the order of `reserve`; empty
  /// where the options asked for our own kernels.
  const std::vector<cuda::EngineDecision>& engine_log() const { return engines_.log(); }
  /// The same as a plan, which makes another run choose alike without timing.
  cuda::EnginePlan engine_plan() const { return engines_.plan(); }

  /// Whether the operation has kernels; all have.
  static bool native(const OpDesc&) { return true; }

 private:
  simt::Stream stream_ = nullptr;
  Precision precision_ = Precision::float32;
  void own_forward(const OpCall<float>& call);
  void own_backward(const OpCall<float>& call);

  cuda::Workspace workspace_;
  cuda::Engines<float> engines_;
};

}  // namespace ocelli

#include "ocelli/cuda/backend_impl.hpp"
