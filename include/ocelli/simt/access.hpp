// Where race mode listens: the emulator's wrappers report what they read and write, and the order
// that barriers make. Nothing listens unless a program links the hooks of race_hooks.hpp.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "ocelli/simt/fault.hpp"

namespace ocelli::simt {

enum class AccessKind : std::uint8_t {
  read,
  write,
  atomic,
  copy,  ///< cp.async that was issued and has not been waited for
};

/// The line of an access: a site, or the address of an instruction (then line is 0).
struct Where {
  const void* place = nullptr;
  std::uint32_t line = 0;

  Where() = default;
  Where(Site at) : place(at.file), line(at.line) {}
  explicit Where(const void* instruction) : place(instruction) {}
};

/// What listens. All of them null: race mode is off.
struct Listener {
  void (*access)(const void*, std::size_t, AccessKind, Where) = nullptr;
  void (*warp_ordered)(unsigned warp, unsigned mask) = nullptr;  ///< the lanes see each other's
  void (*block_started)(std::uint32_t block, unsigned threads) = nullptr;
  void (*launch_started)() = nullptr;
  void (*declared)(const void*, std::size_t) = nullptr;    ///< memory that is checked from now on
  void (*forgotten)(const void*) = nullptr;                ///< ... and no more
  void (*host_wrote)(const void*, std::size_t) = nullptr;  ///< outside of kernels
};
inline constinit Listener listener{};

inline void note(const void* p, std::size_t bytes, AccessKind kind, Where where) {
  if (listener.access != nullptr) [[unlikely]]
    listener.access(p, bytes, kind, where);
}

}  // namespace ocelli::simt
