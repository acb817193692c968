// What the emulator reports: which kind of mistake, in which kernel, block and thread, at which
// lines.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"

namespace ocelli::simt {

/// A line of a kernel's source, taken by the functions that a kernel calls through a default
/// argument.
struct Site {
  const char* file = nullptr;
  unsigned line = 0;

  static constexpr Site here(
      const char* file = __builtin_FILE(), unsigned line = __builtin_LINE()) {
    return {file, line};
  }
  std::string text() const {
    return file == nullptr ? std::string("?") : std::string(file) + ":" + std::to_string(line);
  }
};

/// Mistakes that a kernel or a launch can make.
enum class Fault {
  launch_limit,           ///< threads, grid or shared memory beyond what a device has
  divergent_barrier,      ///< threads of a block wait in different __syncthreads
  missing_lanes,          ///< a collective waits for a lane that waits in a __syncthreads
  exited_lanes,           ///< a collective names a lane that has returned or never was
  mismatched_collective,  ///< lanes meet in different collectives, or under overlapping masks
  lane_outside_mask,      ///< a lane calls a collective, or is read from, that its mask lacks
  spinning,               ///< a thread polls memory that only another thread could change
  out_of_bounds,          ///< shared memory outside of the arrays that were declared
  uninitialised,          ///< memory read before anything wrote it (race mode)
  unfinished_copy,        ///< cp.async read before, or never followed by, the wait for it
  misaligned,             ///< a vector access to an address that is no multiple of its size
  race,                   ///< two accesses, one a write, with no barrier between (race mode)
  host_memory,            ///< an argument points into the host's memory (far memory)
  exception,              ///< a kernel threw
};

/// A mistake of a kernel on the emulator. `where()` names kernel, block, thread and line.
struct KernelError : DeviceError {
  KernelError(
      Fault kind, const std::string& what, const std::string& where, std::string advice,
      std::vector<std::string> lines)
      : DeviceError(what, where, std::move(advice)), fault(kind), places(std::move(lines)) {}

  Fault fault;
  std::string kernel;                ///< its name as the program's symbols have it, or empty
  std::array<unsigned, 3> block{};   ///< blockIdx
  std::array<unsigned, 3> thread{};  ///< threadIdx
  std::vector<std::string> places;   ///< "file:line" of each line involved, the thread's own first
};

}  // namespace ocelli::simt
