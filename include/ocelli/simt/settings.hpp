// How the emulator runs kernels; for tests to vary.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "ocelli/simt/fiber.hpp"

namespace ocelli::simt {

/// Set it while no kernel runs. What a device allows has the values of compute capability 9.0.
struct Settings {
  /// 0: threads go on in the order in which they became ready. Otherwise blocks and threads run in
  /// an order that this number determines.
  std::uint64_t schedule_seed = 0;
  /// Of each thread's stack; a page that faults lies below it.
#ifdef OCELLI_SIMT_ASAN
  std::size_t stack_bytes = 256 << 10;
#else
  std::size_t stack_bytes = 64 << 10;
#endif
  std::size_t static_shared_bytes = 48 << 10;  ///< of a block, declared with OCELLI_SHARED
  std::size_t shared_bytes = 227 << 10;        ///< of a block, static and dynamic together
  /// How often in a row one thread may touch atomics or volatile loads before it counts as
  /// spinning.
  std::uint32_t spin_limit = 1u << 22;
  /// Race mode: whether shuffles and votes order memory as __syncwarp does. CUDA promises it only
  /// for __syncwarp.
  bool shuffles_order_memory = false;
  /// Device memory taken from now on is out of the host's reach while no kernel runs: touching it
  /// ends the program, as on a machine with a GPU; and a launch refuses arguments that point into
  /// the host's memory.
  bool far_memory = false;
};

inline Settings& settings() {
  static Settings all;
  return all;
}

/// Sets the schedule for the life of this object.
class ScheduleSeed {
 public:
  explicit ScheduleSeed(std::uint64_t seed) : before_(settings().schedule_seed) {
    settings().schedule_seed = seed;
  }
  ~ScheduleSeed() { settings().schedule_seed = before_; }
  ScheduleSeed(const ScheduleSeed&) = delete;
  ScheduleSeed& operator=(const ScheduleSeed&) = delete;

 private:
  std::uint64_t before_;
};

}  // namespace ocelli::simt
