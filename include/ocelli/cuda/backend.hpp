// CudaBackend: every operation as hand-written kernels, on a device or, without nvcc, on the
// emulator of ocelli/simt, where the host's memory is the device's.
//
// Sums are made in an order that the extents determine, so that results are the same bits in every
// run. Memory is taken in `reserve` alone.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

#include "ocelli/core/thread_pool.hpp"
#include "ocelli/cuda/device_memory.hpp"
#include "ocelli/cuda/stream.hpp"
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
  /// Works on a stream of its own, whose steps can be graphs. The pool is not used; it is there so
  /// that every backend is made alike.
  /// @throws DeviceError
  explicit CudaBackend(ThreadPool&) : own_(std::in_place), stream_(own_->handle()) {}

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

  /// Whether the operation has kernels; all have.
  static bool native(const OpDesc&) { return true; }

 private:
  std::optional<cuda::Stream> own_;
  simt::Stream stream_ = nullptr;
  Precision precision_ = Precision::float32;
  cuda::Workspace workspace_;
};

}  // namespace ocelli

// With OCELLI_CUDA_COMPILED one file of the program includes backend_impl.hpp itself: its kernels
// take nvcc a minute.
#ifndef OCELLI_CUDA_COMPILED
#include "ocelli/cuda/backend_impl.hpp"
#endif
