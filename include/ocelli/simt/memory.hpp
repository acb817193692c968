// Device memory on the emulator: the host's, but fresh bytes are 0xFF (NaN as floats), and race
// mode checks these allocations and no others; with settings().far_memory it lies in pages that are
// locked while no kernel runs. cuda.hpp has the same functions for a GPU.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#ifndef __CUDACC__

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include "ocelli/core/error.hpp"
#include "ocelli/simt/access.hpp"
#include "ocelli/simt/far_pages.hpp"
#include "ocelli/simt/launch.hpp"

namespace ocelli::simt {

/// `bytes` of device memory, aligned to 256 bytes.
/// @throws DeviceError where there is not that much
inline void* allocate(std::size_t bytes) {
  void* p = nullptr;
  if (settings().far_memory) {
    p = far_pages().allocate(bytes);
  } else {
    // Not rounded up to the alignment where a sanitizer watches the end.
    if (posix_memalign(&p, 256, bytes == 0 ? 1 : bytes) != 0)
      throw DeviceError("no memory for " + std::to_string(bytes) + " bytes");
    std::memset(p, 0xFF, bytes);
  }
  if (listener.declared != nullptr) listener.declared(p, bytes);
  return p;
}

/// Frees what allocate() gave; null is allowed.
inline void release(void* p) {
  if (p != nullptr && listener.forgotten != nullptr) listener.forgotten(p);
  if (!far_pages().release(p)) std::free(p);
}

/// Host to device.
inline void upload(void* device, const void* host, std::size_t bytes, Stream = nullptr) {
  const FarPages::Open open;
  std::memcpy(device, host, bytes);
  if (listener.host_wrote != nullptr) listener.host_wrote(device, bytes);
}
/// Device to host; waits for what the stream has to do before.
inline void download(void* host, const void* device, std::size_t bytes, Stream = nullptr) {
  const FarPages::Open open;
  std::memcpy(host, device, bytes);
}
/// Sets each byte.
inline void fill(void* device, int byte, std::size_t bytes, Stream = nullptr) {
  const FarPages::Open open;
  std::memset(device, byte, bytes);
  if (listener.host_wrote != nullptr) listener.host_wrote(device, bytes);
}
/// Waits for all that was launched.
inline void synchronize(Stream = nullptr) {}

}  // namespace ocelli::simt

#endif  // __CUDACC__
