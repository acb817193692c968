// One block on the emulator: its threads as fibers, who runs next, and what they wait for. Barriers
// and warp collectives are the only places where another thread gets its turn.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <exception>
#include <string>
#include <vector>

#include "ocelli/simt/fault.hpp"
#include "ocelli/simt/fiber.hpp"
#include "ocelli/simt/settings.hpp"
#include "ocelli/simt/shared_memory.hpp"
#include "ocelli/simt/vector_types.hpp"

namespace ocelli::simt {

/// A cp.async that was issued and not waited for.
struct PendingCopy {
  void* to;
  const void* from;
  unsigned bytes, valid;  ///< `valid` are read, the rest becomes 0
  unsigned group;         ///< how many commits came before
  Site at;
};

enum class State : std::uint8_t { unstarted, ready, at_barrier, in_collective, exited };

struct Thread {
  Context* context = nullptr;  // its stack, from its first turn to its return
  uint3 index{0, 0, 0};
  unsigned id = 0;
  State state = State::unstarted;
  std::uint32_t polls = 0;  // atomics since its turn began
  const char* waits_in = nullptr;
  Site waits_at;
  unsigned commits = 0;
  std::vector<PendingCopy> copies;
};

/// What was found wrong, before it has a kernel's name.
struct Failure {
  Fault fault = Fault::exception;
  std::string what, advice;
  std::vector<std::string> places;  ///< the culprit's line first
};

class Block;
/// The arguments that the lanes of a warp handed to a collective; those of `mask` are valid.
using Lanes = void* const*;
using Perform = void (*)(Block& block, unsigned warp, Lanes lanes, unsigned mask);

class Block {
 public:
  static constexpr unsigned max_threads = 1024;

  Block() : threads_(max_threads), ready_(max_threads), waiters_(max_threads), warps_(32) {}

  /// Runs `call(arguments)` once for each thread. Returns whether all went well; else failure() or
  /// exception() says what did not.
  bool run(void (*call)(void*), void* arguments, dim3 extent, std::uint64_t schedule);

  /// --- what the wrappers of device code call, on the fiber of a thread ---

  Thread& current() { return *current_; }
  /// Reports a mistake; does not return, and no destructor of the block's threads runs.
  /// @param describe  makes the Failure; it is a function so that none of its temporaries is left
  ///                  on the stack that is given up. Captures by value leave the caller fast
  template <class Describe>
  [[noreturn, gnu::cold, gnu::noinline]] void fail(const Describe& describe) {
    performing_ = true;  // what follows is nothing that the kernel does
    failure_ = describe();
    failed_ = true;
    leave();
  }
  /// Waits for all threads that have not returned; gives what `combine` made of the values.
  enum class Vote : std::uint8_t { none, count, all, any };
  int barrier(Vote vote, int value, const char* name, Site at);
  /// Waits for the lanes of `mask`, the last of which performs for all.
  void collective(unsigned mask, Perform perform, void* argument, const char* name, Site at);
  /// A thread looked at memory that another may change; stops one that does it for ever.
  void polled(Site at) {
    if (++current_->polls > settings().spin_limit) spin(at);
  }

  SharedMemory shared;
  std::uint32_t barriers_passed() const { return barriers_passed_; }
  const Failure& failure() const { return failure_; }
  std::exception_ptr exception() const { return exception_; }
  const Thread* culprit() const { return culprit_; }
  /// Whether device code runs, and not the emulator for it.
  bool in_device_code() const { return current_ != nullptr && !performing_; }
  /// While such an object lives, what is done is done by the emulator.
  class Performing {
   public:
    explicit Performing(Block& block) : block_(block) { block_.performing_ = true; }
    ~Performing() { block_.performing_ = false; }
    Performing(const Performing&) = delete;
    Performing& operator=(const Performing&) = delete;

   private:
    Block& block_;
  };

 private:
  struct Collective {
    unsigned mask = 0, arrived = 0;
    Perform perform = nullptr;
    const char* name = nullptr;
    Site at;
  };
  struct Warp {
    unsigned alive = 0, waiting = 0;  // lanes that have not returned; that wait in a collective
    void* arguments[32] = {};
    Collective pending[32];  // by the lowest lane of the mask
  };

  static void fiber_main();  // of every fiber
  void take_turn(Thread& t) {
    current_ = &t;
    t.polls = 0;
    threadIdx = t.index;
  }
  Thread* next();
  void wait();  // gives the turn to another thread and comes back when ready
  void go_on_in(Thread& t, Context& from, bool dies);
  void returned();  // the current thread's end
  void open_barrier();
  void push(Thread& t) {
    t.state = State::ready;
    ready_[(first_ + count_++) % max_threads] = static_cast<std::uint16_t>(t.id);
  }
  [[noreturn]] void leave();
  [[noreturn]] void stuck();
  [[noreturn]] void spin(Site at);
  std::string name(const Thread& t) const;

  std::vector<Thread> threads_;
  std::vector<std::uint16_t> ready_, waiters_;
  std::vector<Warp> warps_;
  unsigned first_ = 0, count_ = 0;  // of the ring of those ready
  unsigned size_ = 0, alive_ = 0, waiting_ = 0;
  std::uint64_t schedule_ = 0, random_ = 0;
  Thread *current_ = nullptr, *culprit_ = nullptr;
  bool performing_ = false;

  const char* barrier_name_ = nullptr;
  Site barrier_at_;
  int votes_ = 0, vote_result_ = 0;
  std::uint32_t barriers_passed_ = 0;

  StackPool stacks_;
  Context launcher_;
  bool from_launcher_ = false;
  void (*call_)(void*) = nullptr;
  void* arguments_ = nullptr;
  Failure failure_;
  bool failed_ = false;
  std::exception_ptr exception_;
};

/// The block that runs on this thread of the host, or null.
inline constinit thread_local Block* running_block = nullptr;

}  // namespace ocelli::simt

#include "ocelli/simt/block_impl.hpp"
