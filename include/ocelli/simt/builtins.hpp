// The emulator's barriers, shuffles, votes and atomics, with CUDA's names in the global namespace.
// Each takes the line of its call by a default argument.
//
// __activemask is left out: on the emulator each lane is alone until it meets the others.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#ifndef __CUDACC__

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>

#include "ocelli/simt/access.hpp"
#include "ocelli/simt/block.hpp"

namespace ocelli::simt {

/// The block that runs, for a function that only device code may call.
inline Block& device_block(const char* name) {
  if (running_block == nullptr) [[unlikely]]
    throw DeviceError(std::string(name) + " called outside of a kernel");
  return *running_block;
}

/// A lane's side of a shuffle: what it gives, from where it wants, what it gets.
template <class T>
struct Shuffle {
  T give;
  int from;  // lane
  T get;
};

template <class T>
T shuffle(const char* name, unsigned mask, T value, int from, Site at) {
  static_assert(std::is_arithmetic_v<T>, "shuffle: numbers only");
  if (from < 0 || from > 31 || (mask >> from & 1) == 0)
    device_block(name).fail([name, from, at] {
      return Failure{
          Fault::lane_outside_mask,
          std::string(name) + " reads lane " + std::to_string(from) + ", which its mask lacks",
          "read from lanes of the mask only",
          {at.text()}};
    });
  Shuffle<T> mine{value, from, value};
  device_block(name).collective(
      mask,
      [](Block&, unsigned warp, Lanes lanes, unsigned all) {
        if (listener.warp_ordered != nullptr && settings().shuffles_order_memory)
          listener.warp_ordered(warp, all);
        for (unsigned rest = all; rest != 0; rest &= rest - 1) {
          auto& lane = *static_cast<Shuffle<T>*>(lanes[std::countr_zero(rest)]);
          lane.get = static_cast<const Shuffle<T>*>(lanes[lane.from])->give;
        }
      },
      &mine, name, at);
  return mine.get;
}

struct WarpVote {
  bool yes;
  unsigned ballot;
};

inline unsigned vote(const char* name, unsigned mask, bool yes, Site at) {
  WarpVote mine{yes, 0};
  device_block(name).collective(
      mask,
      [](Block&, unsigned warp, Lanes lanes, unsigned all) {
        if (listener.warp_ordered != nullptr && settings().shuffles_order_memory)
          listener.warp_ordered(warp, all);
        unsigned ballot = 0;
        for (unsigned rest = all; rest != 0; rest &= rest - 1) {
          const auto lane = static_cast<unsigned>(std::countr_zero(rest));
          ballot |= unsigned{static_cast<const WarpVote*>(lanes[lane])->yes} << lane;
        }
        for (unsigned rest = all; rest != 0; rest &= rest - 1)
          static_cast<WarpVote*>(lanes[std::countr_zero(rest)])->ballot = ballot;
      },
      &mine, name, at);
  return mine.ballot;
}

inline int this_lane() { return static_cast<int>(running_block->current().id % 32); }

/// First lane of the segment of `width` lanes that `lane` is in.
inline int segment(int lane, int width) { return lane & ~(width - 1); }

/// Any change of a number that no other thread can come in between of. Not instrumented: race mode
/// hears of it as one atomic access.
template <class T, class Change>
__attribute__((no_sanitize("thread"), noinline)) T atomic(
    const char* name, T* p, Change change, Site at) {
  Block& b = device_block(name);
  b.polled(at);
  note(p, sizeof(T), AccessKind::atomic, at);
  const T old = *p;
  *p = change(old);
  return old;
}

}  // namespace ocelli::simt

inline void __syncthreads(ocelli::simt::Site at = ocelli::simt::Site::here()) {
  using ocelli::simt::Block;
  ocelli::simt::device_block("__syncthreads").barrier(Block::Vote::none, 0, "__syncthreads", at);
}
inline int __syncthreads_count(int yes, ocelli::simt::Site at = ocelli::simt::Site::here()) {
  using ocelli::simt::Block;
  return ocelli::simt::device_block("__syncthreads_count")
      .barrier(Block::Vote::count, yes, "__syncthreads_count", at);
}
inline int __syncthreads_and(int yes, ocelli::simt::Site at = ocelli::simt::Site::here()) {
  using ocelli::simt::Block;
  return ocelli::simt::device_block("__syncthreads_and")
      .barrier(Block::Vote::all, yes, "__syncthreads_and", at);
}
inline int __syncthreads_or(int yes, ocelli::simt::Site at = ocelli::simt::Site::here()) {
  using ocelli::simt::Block;
  return ocelli::simt::device_block("__syncthreads_or")
      .barrier(Block::Vote::any, yes, "__syncthreads_or", at);
}
inline void __syncwarp(
    unsigned mask = 0xFFFFFFFFu, ocelli::simt::Site at = ocelli::simt::Site::here()) {
  using namespace ocelli::simt;
  device_block("__syncwarp")
      .collective(
          mask,
          [](Block&, unsigned warp, Lanes, unsigned all) {
            if (listener.warp_ordered != nullptr) listener.warp_ordered(warp, all);
          },
          nullptr, "__syncwarp", at);
}
// Nothing to order: the emulator's threads share one processor.
inline void __threadfence() {}
inline void __threadfence_block() {}

template <class T>
T __shfl_sync(
    unsigned mask, T value, int from, int width = 32,
    ocelli::simt::Site at = ocelli::simt::Site::here()) {
  using namespace ocelli::simt;
  const int base = segment(this_lane(), width);
  return shuffle("__shfl_sync", mask, value, base + (from & (width - 1)), at);
}
template <class T>
T __shfl_up_sync(
    unsigned mask, T value, unsigned by, int width = 32,
    ocelli::simt::Site at = ocelli::simt::Site::here()) {
  using namespace ocelli::simt;
  const int lane = this_lane(), from = lane - static_cast<int>(by);
  return shuffle("__shfl_up_sync", mask, value, from < segment(lane, width) ? lane : from, at);
}
template <class T>
T __shfl_down_sync(
    unsigned mask, T value, unsigned by, int width = 32,
    ocelli::simt::Site at = ocelli::simt::Site::here()) {
  using namespace ocelli::simt;
  const int lane = this_lane(), from = lane + static_cast<int>(by);
  const int end = segment(lane, width) + width;
  return shuffle("__shfl_down_sync", mask, value, from >= end ? lane : from, at);
}
template <class T>
T __shfl_xor_sync(
    unsigned mask, T value, int bits, int width = 32,
    ocelli::simt::Site at = ocelli::simt::Site::here()) {
  using namespace ocelli::simt;
  const int lane = this_lane(), from = lane ^ bits;
  return shuffle(
      "__shfl_xor_sync", mask, value, from >= segment(lane, width) + width ? lane : from, at);
}

inline unsigned __ballot_sync(
    unsigned mask, int yes, ocelli::simt::Site at = ocelli::simt::Site::here()) {
  return ocelli::simt::vote("__ballot_sync", mask, yes != 0, at);
}
inline int __any_sync(unsigned mask, int yes, ocelli::simt::Site at = ocelli::simt::Site::here()) {
  return ocelli::simt::vote("__any_sync", mask, yes != 0, at) != 0;
}
inline int __all_sync(unsigned mask, int yes, ocelli::simt::Site at = ocelli::simt::Site::here()) {
  return ocelli::simt::vote("__all_sync", mask, yes != 0, at) == mask;
}

// The atomics that CUDA has for these types, no others. Each returns what was there before.
#define OCELLI_SIMT_ATOMIC(name, T, expression)                                            \
  inline T name(T* p, T v, ocelli::simt::Site at = ocelli::simt::Site::here()) {           \
    return ocelli::simt::atomic(                                                           \
        #name, p, [v]([[maybe_unused]] T old) { return static_cast<T>(expression); }, at); \
  }
#define OCELLI_SIMT_ATOMICS(T)                                                                    \
  OCELLI_SIMT_ATOMIC(atomicMax, T, old < v ? v : old)                                             \
  OCELLI_SIMT_ATOMIC(atomicMin, T, v < old ? v : old)                                             \
  OCELLI_SIMT_ATOMIC(atomicExch, T, v)                                                            \
  OCELLI_SIMT_ATOMIC(atomicOr, T, old | v)                                                        \
  OCELLI_SIMT_ATOMIC(atomicAnd, T, old& v)                                                        \
  OCELLI_SIMT_ATOMIC(atomicXor, T, old ^ v)                                                       \
  inline T atomicCAS(T* p, T expected, T v, ocelli::simt::Site at = ocelli::simt::Site::here()) { \
    return ocelli::simt::atomic(                                                                  \
        "atomicCAS", p, [=](T old) { return old == expected ? v : old; }, at);                    \
  }
OCELLI_SIMT_ATOMICS(int)
OCELLI_SIMT_ATOMICS(unsigned)
OCELLI_SIMT_ATOMICS(unsigned long long)
OCELLI_SIMT_ATOMIC(atomicAdd, int, static_cast<unsigned>(old) + static_cast<unsigned>(v))
OCELLI_SIMT_ATOMIC(atomicAdd, unsigned, old + v)
OCELLI_SIMT_ATOMIC(atomicAdd, unsigned long long, old + v)
OCELLI_SIMT_ATOMIC(atomicAdd, float, old + v)
OCELLI_SIMT_ATOMIC(atomicAdd, double, old + v)
OCELLI_SIMT_ATOMIC(atomicSub, int, static_cast<unsigned>(old) - static_cast<unsigned>(v))
OCELLI_SIMT_ATOMIC(atomicSub, unsigned, old - v)
OCELLI_SIMT_ATOMIC(atomicExch, float, v)
#undef OCELLI_SIMT_ATOMICS
#undef OCELLI_SIMT_ATOMIC

#endif  // __CUDACC__
