// DeviceMemory: where a Buffer lives whose numbers are a device's.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "ocelli/simt/device.hpp"

namespace ocelli::cuda {

/// A core Memory. Every function waits for all streams before and for itself after, so none belongs
/// into a step.
struct DeviceMemory {
  static constexpr bool is_host = false;

  /// Aligned to 256 bytes, of zeroes. @throws DeviceError where there is not that much
  static void* allocate(std::size_t bytes) {
    void* const data = simt::allocate(bytes);
    zero(data, bytes);
    return data;
  }
  static void release(void* data) { simt::release(data); }
  static void zero(void* data, std::size_t bytes) {
    wait();
    simt::fill(data, 0, bytes);
    wait();
  }
  static void to_host(void* to, const void* from, std::size_t bytes) {
    wait();
    simt::download(to, from, bytes);
  }
  static void from_host(void* to, const void* from, std::size_t bytes) {
    wait();
    simt::upload(to, from, bytes);
    wait();
  }

 private:
  static void wait() {
#ifdef __CUDACC__
    simt::check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
#else
    simt::synchronize();
#endif
  }
};

}  // namespace ocelli::cuda
