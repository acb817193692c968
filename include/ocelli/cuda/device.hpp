// Which CUDA devices there are. Without nvcc there is one: the emulator of ocelli/simt.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "ocelli/core/error.hpp"
#include "ocelli/simt/device.hpp"

namespace ocelli::cuda {

struct DeviceInfo {
  std::string name;
  int major = 0, minor = 0;  ///< compute capability
  int multiprocessors = 0;
  std::size_t memory_bytes = 0;  ///< 0: not known
};

#ifdef __CUDACC__

/// 0 where there is no device, or no driver.
inline int device_count() {
  int count = 0;
  const cudaError_t code = cudaGetDeviceCount(&count);
  if (code == cudaErrorNoDevice || code == cudaErrorInsufficientDriver) return 0;
  simt::check(code, "cudaGetDeviceCount");
  return count;
}

/// @throws DeviceError where there is no such device
inline DeviceInfo device_info(int device) {
  cudaDeviceProp p;
  simt::check(cudaGetDeviceProperties(&p, device), "cudaGetDeviceProperties");
  return {p.name, p.major, p.minor, p.multiProcessorCount, p.totalGlobalMem};
}

/// Makes a device the calling thread's.
/// @throws DeviceError where there is no such device
inline void use_device(int device) {
  if (device_count() == 0)
    throw DeviceError(
        "no CUDA device, or no driver for one", "device " + std::to_string(device),
        "train on the CPU, or look at what nvidia-smi says");
  simt::check(cudaSetDevice(device), "cudaSetDevice", "device " + std::to_string(device));
}

#else

inline int device_count() { return 1; }

/// @throws DeviceError where there is no such device
inline void use_device(int device) {
  if (device != 0)
    throw DeviceError(
        "the emulator is device 0 and the only one", "device " + std::to_string(device));
}

/// @throws DeviceError where there is no such device
inline DeviceInfo device_info(int device) {
  use_device(device);
  return {"emulator on the CPU", 9, 0, 1, 0};
}

#endif

}  // namespace ocelli::cuda
