// ThreadPool: the one pool of a program. A loop is cut into tasks by its geometry alone, never by
// the number of threads, so results are the same bits on any number of them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

namespace ocelli {

/// Runs loops over tasks on a fixed set of threads, the caller's among them. One loop at a time;
/// tasks must not start loops of their own, and must not throw. Running a loop allocates nothing.
class ThreadPool {
 public:
  /// @param threads  at least 1; 0 takes the machine's number of cores.
  explicit ThreadPool(int threads = 0) {
    if (threads <= 0) threads = static_cast<int>(std::thread::hardware_concurrency());
    if (threads < 1) threads = 1;
    workers_.reserve(static_cast<std::size_t>(threads - 1));
    for (int t = 1; t < threads; ++t) workers_.emplace_back([this, t] { serve(t); });
  }
  ~ThreadPool() {
    stop_.store(true, std::memory_order_relaxed);
    epoch_.fetch_add(1, std::memory_order_release);
    epoch_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// Number of threads, the caller's included.
  int size() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls body(task, thread) for each task in 0 .. tasks - 1, thread in 0 .. size() - 1; returns
  /// when all are done. Which thread takes which task is open.
  template <class Body>
  void for_each(long tasks, Body&& body) {
    if (tasks <= 0) return;
    if (workers_.empty() || tasks == 1) {
      for (long task = 0; task < tasks; ++task) body(task, 0);
      return;
    }
    using Plain = std::remove_reference_t<Body>;
    body_ = const_cast<void*>(static_cast<const void*>(std::addressof(body)));
    call_ = [](void* self, long task, int thread) { (*static_cast<Plain*>(self))(task, thread); };
    tasks_ = tasks;
    next_.store(0, std::memory_order_relaxed);
    busy_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
    epoch_.fetch_add(1, std::memory_order_release);
    epoch_.notify_all();
    work(0);
    for (int spin = 0; busy_.load(std::memory_order_acquire) != 0; ++spin) {
      if (spin < kSpins) {
        relax();
      } else if (const int left = busy_.load(std::memory_order_acquire); left != 0) {
        busy_.wait(left, std::memory_order_acquire);
      }
    }
  }

 private:
  // About 20 microseconds of polling: shorter than a sleep and a wake-up, long enough for the gap
  // between two operations of a net.
  static constexpr int kSpins = 2000;

  static void relax() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }
  void work(int thread) {
    for (;;) {
      const long task = next_.fetch_add(1, std::memory_order_relaxed);
      if (task >= tasks_) return;
      call_(body_, task, thread);
    }
  }
  void serve(int thread) {
    std::uint32_t seen = 0;
    for (;;) {
      for (int spin = 0; epoch_.load(std::memory_order_acquire) == seen; ++spin) {
        if (spin < kSpins) {
          relax();
        } else {
          epoch_.wait(seen, std::memory_order_acquire);
        }
      }
      seen = epoch_.load(std::memory_order_acquire);
      if (stop_.load(std::memory_order_relaxed)) return;
      work(thread);
      if (busy_.fetch_sub(1, std::memory_order_acq_rel) == 1) busy_.notify_one();
    }
  }

  std::vector<std::thread> workers_;
  std::atomic<std::uint32_t> epoch_{0};
  std::atomic<int> busy_{0};
  std::atomic<long> next_{0};
  std::atomic<bool> stop_{false};
  long tasks_ = 0;
  void* body_ = nullptr;
  void (*call_)(void*, long, int) = nullptr;
};

}  // namespace ocelli
