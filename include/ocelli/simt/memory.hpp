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
#include "ocelli/simt/capture.hpp"
#include "ocelli/simt/far_pages.hpp"
#include "ocelli/simt/launch.hpp"

namespace ocelli::simt {

/// `bytes` of device memory, aligned to 256 bytes.
/// @throws DeviceError where there is not that much
inline void* allocate(std::size_t bytes) {
  refuse_in_capture("cudaMalloc");
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

/// Frees what allocate() gave; null is allowed. In a capture the capture is lost.
inline void release(void* p) {
  if (p != nullptr && detail::capture.active) detail::capture.broken = true;
  if (p != nullptr && listener.forgotten != nullptr) listener.forgotten(p);
  if (!far_pages().release(p)) std::free(p);
}

namespace detail {
/// Does `work` now, or writes it down where the stream captures.
template <class Work>
void in_order(Stream stream, Work work) {
  if (captures(stream))
    capture.recording.add(work);
  else
    work();
}
}  // namespace detail

/// Host to device. The host's bytes must live, as they are, until the stream has done it; in a
/// capture they are read at each replay.
inline void upload(void* device, const void* host, std::size_t bytes, Stream stream = nullptr) {
  detail::in_order(stream, [=] {
    const FarPages::Open open;
    if (bytes > 0) std::memcpy(device, host, bytes);  // null is allowed where there is nothing
    if (listener.host_wrote != nullptr) listener.host_wrote(device, bytes);
  });
}
/// Device to host; waits for what the stream has to do before.
inline void download(void* host, const void* device, std::size_t bytes, Stream = nullptr) {
  refuse_in_capture("a copy to the host that waits");
  const FarPages::Open open;
  if (bytes > 0) std::memcpy(host, device, bytes);
}
/// Device to host in the stream's order: the host's bytes are there when the stream has done it.
inline void download_later(
    void* host, const void* device, std::size_t bytes, Stream stream = nullptr) {
  detail::in_order(stream, [=] {
    const FarPages::Open open;
    if (bytes > 0) std::memcpy(host, device, bytes);
  });
}
/// Sets each byte.
inline void fill(void* device, int byte, std::size_t bytes, Stream stream = nullptr) {
  detail::in_order(stream, [=] {
    const FarPages::Open open;
    if (bytes > 0) std::memset(device, byte, bytes);
    if (listener.host_wrote != nullptr) listener.host_wrote(device, bytes);
  });
}
/// Waits for all that was launched.
inline void synchronize(Stream = nullptr) { refuse_in_capture("cudaStreamSynchronize"); }

}  // namespace ocelli::simt

#endif  // __CUDACC__
