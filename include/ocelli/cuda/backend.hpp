// CudaBackend: every operation as hand-written kernels, on a device or, without nvcc, on the
// emulator of ocelli/simt, where the host's memory is the device's. On request convolutions are
// made by cuBLASLt or cuDNN, where the program was built with them.
//
// CudaBackendBf16 keeps the net's values and their gradients in bfloat16, which halves the memory
// and its traffic; weights, their gradients and statistics are float in both, and so are sums.
//
// Sums are made in an order that the extents determine, so that results are the same bits in every
// run. Memory is taken in `reserve` alone.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "ocelli/core/bfloat16.hpp"
#include "ocelli/core/thread_pool.hpp"
#include "ocelli/cuda/built_engines.hpp"
#include "ocelli/cuda/column_moments.hpp"
#include "ocelli/cuda/device_memory.hpp"
#include "ocelli/cuda/engine_options.hpp"
#include "ocelli/cuda/engines.hpp"
#include "ocelli/cuda/rounded_weights.hpp"
#include "ocelli/cuda/stream.hpp"
#include "ocelli/cuda/workspace.hpp"
#include "ocelli/kernels/precision.cuh"
#include "ocelli/op/call.hpp"
#include "ocelli/simt/device.hpp"

namespace ocelli {

namespace cuda {
class StepMath;
class StepMathBf16;
template <class T>
class SsdFinder;
}  // namespace cuda

/// @tparam T  what the net's values are stored in: float or bfloat16
template <class T>
class BasicCudaBackend {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, bfloat16>);

 public:
  using Scalar = T;
  using Memory = cuda::DeviceMemory;
  /// Of step_math.hpp; of step_math_bf16.hpp.
  using StepMath = std::conditional_t<std::is_same_v<T, float>, cuda::StepMath, cuda::StepMathBf16>;
  using SsdFinder = cuda::SsdFinder<T>;  ///< of ssd_finder.hpp
  static constexpr Precision kDefaultPrecision =
      std::is_same_v<T, float> ? Precision::float32 : Precision::bf16;

  /// Works on a stream of the current device, in its order; the pointers of calls are device
  /// memory.
  /// @param precision  of convolutions: tf32 where their channels are multiples of 4, else float32;
  ///                   bf16 of all, and the only one for tensors of bfloat16. Depthwise ones and
  ///                   all other operations are made in float32, from and to tensors of T
  explicit BasicCudaBackend(simt::Stream stream = nullptr, Precision precision = kDefaultPrecision)
      : stream_(stream), precision_(precision) {}
  /// Works on a stream of its own, whose steps can be graphs. The pool is not used; it is there so
  /// that every backend is made alike.
  /// @throws DeviceError
  explicit BasicCudaBackend(ThreadPool&, Precision precision = kDefaultPrecision)
      : own_(std::in_place), stream_(own_->handle()), precision_(precision) {}
  /// With engines for the convolutions, see choose_engines.
  BasicCudaBackend(simt::Stream stream, Precision precision, const cuda::EngineOptions& options)
      : BasicCudaBackend(stream, precision) {
    choose_engines(options);
  }

  /// Which engines make the convolutions; before the first `reserve`. What the wanted one cannot
  /// make falls to our own kernels; `engine_log` and the options' observer say so.
  /// @throws ConfigError where the options ask for an engine that was not built, or hold a plan for
  ///         another device or another version of a library
  /// @throws DeviceError where a library does not start
  void choose_engines(const cuda::EngineOptions& options) {
    choose_engines(options, cuda::built_engines<T>(stream_, options));
  }
  /// @param engines  to choose from instead of those that the program was built with
  void choose_engines(const cuda::EngineOptions& options, cuda::EngineList<T> engines) {
    engines_ = cuda::Engines<T>(stream_, precision_, options, std::move(engines));
  }

  /// Makes room for an operation; called once for each before the first step. The call's shapes,
  /// batch, mode and wanted gradients must be final; its pointers are not followed.
  /// @throws ShapeError for tensors of 2^31 values and more
  /// @throws DeviceError where the device has no such memory
  void reserve(const OpCall<T>& call);

  /// Both return when the work is in the stream.
  /// @throws DeviceError where the device refuses a launch
  void forward(const OpCall<T>& call);
  void backward(const OpCall<T>& call);

  /// Makes room for a copy of the weights as convolutions multiply them, where that is not in
  /// float: `count` floats from `slab` on. Without it each convolution makes its own, whenever it
  /// runs.
  void reserve_weights(const ParamOf<T>* slab, long count) {
    if (precision_ == Precision::bf16) rounded_.reserve(slab, count);
  }
  /// To call when the slab's weights have changed, before operations read them: one launch.
  void weights_changed(const ParamOf<T>* slab) { rounded_.refresh(stream_, slab); }
  /// Once for each reserve_weights, before the slab's memory is given back.
  void forget_weights(const ParamOf<T>* slab) { rounded_.forget(slab); }

  /// Bytes taken by `reserve` and `reserve_weights`.
  std::size_t scratch_bytes() const {
    return workspace_.bytes() + moments_.bytes() + rounded_.bytes();
  }

  simt::Stream stream() const { return stream_; }

  /// What was decided about each kind of product since the start, in the order of `reserve`; empty
  /// where the options asked for our own kernels.
  const std::vector<cuda::EngineDecision>& engine_log() const { return engines_.log(); }
  /// The same as a plan, which makes another run choose alike without timing.
  cuda::EnginePlan engine_plan() const { return engines_.plan(); }

  /// Whether the operation has kernels; all have.
  static bool native(const OpDesc&) { return true; }

 private:
  /// By our own kernels.
  void own_forward(const OpCall<T>& call);
  void own_backward(const OpCall<T>& call);

  std::optional<cuda::Stream> own_;
  simt::Stream stream_ = nullptr;
  Precision precision_ = kDefaultPrecision;
  cuda::Workspace workspace_;
  cuda::RoundedWeights rounded_;
  cuda::MomentsHandover moments_;  ///< from a convolution to the batch norm right behind it
  cuda::Engines<T> engines_;
};

using CudaBackend = BasicCudaBackend<float>;
using CudaBackendBf16 = BasicCudaBackend<bfloat16>;

}  // namespace ocelli

// With OCELLI_CUDA_COMPILED one file of the program includes backend_impl.hpp itself: its kernels
// take nvcc a minute.
#ifndef OCELLI_CUDA_COMPILED
#include "ocelli/cuda/backend_impl.hpp"
#else
namespace ocelli {
extern template class BasicCudaBackend<float>;
extern template class BasicCudaBackend<bfloat16>;
}  // namespace ocelli
#endif
