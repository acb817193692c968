// ThreadPool: every task once, any number of threads, one loop after another. Meant to be run under
// -fsanitize=thread too.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/core/thread_pool.hpp"

#include <doctest/doctest.h>

#include <numeric>
#include <vector>

#include "support/counting_allocator.hpp"

using ocelli::ThreadPool;

TEST_CASE("thread_pool: every task once, on a thread of the pool") {
  for (const int threads : {1, 2, 3, 8}) {
    CAPTURE(threads);
    ThreadPool pool(threads);
    REQUIRE(pool.size() == threads);
    for (const long tasks : {0L, 1L, 2L, 7L, 1000L}) {
      std::vector<int> runs(static_cast<std::size_t>(tasks), 0);
      std::vector<int> thread_of(static_cast<std::size_t>(tasks), -1);
      pool.for_each(tasks, [&](long task, int thread) {
        ++runs[static_cast<std::size_t>(task)];
        thread_of[static_cast<std::size_t>(task)] = thread;
      });
      for (const int count : runs) CHECK(count == 1);
      for (const int thread : thread_of) {
        CHECK(thread >= 0);
        CHECK(thread < threads);
      }
    }
  }
}

TEST_CASE("thread_pool: a thread's own place needs no lock") {
  ThreadPool pool(4);
  std::vector<long> sum(4, 0);
  pool.for_each(
      10000, [&](long task, int thread) { sum[static_cast<std::size_t>(thread)] += task; });
  CHECK(std::accumulate(sum.begin(), sum.end(), 0L) == 10000L * 9999 / 2);
}

TEST_CASE("thread_pool: a loop sees what the one before it wrote") {
  ThreadPool pool(3);
  std::vector<long> values(64, 0);
  for (int loop = 0; loop < 2000; ++loop)
    pool.for_each(64, [&](long task, int) {
      const auto at = static_cast<std::size_t>(task);
      values[at] = (task == 0 ? 0 : values[at]) + 1 + (loop % 2);
    });
  // Each loop adds 1 and 2 in turn; place 0 is set afresh every time.
  CHECK(values[0] == 2);
  for (std::size_t i = 1; i < 64; ++i) CHECK(values[i] == 3000);
}

TEST_CASE("thread_pool: the caller may write between loops") {
  ThreadPool pool(2);
  std::vector<int> in(16, 0), out(16, 0);
  for (int loop = 1; loop <= 500; ++loop) {
    for (int& v : in) v = loop;
    pool.for_each(16, [&](long task, int) {
      const auto at = static_cast<std::size_t>(task);
      out[at] = 2 * in[at];
    });
    for (const int v : out) REQUIRE(v == 2 * loop);
  }
}

TEST_CASE("thread_pool: allocates nothing per loop") {
  ThreadPool pool(2);
  std::vector<int> runs(100, 0);
  const ocelli::test::AllocationCount count;
  for (int loop = 0; loop < 100; ++loop)
    pool.for_each(100, [&](long task, int) { ++runs[static_cast<std::size_t>(task)]; });
  CHECK(count.so_far() == 0);
  CHECK(runs[99] == 100);
}

TEST_CASE("thread_pool: many pools come and go, used or not") {
  for (int i = 0; i < 50; ++i) {
    ThreadPool unused(3);
    ThreadPool used(2);
    std::vector<int> runs(5, 0);
    used.for_each(5, [&](long task, int) { ++runs[static_cast<std::size_t>(task)]; });
    for (const int count : runs) REQUIRE(count == 1);
  }
  CHECK(ThreadPool(0).size() >= 1);
  CHECK(ThreadPool(-3).size() >= 1);
}
