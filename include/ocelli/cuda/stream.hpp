// Stream: an order in which a device works, with a handle for launches and copies.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "ocelli/simt/device.hpp"

namespace ocelli::cuda {

/// Owns a stream of the current device that waits for no other. On the emulator there is one order
/// only, the program's, but each stream is captured by itself.
class Stream {
 public:
#ifdef __CUDACC__
  /// @throws DeviceError
  Stream() {
    simt::check(cudaStreamCreateWithFlags(&handle_, cudaStreamNonBlocking), "cudaStreamCreate");
  }
  ~Stream() {
    if (handle_ != nullptr) (void)cudaStreamDestroy(handle_);
  }
#else
  Stream() {
    static std::atomic<std::uintptr_t> last{0};
    handle_ = reinterpret_cast<simt::Stream>(++last);
  }
#endif
  Stream(Stream&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Stream& operator=(Stream&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }

  simt::Stream handle() const { return handle_; }
  /// Waits until all that was asked for is done.
  /// @throws DeviceError with what went wrong on the device since the last time
  void synchronize() const { simt::synchronize(handle_); }

 private:
  simt::Stream handle_ = nullptr;
};

}  // namespace ocelli::cuda
