// Each mistake that the emulator knows, made on purpose, and what it says about it.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "ocelli/simt/device_array.hpp"

using namespace ocelli;
using simt::DeviceArray;
using simt::Fault;
using simt::KernelError;

namespace {

/// The line of its own call, as the emulator would name it.
std::string line(int less, simt::Site at = simt::Site::here()) {
  at.line -= static_cast<unsigned>(less);
  return at.text();
}

/// Runs something that must go wrong in this way.
KernelError caught(Fault fault, const std::function<void()>& run) {
  try {
    run();
  } catch (const KernelError& error) {
    CHECK(error.fault == fault);
    return error;
  }
  FAIL("nothing was reported");
  throw std::logic_error("not reached");
}

bool says(const KernelError& error, const std::string& text) {
  return std::string(error.what()).find(text) != std::string::npos;
}

std::string divergent_here, divergent_there;

OCELLI_KERNEL divergent() {
  if (threadIdx.x < 40) {
    __syncthreads();
    divergent_here = line(1);
  } else {
    divergent_there = line(-1);
    __syncthreads();
  }
}

OCELLI_KERNEL barrier_without_those_who_returned(int* out) {
  if (threadIdx.x >= 40) return;
  __syncthreads();
  out[threadIdx.x] = 1;
}

OCELLI_KERNEL lanes_at_a_barrier() {
  if (threadIdx.x % 2 == 0) __syncthreads();
  __shfl_xor_sync(0xFFFFFFFFu, 1, 1);
  if (threadIdx.x % 2 == 1) __syncthreads();
}

OCELLI_KERNEL lanes_that_returned() {
  if (threadIdx.x == 5) return;
  __syncwarp();
}

OCELLI_KERNEL different_calls() {
  if (threadIdx.x < 16)
    __ballot_sync(0xFFFFFFFFu, 1);
  else
    __shfl_sync(0xFFFFFFFFu, 1, 0);
}

OCELLI_KERNEL overlapping_masks() {
  if (threadIdx.x < 16)
    __syncwarp(0x0001FFFFu);
  else
    __syncwarp(0xFFFF8000u);
}

OCELLI_KERNEL mask_without_the_caller() { __syncwarp(0x0000FFFFu); }

OCELLI_KERNEL read_from_outside_the_mask() {
  if (threadIdx.x < 16) __shfl_sync(0x0000FFFFu, 1, 20);
}

OCELLI_KERNEL spin(int* flag) {
  while (atomicAdd(flag, 0) == 0) {
  }
}

OCELLI_KERNEL static_memory_beyond_limit() {
  OCELLI_SHARED(float, big, [13 << 10]);
  big[0] = 1.0f;
}

OCELLI_KERNEL reads_shared_before_it_is_written(float* out) {
  OCELLI_SHARED(float, tile, [32]);
  out[threadIdx.x] = tile[threadIdx.x];
}

OCELLI_KERNEL writes_past_a_shared_array(int index) {
  OCELLI_SHARED(float, tile, [32]);
  OCELLI_SHARED(float, other, [32]);
  tile[threadIdx.x] = 0.0f;
  other[threadIdx.x] = 0.0f;
  if (threadIdx.x == 3) tile[index] = 1.0f;
}

OCELLI_KERNEL writes_past_dynamic_memory(int index) {
  OCELLI_DYNAMIC_SHARED(float, tile);
  tile[index] = 1.0f;
}

OCELLI_KERNEL copy_without_wait(const float* x, float* out) {
  OCELLI_SHARED(float, tile, [4]);
  ptx::cp_async_16(tile, x);
  ptx::cp_async_commit();
  out[0] = tile[0];
  ptx::cp_async_wait<0>();
  out[1] = tile[0];
}

OCELLI_KERNEL copy_never_waited_for(const float* x) {
  OCELLI_SHARED(float, tile, [4]);
  ptx::cp_async_16(tile, x);
  ptx::cp_async_commit();
}

OCELLI_KERNEL wait_without_commit(const float* x) {
  OCELLI_SHARED(float, tile, [4]);
  ptx::cp_async_16(tile, x);
  ptx::cp_async_wait<0>();
}

OCELLI_KERNEL copy_past_the_array(const float* x) {
  OCELLI_SHARED(float, tile, [6]);
  ptx::cp_async_16(tile + 4, x);
}

OCELLI_KERNEL copy_to_global_memory(const float* x, float* y) { ptx::cp_async_16(y, x); }

OCELLI_KERNEL misaligned_load(const float* x, float* out) { out[0] = simt::load<float4>(x + 1).x; }
OCELLI_KERNEL misaligned_store(float* out) { simt::store(out + 2, make_float4(1, 2, 3, 4)); }
OCELLI_KERNEL misaligned_copy(const float* x) {
  OCELLI_SHARED(float, tile, [8]);
  ptx::cp_async_16(tile + 1, x);
}
OCELLI_KERNEL misaligned_matrix() {
  OCELLI_SHARED(bfloat16, tile, [8][12]);
  std::uint32_t to[2];
  ptx::ldmatrix_x2(to, &tile[threadIdx.x % 8][0]);
}

OCELLI_KERNEL nothing() {}
OCELLI_KERNEL throws() {
  if (threadIdx.x == 7) throw std::runtime_error("from a kernel");
  __syncthreads();
}

}  // namespace

TEST_CASE("simt: divergent barriers, with both lines, kernel, block and thread") {
  for (const std::uint64_t seed : {0u, 1u, 2u, 3u}) {
    const simt::ScheduleSeed schedule(seed);
    divergent_here.clear();
    const KernelError error =
        caught(Fault::divergent_barrier, [] { simt::launch(&divergent, 1, 64, 0, nullptr); });
    REQUIRE(error.places.size() == 2);
    CHECK(error.places[0] != error.places[1]);
    if (seed == 0) CHECK(error.places[0] == divergent_there);
    CHECK(says(error, error.places[0]));
    CHECK(says(error, error.places[1]));
    CHECK(error.kernel.find("divergent") != std::string::npos);
    CHECK(says(error, "block (0,0,0)"));
    if (seed == 0) CHECK(error.thread[0] == 40);
  }
}

TEST_CASE("simt: a barrier does not wait for threads that returned, as on a device") {
  DeviceArray<int> out(std::vector<int>(64));
  simt::launch(&barrier_without_those_who_returned, 1, 64, 0, nullptr, out.data());
  const std::vector<int> got = out.values();
  CHECK(std::count(got.begin(), got.end(), 1) == 40);
}

TEST_CASE("simt: lanes that wait elsewhere while a collective needs them") {
  for (const std::uint64_t seed : {0u, 1u, 2u}) {
    const simt::ScheduleSeed schedule(seed);
    const KernelError error =
        caught(Fault::missing_lanes, [] { simt::launch(&lanes_at_a_barrier, 1, 32, 0, nullptr); });
    CHECK(error.places.size() == 2);
    CHECK(says(error, "__shfl_xor_sync"));
    CHECK(says(error, "__syncthreads"));
  }
}

TEST_CASE("simt: lanes that have returned, or never were") {
  for (const std::uint64_t seed : {0u, 1u, 2u}) {
    const simt::ScheduleSeed schedule(seed);
    const KernelError error =
        caught(Fault::exited_lanes, [] { simt::launch(&lanes_that_returned, 1, 32, 0, nullptr); });
    CHECK(says(error, "lane 5"));
  }
  const KernelError error =
      caught(Fault::exited_lanes, [] { simt::launch(&different_calls, 1, 16, 0, nullptr); });
  CHECK(says(error, "lane 16"));
}

TEST_CASE("simt: lanes that meet in different calls or under overlapping masks") {
  for (const std::uint64_t seed : {0u, 1u, 2u}) {
    const simt::ScheduleSeed schedule(seed);
    const KernelError error = caught(
        Fault::mismatched_collective, [] { simt::launch(&different_calls, 1, 32, 0, nullptr); });
    CHECK(error.places.size() == 2);
    CHECK(says(error, "__ballot_sync"));
    CHECK(says(error, "__shfl_sync"));
    caught(
        Fault::mismatched_collective, [] { simt::launch(&overlapping_masks, 1, 32, 0, nullptr); });
  }
}

TEST_CASE("simt: lanes outside of the mask") {
  const KernelError calls = caught(
      Fault::lane_outside_mask, [] { simt::launch(&mask_without_the_caller, 1, 32, 0, nullptr); });
  CHECK(calls.thread[0] == 16);
  const KernelError reads = caught(Fault::lane_outside_mask, [] {
    simt::launch(&read_from_outside_the_mask, 1, 32, 0, nullptr);
  });
  CHECK(says(reads, "lane 20"));
}

TEST_CASE("simt: waiting in a loop for what never comes") {
  const std::uint32_t before = simt::settings().spin_limit;
  simt::settings().spin_limit = 1000;
  DeviceArray<int> flag(std::vector<int>{0});
  caught(Fault::spinning, [&] { simt::launch(&spin, 2, 32, 0, nullptr, flag.data()); });
  simt::settings().spin_limit = before;
}

TEST_CASE("simt: launches that a device refuses") {
  const auto refused = [](dim3 grid, dim3 block, std::size_t bytes) {
    return caught(
        Fault::launch_limit, [&] { simt::launch(&nothing, grid, block, bytes, nullptr); });
  };
  refused(1, 1025, 0);
  refused(1, dim3(33, 32), 0);
  refused(1, dim3(1, 1, 65), 0);
  refused(0, 32, 0);
  refused(1, dim3(32, 0), 0);
  refused(dim3(1, 65536), 32, 0);
  refused(dim3(1, 1, 65536), 32, 0);
  refused(0x80000000u, 32, 0);
  const KernelError error = refused(1, 32, (227 << 10) + 1);
  CHECK(error.kernel.find("nothing") != std::string::npos);
  CHECK(says(error, "launched at"));
  simt::launch(&nothing, 1, 1024, 227 << 10, nullptr);
  simt::launch(&nothing, dim3(1, 2, 3), dim3(2, 3, 64), 0, nullptr);

  caught(Fault::launch_limit, [] { simt::launch(&static_memory_beyond_limit, 1, 32, 0, nullptr); });
}

TEST_CASE("simt: shared memory is NaN until it is written, in every block anew") {
  DeviceArray<float> out(std::vector<float>(32));
  for (int launches = 0; launches < 2; ++launches) {
    simt::launch(&reads_shared_before_it_is_written, 2, 32, 0, nullptr, out.data());
    for (const float v : out.values()) CHECK(std::isnan(v));
  }
}

TEST_CASE("simt: fresh device memory is NaN") {
  const DeviceArray<float> fresh(3);
  for (const float v : fresh.values()) CHECK(std::isnan(v));
}

#ifndef OCELLI_SIMT_ASAN  // which ends the program at the very line
TEST_CASE("simt: writes beyond shared arrays") {
  for (const int index : {32, 40, -1, 47}) {
    CAPTURE(index);
    const KernelError error = caught(Fault::out_of_bounds, [&] {
      simt::launch(&writes_past_a_shared_array, 1, 32, 0, nullptr, index);
    });
    CHECK(says(error, "'tile'"));
  }
  simt::launch(&writes_past_a_shared_array, 1, 32, 0, nullptr, 31);
  caught(Fault::out_of_bounds, [] {
    simt::launch(&writes_past_dynamic_memory, 1, 1, 40, nullptr, 10);
  });
  simt::launch(&writes_past_dynamic_memory, 1, 1, 40, nullptr, 9);
}
#else
namespace {
OCELLI_KERNEL poisoned_around(int* out) {
  OCELLI_SHARED(char, tile, [20]);
  for (int i = -3; i < 24; ++i) out[i + 3] = __asan_address_is_poisoned(&tile[0] + i);
}
}  // namespace
TEST_CASE("simt: the address sanitizer watches the bytes around shared arrays") {
  DeviceArray<int> out(27);
  simt::launch(&poisoned_around, 1, 1, 0, nullptr, out.data());
  const std::vector<int> got = out.values();
  for (int i = -3; i < 24; ++i)
    CHECK((got[static_cast<std::size_t>(i + 3)] != 0) == (i < 0 || i >= 20));
}
#endif

TEST_CASE("simt: asynchronous copies that nobody waits for") {
  const DeviceArray<float> x(std::vector<float>{1, 2, 3, 4});
  DeviceArray<float> out(2);
  simt::launch(&copy_without_wait, 1, 1, 0, nullptr, x.data(), out.data());
  CHECK(std::isnan(out.values()[0]));  // not there yet
  CHECK(out.values()[1] == 1.0f);
  const KernelError error = caught(Fault::unfinished_copy, [&] {
    simt::launch(&copy_never_waited_for, 1, 1, 0, nullptr, x.data());
  });
  CHECK(error.places.size() == 1);
  caught(Fault::unfinished_copy, [&] {
    simt::launch(&wait_without_commit, 1, 1, 0, nullptr, x.data());
  });
  simt::launch(&nothing, 1, 1, 0, nullptr);  // nothing is left of them
}

TEST_CASE("simt: asynchronous copies to where they must not go") {
  const DeviceArray<float> x(std::vector<float>{1, 2, 3, 4});
  DeviceArray<float> y(4);
  caught(Fault::out_of_bounds, [&] {
    simt::launch(&copy_past_the_array, 1, 1, 0, nullptr, x.data());
  });
  const KernelError error = caught(Fault::out_of_bounds, [&] {
    simt::launch(&copy_to_global_memory, 1, 1, 0, nullptr, x.data(), y.data());
  });
  CHECK(says(error, "not in shared memory"));
}

TEST_CASE("simt: misaligned vector accesses") {
  DeviceArray<float> x(std::vector<float>(8));
  caught(Fault::misaligned, [&] {
    simt::launch(&misaligned_load, 1, 1, 0, nullptr, x.data(), x.data());
  });
  caught(Fault::misaligned, [&] { simt::launch(&misaligned_store, 1, 1, 0, nullptr, x.data()); });
  caught(Fault::misaligned, [&] { simt::launch(&misaligned_copy, 1, 1, 0, nullptr, x.data()); });
  const KernelError error =
      caught(Fault::misaligned, [] { simt::launch(&misaligned_matrix, 1, 32, 0, nullptr); });
  CHECK(says(error, "ldmatrix_x2"));
}

TEST_CASE("simt: what a kernel throws reaches the launcher, and the next launch is as ever") {
  for (const std::uint64_t seed : {0u, 1u}) {
    const simt::ScheduleSeed schedule(seed);
    CHECK_THROWS_WITH_AS(
        simt::launch(&throws, 3, 64, 0, nullptr), "from a kernel", std::runtime_error);
    simt::launch(&nothing, 2, 64, 0, nullptr);
  }
}

TEST_CASE("simt: device functions on the host say so") {
  CHECK_THROWS_AS(__syncthreads(), DeviceError);
}
