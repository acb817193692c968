// FaultLine: a store whose line to the server breaks as a schedule says; and what tests with many
// of them need.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ocelli/bucket/s3_store.hpp"
#include "s3/fault_proxy.hpp"
#include "s3/fresh_bucket.hpp"
#include "s3/gateway.hpp"
#include "s3/ledger.hpp"

namespace ocelli::test {

inline std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A client in a hurry, for a server behind a proxy.
inline bucket::S3Options hurried(const std::string& bucket, const FaultProxy& proxy) {
  bucket::S3Options options = gateway_options(bucket);
  options.endpoint = proxy.endpoint();
  options.connections = 4;
  options.part_size = 64u << 10;
  options.attempts = 4;
  options.backoff = std::chrono::milliseconds(1);
  options.longest_backoff = std::chrono::milliseconds(4);
  options.connect_timeout = std::chrono::milliseconds(1000);
  options.stall_timeout = std::chrono::milliseconds(200);
  return options;
}

/// The server makes its own places at the first object of a kind, for which it needs longer than a
/// client in a hurry waits.
inline void warm_up(const bucket::S3Options& options) {
  bucket::S3Options parts = options;
  parts.part_size = 64u << 10;
  bucket::S3Store store(parts);
  store.put("warm", noise(0, 200u << 10));
  store.copy("warm", "warm too");
  store.remove("warm");
  store.remove("warm too");
}

struct FaultLine {
  FaultLine(const std::string& bucket, Schedule schedule)
      : proxy(environment("OCELLI_TEST_S3"), std::move(schedule)), store(hurried(bucket, proxy)) {}
  FaultProxy proxy;
  bucket::S3Store store;
};

/// How many schedules: fewer under a sanitizer, which makes them slow.
inline int schedules(int count) {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  return count / 10;
#else
  return count;
#endif
}

/// Whether to run the schedule with this seed: OCELLI_TEST_SEED names one that shall run alone.
inline bool wanted(std::uint64_t seed) {
  const std::string only = environment("OCELLI_TEST_SEED");
  return only.empty() || only == std::to_string(seed);
}

/// On a machine with much else to do, a client in a hurry gives up what nothing is wrong with.
inline bool out_of_time(const std::string& message) {
  return message.find("does not answer in time") != std::string::npos;
}
/// On a good line: does it again when that has happened.
template <class Work>
auto patiently(const Work& work) {
  for (int left = 20;; --left) {
    try {
      return work();
    } catch (const StoreError& fault) {
      if (left == 0 || !out_of_time(fault.what())) throw;
    }
  }
}

/// Calls task(i) for all i < count, on 16 threads: two cores, and most of the work is waiting.
template <class Task>
void side_by_side(int count, const Task& task) {
  std::atomic<int> next{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i)
    threads.emplace_back([&] {
      for (int n = next++; n < count; n = next++) task(n);
    });
  for (std::thread& thread : threads) thread.join();
}

}  // namespace ocelli::test
