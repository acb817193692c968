// FarPages: device memory of the emulator that the host cannot touch, so that a test which would
// crash on a machine with a GPU crashes here. Each array has pages of its own, locked while no
// kernel runs, and ends where its last page does: the page behind it is never there.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#ifndef __CUDACC__

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>

#include "ocelli/core/error.hpp"

namespace ocelli::simt {

class FarPages {
 public:
  /// Lets the host in for its life; objects may be nested.
  struct Open {
    Open() { far_pages_of_program().open(); }
    ~Open() { far_pages_of_program().close(); }
    Open(const Open&) = delete;
    Open& operator=(const Open&) = delete;
  };

  /// `bytes` of 0xFF, aligned to 256 bytes.
  void* allocate(std::size_t bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const std::size_t page = page_bytes();
    const std::size_t used = (bytes + 255) / 256 * 256;
    const std::size_t mapped = (used + page) / page * page;  // one at least
    void* const base =
        mmap(nullptr, mapped + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) throw DeviceError("no memory for " + std::to_string(bytes) + " bytes");
    std::memset(base, 0xFF, mapped);
    protect(static_cast<char*>(base) + mapped, page, PROT_NONE);
    if (open_ == 0) protect(base, mapped, PROT_NONE);
    void* const p = static_cast<char*>(base) + mapped - used;
    arrays_[p] = {base, mapped};
    return p;
  }
  /// Frees an array; false when it is none of these.
  bool release(void* p) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto array = arrays_.find(p);
    if (array == arrays_.end()) return false;
    munmap(array->second.base, array->second.bytes + page_bytes());
    arrays_.erase(array);
    return true;
  }

  /// The first word of an argument that is an address of the host's memory; null: none.
  static const void* host_pointer_in(const void* argument, std::size_t bytes) {
    for (std::size_t at = 0; at + sizeof(void*) <= bytes; at += sizeof(void*)) {
      std::uintptr_t word;
      std::memcpy(&word, static_cast<const char*>(argument) + at, sizeof word);
      if (word >> 32 == 0 || word >> 47 != 0) continue;  // numbers
      if (far_pages_of_program().holds(word)) continue;
      void* const page = reinterpret_cast<void*>(word / page_bytes() * page_bytes());
      // Asks nothing of a page but whether it is there.
      if (msync(page, 1, MS_ASYNC) == 0) return reinterpret_cast<const void*>(word);
    }
    return nullptr;
  }

 private:
  struct Array {
    void* base;
    std::size_t bytes;  // without the page behind
  };

  friend FarPages& far_pages();
  static FarPages& far_pages_of_program() {
    static FarPages* const all = new FarPages;  // never destroyed: arrays may outlive main()
    return *all;
  }
  static std::size_t page_bytes() {
    static const auto bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    return bytes;
  }
  static void protect(void* base, std::size_t bytes, int rights) {
    if (mprotect(base, bytes, rights) != 0) std::abort();
  }

  void open() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (open_++ == 0) protect_all(PROT_READ | PROT_WRITE);
  }
  void close() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (--open_ == 0) protect_all(PROT_NONE);
  }
  void protect_all(int rights) {
    for (const auto& [p, array] : arrays_) protect(array.base, array.bytes, rights);
  }
  /// Whether an address lies in an array, or just behind it.
  bool holds(std::uintptr_t word) {
    const std::lock_guard<std::mutex> lock(mutex_);
    auto next = arrays_.upper_bound(reinterpret_cast<void*>(word));
    if (next == arrays_.begin()) return false;
    const Array& array = (--next)->second;
    return word <= reinterpret_cast<std::uintptr_t>(array.base) + array.bytes;
  }

  std::mutex mutex_;
  std::map<void*, Array> arrays_;
  int open_ = 0;
};

inline FarPages& far_pages() { return FarPages::far_pages_of_program(); }

}  // namespace ocelli::simt

#endif  // __CUDACC__
