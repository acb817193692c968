// Event: a point in a stream's order that the host or another stream can wait for.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "ocelli/simt/device.hpp"

namespace ocelli::cuda {

/// An event that was never recorded has happened. On the emulator all have: work is done when it
/// has been asked for.
class Event {
 public:
#ifdef __CUDACC__
  /// @throws DeviceError
  Event() {
    simt::check(cudaEventCreateWithFlags(&handle_, cudaEventDisableTiming), "cudaEventCreate");
  }
  ~Event() {
    if (handle_ != nullptr) (void)cudaEventDestroy(handle_);
  }
  Event(Event&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Event& operator=(Event&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }

  /// Happens when the stream has done what it was asked for so far.
  void record(simt::Stream stream) {
    simt::check(cudaEventRecord(handle_, stream), "cudaEventRecord");
  }
  /// What the stream is asked for from now on comes after the event.
  void hold_back(simt::Stream stream) const {
    simt::check(cudaStreamWaitEvent(stream, handle_, 0), "cudaStreamWaitEvent");
  }
  /// The host waits for it.
  /// @throws DeviceError with what went wrong on the device
  void synchronize() const { simt::check(cudaEventSynchronize(handle_), "cudaEventSynchronize"); }

 private:
  cudaEvent_t handle_ = nullptr;
#else
  void record(simt::Stream) { simt::refuse_in_capture("cudaEventRecord"); }
  void hold_back(simt::Stream) const { simt::refuse_in_capture("cudaStreamWaitEvent"); }
  void synchronize() const { simt::refuse_in_capture("cudaEventSynchronize"); }
#endif
};

}  // namespace ocelli::cuda
