// The scheduler of a block: turns, barriers, collectives, and what can be wrong with them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstring>
#include <utility>

#include "ocelli/simt/access.hpp"
#include "ocelli/simt/block.hpp"

namespace ocelli::simt {

inline bool same_line(Site a, Site b) {
  return a.line == b.line && (a.file == b.file || std::strcmp(a.file, b.file) == 0);
}

inline bool Block::run(void (*call)(void*), void* arguments, dim3 extent, std::uint64_t schedule) {
  call_ = call;
  arguments_ = arguments;
  size_ = alive_ = extent.x * extent.y * extent.z;
  schedule_ = random_ = schedule;
  first_ = count_ = waiting_ = 0;
  barriers_passed_ = 0;
  barrier_name_ = nullptr;
  failed_ = false;
  exception_ = nullptr;

  unsigned id = 0;
  for (unsigned z = 0; z < extent.z; ++z)
    for (unsigned y = 0; y < extent.y; ++y)
      for (unsigned x = 0; x < extent.x; ++x, ++id) {
        Thread& t = threads_[id];
        t.index = {x, y, z};
        t.id = id;
        t.state = State::unstarted;
        t.commits = 0;
        t.copies.clear();
        ready_[id] = static_cast<std::uint16_t>(id);
      }
  count_ = size_;
  for (unsigned w = 0; w * 32 < size_; ++w) {
    const unsigned lanes = std::min(32u, size_ - w * 32);
    warps_[w].alive = lanes == 32 ? ~0u : (1u << lanes) - 1;
    warps_[w].waiting = 0;
    for (Collective& c : warps_[w].pending) c.arrived = 0;
  }

  from_launcher_ = true;
  performing_ = false;
  go_on_in(*next(), launcher_, false);
  culprit_ = std::exchange(current_, nullptr);
  if (!failed_ && exception_ == nullptr) return true;
  stacks_.give_back_all();
  return false;
}

inline Thread* Block::next() {
  if (count_ == 0) return nullptr;
  if (schedule_ != 0) {
    // Any of those ready, by a linear congruential generator.
    random_ = random_ * 6364136223846793005u + 1442695040888963407u;
    const unsigned pick = static_cast<unsigned>((random_ >> 33) % count_);
    std::swap(ready_[first_], ready_[(first_ + pick) % max_threads]);
  }
  Thread& t = threads_[ready_[first_]];
  first_ = (first_ + 1) % max_threads;
  --count_;
  return &t;
}

inline void Block::go_on_in(Thread& t, Context& from, bool dies) {
  take_turn(t);
  if (t.state == State::unstarted) {
    t.context = stacks_.take(settings().stack_bytes);
    t.context->start(&Block::fiber_main);
    t.state = State::ready;
  }
  from.switch_to(*t.context, dies);
}

inline void Block::wait() {
  Thread& self = *current_;
  Thread* t = next();
  if (t == nullptr) stuck();
  if (t != &self) go_on_in(*t, *self.context, false);
}

inline void Block::fiber_main() {
  Block& b = *running_block;
  Context::entered(b.launcher_, b.from_launcher_);
  b.from_launcher_ = false;
  for (;;) {
    Context* const stack = b.current_->context;
    try {
      b.call_(b.arguments_);
    } catch (...) {
      b.exception_ = std::current_exception();
    }
    if (b.exception_ != nullptr) b.leave();
    b.returned();
    Thread* t = b.next();
    if (t == nullptr) {
      if (b.alive_ != 0) b.stuck();
      b.stacks_.give_back(stack);
      b.leave();
    }
    if (t->state == State::unstarted) {  // it takes over this stack, without a switch
      t->context = stack;
      t->state = State::ready;
      b.take_turn(*t);
      continue;
    }
    b.stacks_.give_back(stack);
    b.go_on_in(*t, *stack, true);
  }
}

inline void Block::leave() {
  current_->context->switch_to(launcher_, true);
  __builtin_unreachable();
}

inline std::string Block::name(const Thread& t) const {
  return "thread (" + std::to_string(t.index.x) + "," + std::to_string(t.index.y) + "," +
         std::to_string(t.index.z) + ")";
}

inline void Block::returned() {
  Thread& t = *current_;
  Warp& w = warps_[t.id / 32];
  const unsigned bit = 1u << (t.id % 32);
  if (!t.copies.empty())
    fail([&] {
      return Failure{
          Fault::unfinished_copy,
          "returned with " + std::to_string(t.copies.size()) +
              " cp.async that it never waited for, the first of " + t.copies[0].at.text(),
          "call cp_async_commit and cp_async_wait<0> before the data are used",
          {t.copies[0].at.text()}};
    });
  t.state = State::exited;
  w.alive &= ~bit;
  if (w.waiting != 0)
    for (const Collective& c : w.pending)
      if (c.arrived != 0 && (c.mask & bit) != 0)
        fail([&] {
          return Failure{
              Fault::exited_lanes,
              "lane " + std::to_string(t.id % 32) + " returned while others of its warp wait for " +
                  "it in " + c.name + " at " + c.at.text(),
              "let all lanes of the mask reach the call, or leave this one out of the mask",
              {c.at.text()}};
        });
  --alive_;
  if (waiting_ != 0 && waiting_ == alive_) open_barrier();
}

inline void Block::open_barrier() {
  // All that live wait here, so the list of waiters becomes the list of those ready.
  ready_.swap(waiters_);
  first_ = 0;
  count_ = waiting_;
  waiting_ = 0;
  ++barriers_passed_;
  vote_result_ = votes_;
}

inline int Block::barrier(Vote vote, int value, const char* name, Site at) {
  Thread& t = *current_;
  const bool truth = value != 0;
  if (waiting_ == 0) {
    barrier_name_ = name;
    barrier_at_ = at;
    votes_ = vote == Vote::all ? 1 : 0;
  } else if (!same_line(barrier_at_, at)) {
    fail([this, name, at] {
      return Failure{
          Fault::divergent_barrier,
          std::string("waits in ") + name + " while " + this->name(threads_[waiters_[0]]) +
              " waits in " + barrier_name_ + " at " + barrier_at_.text(),
          "a barrier in a branch needs a condition that is the same for the whole block",
          {at.text(), barrier_at_.text()}};
    });
  }
  if (vote == Vote::all) votes_ &= truth;
  if (vote == Vote::any) votes_ |= truth;
  if (vote == Vote::count) votes_ += truth;
  t.state = State::at_barrier;
  t.waits_in = name;
  t.waits_at = at;
  waiters_[waiting_++] = static_cast<std::uint16_t>(t.id);
  if (waiting_ == alive_) open_barrier();
  wait();
  t.state = State::ready;
  return vote_result_;
}

inline void Block::collective(
    unsigned mask, Perform perform, void* argument, const char* name, Site at) {
  Thread& t = *current_;
  Warp& w = warps_[t.id / 32];
  const unsigned lane = t.id % 32;
  if ((mask >> lane & 1) == 0)
    fail([name, lane, at] {
      return Failure{
          Fault::lane_outside_mask,
          std::string("calls ") + name + " as lane " + std::to_string(lane) +
              " with a mask that lacks this lane",
          "name the calling lanes in the mask",
          {at.text()}};
    });
  if ((mask & ~w.alive) != 0)
    fail([&w, mask, name, at] {
      return Failure{
          Fault::exited_lanes,
          std::string(name) + " names lane " + std::to_string(std::countr_zero(mask & ~w.alive)) +
              ", which has returned or lies beyond the block's end",
          "let all lanes of the mask reach the call, and make a block a multiple of 32 threads",
          {at.text()}};
    });
  Collective& c = w.pending[std::countr_zero(mask)];
  if (c.arrived == 0) {
    c.mask = mask;
    c.perform = perform;
    c.name = name;
    c.at = at;
  } else if (c.mask != mask || c.perform != perform || !same_line(c.at, at)) {
    fail([&c, mask, name, at] {
      return Failure{
          Fault::mismatched_collective,
          std::string("calls ") + name + " while lanes of its warp wait in " + c.name + " at " +
              c.at.text() + (c.mask != mask ? " under another mask" : ""),
          "the lanes of a mask must make the same call",
          {at.text(), c.at.text()}};
    });
  }
  w.arguments[lane] = argument;
  c.arrived |= 1u << lane;
  if (c.arrived != mask) {
    w.waiting |= 1u << lane;
    t.state = State::in_collective;
    t.waits_in = name;
    t.waits_at = at;
    wait();
    return;
  }
  c.arrived = 0;
  w.waiting &= ~mask;
  {
    const Performing performing(*this);
    perform(*this, t.id / 32, w.arguments, mask);
  }
  for (unsigned others = mask & ~(1u << lane); others != 0; others &= others - 1)
    push(threads_[t.id - lane + static_cast<unsigned>(std::countr_zero(others))]);
  if (schedule_ != 0) {
    push(t);
    wait();
  }
}

/// Nobody can go on: a lane of some collective waits in something else.
inline void Block::stuck() {
  for (unsigned i = 0; i < size_; ++i) {
    Thread& t = threads_[i];
    if (t.state != State::in_collective) continue;
    for (const Collective& c : warps_[i / 32].pending) {
      if ((c.arrived >> (i % 32) & 1) == 0) continue;
      const unsigned lacking =
          static_cast<unsigned>(std::countr_zero(c.mask & ~c.arrived)) + i / 32 * 32;
      const Thread& other = threads_[lacking];
      const bool barrier = other.state == State::at_barrier;
      current_ = &t;
      fail([&] {
        return Failure{
            barrier ? Fault::missing_lanes : Fault::mismatched_collective,
            std::string("waits in ") + c.name + " for lane " + std::to_string(lacking % 32) +
                ", but " + name(other) + " waits in " + other.waits_in + " at " +
                other.waits_at.text(),
            barrier ? "let all lanes of the mask reach the call before the barrier"
                    : "the lanes of a mask must make the same call",
            {t.waits_at.text(), other.waits_at.text()}};
      });
    }
  }
  fail([&] { return Failure{Fault::exception, "no thread can go on", {}, {}}; });
}

inline void Block::spin(Site at) {
  fail([&] {
    return Failure{
        Fault::spinning,
        "polled memory " + std::to_string(settings().spin_limit) +
            " times without a barrier in between",
        "do not wait for other threads or blocks in a loop; split the kernel in two",
        {at.text()}};
  });
}

}  // namespace ocelli::simt
