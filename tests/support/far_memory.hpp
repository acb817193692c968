// FarMemory: memory that the host must not follow, for tests of what belongs to a device: its pages
// are locked, so that reading or writing them ends the test, unless an `Open` lives.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <map>
#include <new>

#include "ocelli/op/call.hpp"
#include "ocelli/op/op.hpp"
#include "ocelli/reference/backend.hpp"

namespace ocelli::test {

class FarMemory {
 public:
  static constexpr bool is_host = false;

  static void* allocate(std::size_t bytes) {
    void* const data = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) throw std::bad_alloc();
    pages()[data] = bytes;
    return data;
  }
  static void release(void* data) {
    munmap(data, pages().at(data));
    pages().erase(data);
  }
  static void zero(void* data, std::size_t bytes) {
    const Open open;
    std::memset(data, 0, bytes);
  }
  static void to_host(void* to, const void* from, std::size_t bytes) {
    const Open open;
    std::memcpy(to, from, bytes);
  }
  static void from_host(void* to, const void* from, std::size_t bytes) {
    const Open open;
    std::memcpy(to, from, bytes);
  }

  struct Open {
    Open() { protect(PROT_READ | PROT_WRITE); }
    ~Open() { protect(PROT_NONE); }
    Open(const Open&) = delete;
    Open& operator=(const Open&) = delete;
    static void protect(int rights) {
      for (const auto& [data, bytes] : pages())
        if (mprotect(data, bytes, rights) != 0) std::abort();
    }
  };

 private:
  static std::map<void*, std::size_t>& pages() {
    static std::map<void*, std::size_t> all;
    return all;
  }
};

/// The plain loops, over far memory.
struct FarBackend {
  using Scalar = float;
  using Memory = FarMemory;
  FarBackend() = default;
  explicit FarBackend(ThreadPool&) {}
  void reserve(const OpCall<float>&) {}
  void forward(const OpCall<float>& call) {
    const FarMemory::Open open;
    loops.forward(call);
  }
  void backward(const OpCall<float>& call) {
    const FarMemory::Open open;
    loops.backward(call);
  }
  static bool native(const OpDesc&) { return true; }
  ReferenceBackend<float> loops;
};

}  // namespace ocelli::test
