// A block's shared memory: one arena in which each declared array stands between two strips of
// guard bytes. Arrays are filled with 0xFF (a NaN as a float, -1 as an int) before each block.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "ocelli/simt/fault.hpp"
#include "ocelli/simt/fiber.hpp"

namespace ocelli::simt {

/// What makes a declaration of a shared array that array: its address.
struct SharedKey {
  const char* name;
  Site site;
};

class SharedMemory {
 public:
  static constexpr std::size_t guard = 128;  ///< bytes between arrays; also their alignment
  static constexpr unsigned char poison = 0xFF, canary = 0xA5;

  struct Array {
    const SharedKey* key;  ///< null for the dynamic array
    Site site;             ///< of the declaration
    unsigned char* at;
    std::size_t bytes;
    bool live;  ///< declared by some thread of the block that runs
  };

  SharedMemory() = default;
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  ~SharedMemory() { unguard(); }

  /// Before a launch; `capacity` is what static and dynamic arrays may take together.
  void begin_launch(std::size_t capacity, std::size_t dynamic_bytes) {
    unguard();
    // Each array costs at most two guards besides its bytes; 64 arrays are plenty.
    const std::size_t bytes = capacity + 64 * 2 * guard;
    if (bytes > size_) {
      memory_ = std::make_unique<unsigned char[]>(bytes + guard);
      size_ = bytes;
      base_ = memory_.get();
      while (reinterpret_cast<std::uintptr_t>(base_) % guard != 0) ++base_;
    }
    arrays_.clear();
    used_ = guard;
    static_bytes_ = 0;
    dynamic_bytes_ = dynamic_bytes;
    place(nullptr, {}, dynamic_bytes);
  }

  void begin_block() {
    for (Array& a : arrays_) a.live = false;
    open(arrays_[0]);
  }

  /// The array of a declaration, or null where it takes more than is left (then nothing is made).
  unsigned char* find(const SharedKey& key, std::size_t bytes) {
    for (Array& a : arrays_) {
      if (a.key != &key) continue;
      if (!a.live) open(a);
      return a.at;
    }
    const std::size_t step = (bytes + guard - 1) / guard * guard + guard;
    if (used_ + step > size_) return nullptr;
    static_bytes_ += bytes;
    place(&key, key.site, bytes);
    open(arrays_.back());
    return arrays_.back().at;
  }
  unsigned char* dynamic() const { return arrays_[0].at; }
  void name_dynamic(Site at) { arrays_[0].site = at; }

  std::size_t static_bytes() const { return static_bytes_; }
  std::size_t dynamic_bytes() const { return dynamic_bytes_; }

  /// Whether it points into the arena, be it into an array or between two.
  bool owns(const void* p) const {
    const auto* at = static_cast<const unsigned char*>(p);
    return at >= base_ && at < base_ + size_;
  }
  /// The array that holds all of `bytes` bytes at p, or null.
  const Array* array_at(const void* p, std::size_t bytes) const {
    const auto* at = static_cast<const unsigned char*>(p);
    for (const Array& a : arrays_)
      if (a.live && at >= a.at && at + bytes <= a.at + a.bytes) return &a;
    return nullptr;
  }
  /// The array whose guard bytes were overwritten, or null.
  const Array* overrun() const {
#ifndef OCELLI_SIMT_ASAN
    for (const Array& a : arrays_) {
      if (!a.live) continue;
      // Of the strip between two arrays each takes the half that is nearer.
      const unsigned char* const end = a.at + (a.bytes + guard - 1) / guard * guard + guard / 2;
      for (const unsigned char* p = a.at - guard / 2; p < end; ++p)
        if ((p < a.at || p >= a.at + a.bytes) && *p != canary) return &a;
    }
#endif
    return nullptr;
  }
  const unsigned char* base() const { return base_; }
  std::size_t size() const { return size_; }

 private:
  void place(const SharedKey* key, Site site, std::size_t bytes) {
    arrays_.push_back({key, site, base_ + used_, bytes, false});
    used_ += (bytes + guard - 1) / guard * guard + guard;
  }

  void open(Array& a) {
    const std::size_t tail = (guard - a.bytes % guard) % guard + guard;
#ifdef OCELLI_SIMT_ASAN
    ASAN_UNPOISON_MEMORY_REGION(a.at, a.bytes);
    ASAN_POISON_MEMORY_REGION(a.at - guard, guard);
    ASAN_POISON_MEMORY_REGION(a.at + a.bytes, tail);
#else
    std::memset(a.at - guard, canary, guard);
    std::memset(a.at + a.bytes, canary, tail);
#endif
    std::memset(a.at, poison, a.bytes);
    a.live = true;
  }

  void unguard() {
#ifdef OCELLI_SIMT_ASAN
    ASAN_UNPOISON_MEMORY_REGION(base_, size_);
#endif
  }

  std::unique_ptr<unsigned char[]> memory_;
  unsigned char* base_ = nullptr;
  std::size_t size_ = 0, used_ = guard, static_bytes_ = 0, dynamic_bytes_ = 0;
  std::vector<Array> arrays_;  // the first is the dynamic one
};

}  // namespace ocelli::simt
