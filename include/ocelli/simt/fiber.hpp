// Fibers: a function on a stack of its own that can stop in the middle and go on later. Switching
// is ten instructions on x86-64 and AArch64; elsewhere ucontext does it.
//
// Rounding mode and the other floating-point control bits are not part of a switch.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "ocelli/core/error.hpp"

#if defined(__SANITIZE_ADDRESS__)
#define OCELLI_SIMT_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define OCELLI_SIMT_ASAN 1
#endif
#endif
#ifdef OCELLI_SIMT_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#if !defined(__x86_64__) && !defined(__aarch64__)
#define OCELLI_SIMT_UCONTEXT 1
#endif
#ifdef OCELLI_SIMT_UCONTEXT
#include <ucontext.h>
#endif

// Saves what a call must preserve, stores the stack pointer in *from and goes on at `to`. Written
// at file scope since g++ has no naked functions on AArch64; the linker, or with
// link-time optimisation the assembler, keeps one copy.
#if !defined(OCELLI_SIMT_UCONTEXT)
extern "C" void ocelli_simt_switch(void** from, void* to);
#if defined(__x86_64__)
__asm__(R"(
  .ifndef ocelli_simt_switch
  .pushsection .text.ocelli_simt_switch,"axG",@progbits,ocelli_simt_switch,comdat
  .weak ocelli_simt_switch
  .type ocelli_simt_switch, @function
  .p2align 4
ocelli_simt_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size ocelli_simt_switch, .-ocelli_simt_switch
  .popsection
  .endif
)");
#else
__asm__(R"(
  .ifndef ocelli_simt_switch
  .pushsection .text.ocelli_simt_switch,"axG",@progbits,ocelli_simt_switch,comdat
  .weak ocelli_simt_switch
  .type ocelli_simt_switch, %function
  .p2align 4
ocelli_simt_switch:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
  .size ocelli_simt_switch, .-ocelli_simt_switch
  .popsection
  .endif
)");
#endif
#endif

namespace ocelli::simt {

/// A place where execution stopped: a fiber's, or the launcher's own.
class Context {
 public:
  Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() {
    if (mapping_ != nullptr) munmap(mapping_, mapped_);
  }

  /// Gives it a stack of `bytes` with a page below that faults when touched. It is the `number`th:
  /// stacks that ended at the same place in their pages would fight for the same cache lines.
  void allocate(std::size_t bytes, std::size_t number) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t shift = number * 5 % 64 * 64;
    mapped_ = (bytes + 64 * 64 + page - 1) / page * page + page;
    bytes_ = mapped_ - page - shift;
    void* at = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) throw DeviceError("no memory for the stacks of a block's threads");
    mapping_ = at;
    mprotect(at, page, PROT_NONE);
    stack_ = static_cast<char*>(at) + page;
  }

  /// The next switch to it calls `entry`, which must never return.
  void start(void (*entry)()) {
#ifdef OCELLI_SIMT_ASAN
    __asan_unpoison_memory_region(stack_, bytes_);
    fake_stack_ = nullptr;
#endif
#if defined(OCELLI_SIMT_UCONTEXT)
    getcontext(&context_);
    context_.uc_stack.ss_sp = stack_;
    context_.uc_stack.ss_size = bytes_;
    context_.uc_link = nullptr;
    makecontext(&context_, entry, 0);
#elif defined(__x86_64__)
    // Six registers, the address to go to, and a zero where the return address of `entry` would
    // stand, so that its frame has the alignment of a called function.
    void** top = reinterpret_cast<void**>(stack_ + bytes_) - 1;
    top[0] = nullptr;
    *--top = reinterpret_cast<void*>(entry);
    for (int i = 0; i < 6; ++i) *--top = nullptr;
    pointer_ = top;
#else
    void** top = reinterpret_cast<void**>(stack_ + bytes_) - 20;
    for (int i = 0; i < 20; ++i) top[i] = nullptr;
    top[11] = reinterpret_cast<void*>(entry);
    pointer_ = top;
#endif
  }

  /// Stops here and goes on in `to`. With `dies` nobody will come back.
  void switch_to(Context& to, bool dies = false) {
#ifdef OCELLI_SIMT_ASAN
    __sanitizer_start_switch_fiber(dies ? nullptr : &fake_stack_, to.stack_, to.bytes_);
#endif
    (void)dies;
#if defined(OCELLI_SIMT_UCONTEXT)
    swapcontext(&context_, &to.context_);
#else
    ocelli_simt_switch(&pointer_, to.pointer_);
#endif
#ifdef OCELLI_SIMT_ASAN
    __sanitizer_finish_switch_fiber(fake_stack_, nullptr, nullptr);
#endif
  }

  /// What a fiber calls first, naming the context that started it all.
  static void entered([[maybe_unused]] Context& launcher, [[maybe_unused]] bool by_launcher) {
#ifdef OCELLI_SIMT_ASAN
    const void* bottom = nullptr;
    std::size_t bytes = 0;
    __sanitizer_finish_switch_fiber(nullptr, &bottom, &bytes);
    if (by_launcher) {
      launcher.stack_ = static_cast<char*>(const_cast<void*>(bottom));
      launcher.bytes_ = bytes;
    }
#endif
  }

 private:
  void* pointer_ = nullptr;  // of the stack, while stopped
  char* stack_ = nullptr;    // its lowest byte
  std::size_t bytes_ = 0;
  void* mapping_ = nullptr;
  std::size_t mapped_ = 0;
#ifdef OCELLI_SIMT_ASAN
  void* fake_stack_ = nullptr;
#endif
#ifdef OCELLI_SIMT_UCONTEXT
  ucontext_t context_{};
#endif
};

/// Stacks that are kept between launches.
class StackPool {
 public:
  /// A stack of `bytes` that no thread uses.
  Context* take(std::size_t bytes) {
    if (bytes != bytes_) {
      // Only between launches: then none is in use.
      all_.clear();
      free_.clear();
      bytes_ = bytes;
    }
    if (free_.empty()) {
      all_.push_back(std::make_unique<Context>());
      all_.back()->allocate(bytes, all_.size());
      return all_.back().get();
    }
    Context* context = free_.back();
    free_.pop_back();
    return context;
  }
  void give_back(Context* context) { free_.push_back(context); }
  /// After a block that was abandoned in the middle.
  void give_back_all() {
    free_.clear();
    for (const auto& context : all_) free_.push_back(context.get());
  }

 private:
  std::size_t bytes_ = 0;
  std::vector<std::unique_ptr<Context>> all_;
  std::vector<Context*> free_;
};

}  // namespace ocelli::simt
