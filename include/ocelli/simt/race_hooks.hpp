// The functions that -fsanitize=thread makes a compiler call, for race mode: they lead to our own
// check instead of the sanitizer's library. Include it in exactly one file of a program, and there
// after `#define OCELLI_SIMT_DEFINE_RACE_HOOKS`. That file is compiled without -fsanitize=thread,
// the files with kernels with it, and the program is linked without it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/simt/race_check.hpp"

#ifdef OCELLI_SIMT_DEFINE_RACE_HOOKS

#include <cstring>

namespace ocelli::simt {

// Constructed by the first use, since hooks are called before main().
inline RaceCheck& race_check() {
  static RaceCheck* const check = new RaceCheck;  // never destroyed: hooks outlive main()
  return *check;
}

namespace {
[[maybe_unused]] const bool race_mode_on = [] {
  race_check();
  listener.access = [](const void* p, std::size_t bytes, AccessKind kind, Where where) {
    race_check().access(p, bytes, kind, where);
  };
  listener.warp_ordered = [](unsigned warp, unsigned mask) {
    race_check().warp_ordered(warp, mask);
  };
  listener.block_started = [](std::uint32_t block, unsigned threads) {
    race_check().block_started(block, threads);
  };
  listener.launch_started = [] { race_check().launch_started(); };
  listener.declared = [](const void* p, std::size_t bytes) { race_check().declare(p, bytes); };
  listener.forgotten = [](const void* p) { race_check().forget(p); };
  listener.host_wrote = [](const void* p, std::size_t bytes) { race_check().host_wrote(p, bytes); };
  return true;
}();

inline void hook(const void* p, std::size_t bytes, AccessKind kind, const void* caller) {
  if (listener.access != nullptr) listener.access(p, bytes, kind, Where(caller));
}
inline void hook_aligned(const void* p, std::size_t bytes, AccessKind kind, const void* caller) {
  if (reinterpret_cast<std::uintptr_t>(p) % bytes != 0 && running_block != nullptr &&
      running_block->in_device_code())
    running_block->fail([&] {
      const std::string place = symbol_of(static_cast<const char*>(caller) - 1).place;
      return Failure{
          Fault::misaligned,
          "touches " + std::to_string(bytes) + " bytes at an address that is no multiple of it",
          "check the row length and the first element's place",
          {place}};
    });
  hook(p, bytes, kind, caller);
}
}  // namespace

}  // namespace ocelli::simt

extern "C" {

#define OCELLI_SIMT_CALLER __builtin_return_address(0)
#define OCELLI_SIMT_HOOK(n)                                                                \
  void __tsan_read##n(void* p) {                                                           \
    ocelli::simt::hook_aligned(p, n, ocelli::simt::AccessKind::read, OCELLI_SIMT_CALLER);  \
  }                                                                                        \
  void __tsan_write##n(void* p) {                                                          \
    ocelli::simt::hook_aligned(p, n, ocelli::simt::AccessKind::write, OCELLI_SIMT_CALLER); \
  }                                                                                        \
  void __tsan_read_write##n(void* p) {                                                     \
    ocelli::simt::hook_aligned(p, n, ocelli::simt::AccessKind::read, OCELLI_SIMT_CALLER);  \
    ocelli::simt::hook_aligned(p, n, ocelli::simt::AccessKind::write, OCELLI_SIMT_CALLER); \
  }                                                                                        \
  void __tsan_volatile_read##n(void* p) {                                                  \
    ocelli::simt::hook_aligned(p, n, ocelli::simt::AccessKind::read, OCELLI_SIMT_CALLER);  \
  }                                                                                        \
  void __tsan_volatile_write##n(void* p) {                                                 \
    ocelli::simt::hook_aligned(p, n, ocelli::simt::AccessKind::write, OCELLI_SIMT_CALLER); \
  }                                                                                        \
  void __tsan_unaligned_read##n(void* p) {                                                 \
    ocelli::simt::hook(p, n, ocelli::simt::AccessKind::read, OCELLI_SIMT_CALLER);          \
  }                                                                                        \
  void __tsan_unaligned_write##n(void* p) {                                                \
    ocelli::simt::hook(p, n, ocelli::simt::AccessKind::write, OCELLI_SIMT_CALLER);         \
  }                                                                                        \
  void __tsan_unaligned_read_write##n(void* p) {                                           \
    ocelli::simt::hook(p, n, ocelli::simt::AccessKind::read, OCELLI_SIMT_CALLER);          \
    ocelli::simt::hook(p, n, ocelli::simt::AccessKind::write, OCELLI_SIMT_CALLER);         \
  }
OCELLI_SIMT_HOOK(1)
OCELLI_SIMT_HOOK(2)
OCELLI_SIMT_HOOK(4)
OCELLI_SIMT_HOOK(8)
OCELLI_SIMT_HOOK(16)
#undef OCELLI_SIMT_HOOK

void __tsan_read_range(void* p, std::size_t bytes) {
  ocelli::simt::hook(p, bytes, ocelli::simt::AccessKind::read, OCELLI_SIMT_CALLER);
}
void __tsan_write_range(void* p, std::size_t bytes) {
  ocelli::simt::hook(p, bytes, ocelli::simt::AccessKind::write, OCELLI_SIMT_CALLER);
}
void* __tsan_memcpy(void* to, const void* from, std::size_t bytes) {
  ocelli::simt::hook(from, bytes, ocelli::simt::AccessKind::read, OCELLI_SIMT_CALLER);
  ocelli::simt::hook(to, bytes, ocelli::simt::AccessKind::write, OCELLI_SIMT_CALLER);
  return std::memcpy(to, from, bytes);
}
void* __tsan_memmove(void* to, const void* from, std::size_t bytes) {
  ocelli::simt::hook(from, bytes, ocelli::simt::AccessKind::read, OCELLI_SIMT_CALLER);
  ocelli::simt::hook(to, bytes, ocelli::simt::AccessKind::write, OCELLI_SIMT_CALLER);
  return std::memmove(to, from, bytes);
}
void* __tsan_memset(void* to, int byte, std::size_t bytes) {
  ocelli::simt::hook(to, bytes, ocelli::simt::AccessKind::write, OCELLI_SIMT_CALLER);
  return std::memset(to, byte, bytes);
}
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
void __tsan_ignore_thread_begin() {}
void __tsan_ignore_thread_end() {}

// The host's own atomics (of the standard library and the test's framework) are instrumented too.
void __tsan_atomic_thread_fence(int) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
void __tsan_atomic_signal_fence(int) { __atomic_signal_fence(__ATOMIC_SEQ_CST); }
#define OCELLI_SIMT_HOST_ATOMIC(bits, T)                                                      \
  T __tsan_atomic##bits##_load(const volatile T* p, int) {                                    \
    return __atomic_load_n(p, __ATOMIC_SEQ_CST);                                              \
  }                                                                                           \
  void __tsan_atomic##bits##_store(volatile T* p, T v, int) {                                 \
    __atomic_store_n(p, v, __ATOMIC_SEQ_CST);                                                 \
  }                                                                                           \
  T __tsan_atomic##bits##_exchange(volatile T* p, T v, int) {                                 \
    return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);                                       \
  }                                                                                           \
  T __tsan_atomic##bits##_fetch_add(volatile T* p, T v, int) {                                \
    return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST);                                        \
  }                                                                                           \
  T __tsan_atomic##bits##_fetch_sub(volatile T* p, T v, int) {                                \
    return __atomic_fetch_sub(p, v, __ATOMIC_SEQ_CST);                                        \
  }                                                                                           \
  T __tsan_atomic##bits##_fetch_and(volatile T* p, T v, int) {                                \
    return __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST);                                        \
  }                                                                                           \
  T __tsan_atomic##bits##_fetch_or(volatile T* p, T v, int) {                                 \
    return __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST);                                         \
  }                                                                                           \
  T __tsan_atomic##bits##_fetch_xor(volatile T* p, T v, int) {                                \
    return __atomic_fetch_xor(p, v, __ATOMIC_SEQ_CST);                                        \
  }                                                                                           \
  int __tsan_atomic##bits##_compare_exchange_strong(volatile T* p, T* old, T v, int, int) {   \
    return __atomic_compare_exchange_n(p, old, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
  }                                                                                           \
  int __tsan_atomic##bits##_compare_exchange_weak(volatile T* p, T* old, T v, int, int) {     \
    return __atomic_compare_exchange_n(p, old, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
  }                                                                                           \
  T __tsan_atomic##bits##_compare_exchange_val(volatile T* p, T old, T v, int, int) {         \
    __atomic_compare_exchange_n(p, &old, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);       \
    return old;                                                                               \
  }
OCELLI_SIMT_HOST_ATOMIC(8, char)
OCELLI_SIMT_HOST_ATOMIC(16, short)
OCELLI_SIMT_HOST_ATOMIC(32, int)
OCELLI_SIMT_HOST_ATOMIC(64, long)
#undef OCELLI_SIMT_HOST_ATOMIC
#undef OCELLI_SIMT_CALLER

}  // extern "C"

#endif  // OCELLI_SIMT_DEFINE_RACE_HOOKS
