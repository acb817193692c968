// launch() on the emulator: checks what a device would refuse, runs the blocks one after another on
// the calling thread, and throws what a kernel did wrong.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#ifndef __CUDACC__

#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "ocelli/core/random.hpp"
#include "ocelli/simt/block.hpp"
#include "ocelli/simt/capture.hpp"
#include "ocelli/simt/far_pages.hpp"
#include "ocelli/simt/symbol.hpp"

namespace ocelli::simt {

inline std::string text_of(dim3 v) {
  return "(" + std::to_string(v.x) + "," + std::to_string(v.y) + "," + std::to_string(v.z) + ")";
}

/// The error that `failure` is, with all that is known about where.
inline KernelError error_of(
    const Failure& failure, const void* kernel, const Thread* thread, Site launched_at) {
  const std::string name = name_of(symbol_of(kernel).function);
  std::string where = name.empty() ? "kernel" : "kernel " + name;
  if (thread != nullptr)
    where += ", block " + text_of(blockIdx) + ", thread " + text_of(thread->index);
  where +=
      ", " + (failure.places.empty() ? "launched at " + launched_at.text() : failure.places[0]);
  KernelError error(failure.fault, failure.what, where, failure.advice, failure.places);
  error.kernel = name;
  if (thread != nullptr) {
    error.block = {blockIdx.x, blockIdx.y, blockIdx.z};
    error.thread = {thread->index.x, thread->index.y, thread->index.z};
  }
  return error;
}

/// The extent of a grid or a block; remembers the line of the launch.
struct Extent : dim3 {
  Extent(dim3 extent, Site here = Site::here()) : dim3(extent), at(here) {}
  template <class T>
  requires std::is_integral_v<T> Extent(T width, Site here = Site::here())
      : dim3(static_cast<unsigned>(width)), at(here) {}
  Site at;
};

/// What launch() does once the kernel's type is gone.
class Launch {
 public:
  Launch(const void* kernel, Extent grid, dim3 block, std::size_t dynamic_bytes)
      : kernel_(kernel), grid_(grid), block_(block), dynamic_bytes_(dynamic_bytes) {}

  /// Refuses an argument that points into the host's memory, where that is far from the device's.
  template <class T>
  void check_argument(T argument) const {
    if (!settings().far_memory) return;
#if __has_builtin(__builtin_clear_padding)
    __builtin_clear_padding(&argument);  // which may hold anything, addresses too
#else
    if (!std::is_pointer_v<T>) return;
#endif
    const void* const at = FarPages::host_pointer_in(&argument, sizeof argument);
    if (at == nullptr) return;
    throw error_of(
        {Fault::host_memory,
         "an argument is or holds an address of the host's memory",
         "copy to device memory first: simt::upload, DeviceArray",
         {}},
        kernel_, nullptr, grid_.at);
  }

  void run(void (*call)(void*), void* arguments) const {
    check();
    const FarPages::Open open;
    static thread_local const std::unique_ptr<Block> machine = std::make_unique<Block>();
    Block& b = *machine;
    b.shared.begin_launch(settings().shared_bytes, dynamic_bytes_);
    const Running running(&b);
    gridDim = grid_;
    blockDim = block_;
    if (listener.launch_started != nullptr) listener.launch_started();
    const std::uint64_t seed = settings().schedule_seed;
    const std::uint64_t blocks = std::uint64_t{grid_.x} * grid_.y * grid_.z;
    const bool shuffled = seed != 0 && blocks <= 0xFFFFFFFFu;
    const Permutation order(seed, 0, shuffled ? static_cast<std::uint32_t>(blocks) : 1);
    for (std::uint64_t i = 0; i < blocks; ++i) {
      const std::uint64_t at = shuffled ? order(static_cast<std::uint32_t>(i)) : i;
      blockIdx = {
          static_cast<unsigned>(at % grid_.x), static_cast<unsigned>(at / grid_.x % grid_.y),
          static_cast<unsigned>(at / grid_.x / grid_.y)};
      b.shared.begin_block();
      if (listener.block_started != nullptr)
        listener.block_started(static_cast<std::uint32_t>(at), block_.x * block_.y * block_.z);
      if (!b.run(call, arguments, block_, seed == 0 ? 0 : seed + i)) {
        if (b.exception() != nullptr) std::rethrow_exception(b.exception());
        throw error_of(b.failure(), kernel_, b.culprit(), grid_.at);
      }
      if (const SharedMemory::Array* array = b.shared.overrun()) {
        const std::string name = array->key == nullptr ? "dynamic" : array->key->name;
        throw error_of(
            {Fault::out_of_bounds,
             "wrote beyond the " + std::to_string(array->bytes) + " bytes of shared array '" +
                 name + "'; seen when the block had ended",
             "build with the address sanitizer or in race mode to see the line",
             {array->site.text()}},
            kernel_, nullptr, grid_.at);
      }
    }
  }

 private:
  /// Marks the block as running, and forgets it however the launch ends.
  struct Running {
    explicit Running(Block* b) { running_block = b; }
    ~Running() { running_block = nullptr; }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
  };

 public:
  /// Refuses what a device would refuse.
  void check() const {
    const auto refuse = [this](const std::string& what, const std::string& advice) {
      throw error_of({Fault::launch_limit, what, advice, {}}, kernel_, nullptr, grid_.at);
    };
    if (running_block != nullptr)
      refuse("launched from inside a kernel", "launch from the host only");
    if (grid_.x == 0 || grid_.y == 0 || grid_.z == 0 || block_.x == 0 || block_.y == 0 ||
        block_.z == 0)
      refuse(
          "grid " + text_of(grid_) + " of blocks " + text_of(block_) + " has no threads",
          "leave out a launch that has nothing to do");
    if (grid_.x > 0x7FFFFFFFu || grid_.y > 65535 || grid_.z > 65535)
      refuse(
          "grid " + text_of(grid_) + " is beyond (2147483647,65535,65535)",
          "put the largest extent into x");
    if (block_.x > 1024 || block_.y > 1024 || block_.z > 64 ||
        std::uint64_t{block_.x} * block_.y * block_.z > Block::max_threads)
      refuse(
          "block " + text_of(block_) + " is beyond (1024,1024,64) or 1024 threads",
          "use smaller blocks and more of them");
    if (dynamic_bytes_ > settings().shared_bytes)
      refuse(
          std::to_string(dynamic_bytes_) + " bytes of dynamic shared memory; a block has " +
              std::to_string(settings().shared_bytes),
          "use smaller tiles");
  }

 private:
  const void* kernel_;
  Extent grid_;
  dim3 block_;
  std::size_t dynamic_bytes_;
};

namespace detail {
/// A kernel with its arguments.
template <class... P>
struct Call {
  void (*kernel)(P...);
  std::tuple<std::decay_t<P>...> arguments;

  void run(const Launch& launch) {
    launch.run(
        [](void* p) {
          const Call& c = *static_cast<const Call*>(p);
          std::apply(c.kernel, c.arguments);
        },
        this);
  }
};
}  // namespace detail

/// Runs a kernel for each thread of `grid` blocks of `block` threads, and returns when all is done.
/// While the stream captures, the launch is written down with its arguments.
/// @param dynamic_bytes  what OCELLI_DYNAMIC_SHARED gives, bytes
/// @throws KernelError where the kernel or the launch breaks a rule; the memory that the kernel
///         wrote until then stays written. Objects of the kernel's threads are not destroyed then
template <class... P, class... A>
void launch(
    void (*kernel)(P...), Extent grid, Extent block, std::size_t dynamic_bytes, Stream stream,
    A&&... arguments) {
  static_assert(sizeof...(P) == sizeof...(A), "launch: the kernel has another number of arguments");
  detail::Call<P...> call{
      kernel, std::tuple<std::decay_t<P>...>(static_cast<P>(std::forward<A>(arguments))...)};
  const Launch its(reinterpret_cast<const void*>(kernel), grid, block, dynamic_bytes);
  std::apply([&its](const auto&... one) { (its.check_argument(one), ...); }, call.arguments);
  if (!captures(stream)) return call.run(its);
  its.check();
  detail::capture.recording.add([call, its]() mutable { call.run(its); });
}

}  // namespace ocelli::simt

#endif  // __CUDACC__
