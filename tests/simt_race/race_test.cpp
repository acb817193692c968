// Race mode: accesses that no barrier orders, made on purpose; and kernels that keep the rules.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "ocelli/simt/device_array.hpp"
#include "simt/kernels.cuh"

using namespace ocelli;
using simt::DeviceArray;
using simt::Fault;
using simt::KernelError;

namespace {

std::string next_line(simt::Site at = simt::Site::here()) {
  ++at.line;
  return at.text();
}

/// Runs something that must go wrong in this way, in order and under other schedules.
KernelError caught(Fault fault, const std::function<void()>& run) {
  for (const std::uint64_t seed : {1u, 2u, 0u}) {
    const simt::ScheduleSeed schedule(seed);
    CAPTURE(seed);
    try {
      run();
    } catch (const KernelError& error) {
      CAPTURE(std::string(error.what()));
      CHECK(error.fault == fault);
      if (seed == 0) return error;
      continue;
    }
    FAIL("nothing was reported");
  }
  throw std::logic_error("not reached");
}

/// Runs something that keeps the rules, in order and under other schedules.
void clean(const std::function<void()>& run) {
  for (const std::uint64_t seed : {0u, 1u, 2u}) {
    const simt::ScheduleSeed schedule(seed);
    CAPTURE(seed);
    CHECK_NOTHROW(run());
  }
}

std::string writes_at, reads_at;

/// Each thread writes an element of its own, then reads its neighbour's.
OCELLI_KERNEL neighbour(float* out, bool barrier) {
  OCELLI_SHARED(float, tile, [64]);
  tile[threadIdx.x] = 1.0f;
  __syncthreads();
  writes_at = next_line();
  tile[threadIdx.x] = 2.0f;
  if (barrier) __syncthreads();
  reads_at = next_line();
  out[threadIdx.x] = tile[(threadIdx.x + 1) % 64];
}

/// Reads, then writes what others may still read.
OCELLI_KERNEL write_after_read(float* out, bool barrier) {
  OCELLI_SHARED(float, tile, [64]);
  tile[threadIdx.x] = 1.0f;
  __syncthreads();
  out[threadIdx.x] = tile[(threadIdx.x + 1) % 64] + tile[(threadIdx.x + 40) % 64];
  if (barrier) __syncthreads();
  tile[threadIdx.x] = 2.0f;
}

OCELLI_KERNEL all_write_one(int* out) { out[0] = static_cast<int>(threadIdx.x); }
OCELLI_KERNEL blocks_write_one(int* out) {
  if (threadIdx.x == 0) out[0] = 1;
}
OCELLI_KERNEL block_reads_the_other(int* x) {
  if (threadIdx.x == 0) x[blockIdx.x + 1] = x[blockIdx.x] + 1;
}

/// One lane writes, another of its warp reads; ordered by `how`: 0 nothing, 1 __syncwarp, 2
/// shuffle.
OCELLI_KERNEL within_a_warp(float* out, int how) {
  OCELLI_SHARED(float, tile, [32]);
  tile[threadIdx.x] = 0.0f;
  __syncthreads();
  tile[threadIdx.x] = 1.0f;
  if (how == 1) __syncwarp();
  if (how == 2) __shfl_xor_sync(0xFFFFFFFFu, 1, 1);
  out[threadIdx.x] = tile[threadIdx.x ^ 1];
}

/// Two halves of a warp, each ordered in itself only.
OCELLI_KERNEL halves(float* out, unsigned distance) {
  OCELLI_SHARED(float, tile, [32]);
  tile[threadIdx.x] = 0.0f;
  __syncthreads();
  tile[threadIdx.x] = 1.0f;
  __syncwarp(threadIdx.x < 16 ? 0x0000FFFFu : 0xFFFF0000u);
  out[threadIdx.x] = tile[threadIdx.x ^ distance];
}

/// A __syncwarp orders no other warp.
OCELLI_KERNEL between_warps(float* out) {
  OCELLI_SHARED(float, tile, [64]);
  tile[threadIdx.x] = 0.0f;
  __syncthreads();
  tile[threadIdx.x] = 1.0f;
  __syncwarp();
  out[threadIdx.x] = tile[(threadIdx.x + 32) % 64];
}

OCELLI_KERNEL atomics_and_a_plain_read(unsigned* count, unsigned* out, bool plain) {
  atomicAdd(count, 1u);
  if (plain) out[threadIdx.x] = count[0];
}

OCELLI_KERNEL reads_fresh_shared(float* out) {
  OCELLI_SHARED(float, tile, [32]);
  if (threadIdx.x < 31) tile[threadIdx.x] = 1.0f;
  __syncthreads();
  out[threadIdx.x] = tile[threadIdx.x];
}
OCELLI_KERNEL copies(const float* x, float* out) { out[threadIdx.x] = x[threadIdx.x]; }
OCELLI_KERNEL beyond_shared(float* out, int index) {
  OCELLI_SHARED(float, tile, [32]);
  OCELLI_SHARED(float, other, [32]);
  tile[threadIdx.x] = other[threadIdx.x] = 1.0f;
  __syncthreads();
  out[threadIdx.x] = tile[index];
}

OCELLI_KERNEL copy_read_too_early(const float* x, float* out, bool wait) {
  OCELLI_SHARED(float, tile, [4]);
  ptx::cp_async_16(tile, x);
  ptx::cp_async_commit();
  if (wait) ptx::cp_async_wait<0>();
  out[0] = tile[0];
  ptx::cp_async_wait<0>();
}
/// One thread's copy is for all threads only after a barrier.
OCELLI_KERNEL copy_for_others(const float* x, float* out, bool barrier) {
  OCELLI_SHARED(float, tile, [4]);
  if (threadIdx.x == 0) {
    ptx::cp_async_16(tile, x);
    ptx::cp_async_commit();
    ptx::cp_async_wait<0>();
  }
  if (barrier) __syncthreads();
  out[threadIdx.x] = tile[threadIdx.x % 4];
}
/// The next copy comes while others may still read the last one.
OCELLI_KERNEL copy_over_what_is_read(const float* x, float* out, bool barrier) {
  OCELLI_SHARED(float, tile, [4]);
  float sum = 0.0f;
  for (int i = 0; i < 2; ++i) {
    if (threadIdx.x == 0) {
      ptx::cp_async_16(tile, x);
      ptx::cp_async_commit();
      ptx::cp_async_wait<0>();
    }
    __syncthreads();
    sum += tile[threadIdx.x % 4];
    if (barrier) __syncthreads();
  }
  out[threadIdx.x] = sum;
}

/// Rows that ldmatrix reads were written by other lanes.
OCELLI_KERNEL matrix_without_syncwarp(std::uint32_t* out, bool sync) {
  OCELLI_SHARED(bfloat16, tile, [8][8]);
  tile[threadIdx.x / 4][threadIdx.x % 4 * 2] = bfloat16(1.0f);
  tile[threadIdx.x / 4][threadIdx.x % 4 * 2 + 1] = bfloat16(2.0f);
  if (sync) __syncwarp();
  std::uint32_t to[2];
  ptx::ldmatrix_x2(to, &tile[threadIdx.x % 8][0]);
  out[threadIdx.x] = to[0];
}

/// Bytes beside each other that different threads write are different places.
OCELLI_KERNEL bytes(unsigned char* x, unsigned distance) {
  x[threadIdx.x] = 1;
  if (distance != 0) x[(threadIdx.x + distance) % 64] = 2;
}

OCELLI_KERNEL misaligned_dereference(const float* x, float* out) {
  out[0] = reinterpret_cast<const double*>(x + 1)[0] > 0.0 ? 1.0f : 0.0f;
}

std::vector<float> ones(std::size_t n) { return std::vector<float>(n, 1.0f); }

}  // namespace

TEST_CASE("race mode: a barrier that is missing between a write and a read, with both lines") {
  DeviceArray<float> out(64);
  const KernelError error =
      caught(Fault::race, [&] { simt::launch(&neighbour, 1, 64, 0, nullptr, out.data(), false); });
  REQUIRE(error.places.size() == 2);
  const auto ends = [](const std::string& place, const std::string& as) {
    // The compiler may name the file by another path.
    return place.substr(place.rfind('/') + 1) == as.substr(as.rfind('/') + 1);
  };
  INFO(std::string(error.what()));
  // In order, thread 0 reads what thread 1 then writes.
  CHECK(ends(error.places[0], writes_at));
  CHECK(ends(error.places[1], reads_at));
  CHECK(error.kernel.find("neighbour") != std::string::npos);
  clean([&] { simt::launch(&neighbour, 1, 64, 0, nullptr, out.data(), true); });
}

TEST_CASE("race mode: a write over what others may still read") {
  DeviceArray<float> out(64);
  caught(
      Fault::race, [&] { simt::launch(&write_after_read, 1, 64, 0, nullptr, out.data(), false); });
  clean([&] { simt::launch(&write_after_read, 1, 64, 0, nullptr, out.data(), true); });
}

TEST_CASE("race mode: threads, and blocks, that write one place") {
  DeviceArray<int> out(std::vector<int>(4));
  caught(Fault::race, [&] { simt::launch(&all_write_one, 1, 32, 0, nullptr, out.data()); });
  caught(Fault::race, [&] { simt::launch(&blocks_write_one, 2, 32, 0, nullptr, out.data()); });
  clean([&] { simt::launch(&blocks_write_one, 1, 32, 0, nullptr, out.data()); });
  const KernelError error = caught(
      Fault::race, [&] { simt::launch(&block_reads_the_other, 3, 32, 0, nullptr, out.data()); });
  CHECK(std::string(error.what()).find("blocks of one launch") != std::string::npos);
  // Launches are ordered.
  clean([&] {
    for (int i = 0; i < 3; ++i) simt::launch(&block_reads_the_other, 1, 32, 0, nullptr, out.data());
  });
}

TEST_CASE("race mode: within a warp only __syncwarp orders, unless shuffles are said to") {
  DeviceArray<float> out(32);
  const auto run = [&](int how) {
    return [&out, how] { simt::launch(&within_a_warp, 1, 32, 0, nullptr, out.data(), how); };
  };
  caught(Fault::race, run(0));
  clean(run(1));
  caught(Fault::race, run(2));
  simt::settings().shuffles_order_memory = true;
  clean(run(2));
  caught(Fault::race, run(0));
  simt::settings().shuffles_order_memory = false;
}

TEST_CASE("race mode: a __syncwarp orders the lanes of its mask and no others") {
  DeviceArray<float> out(64);
  clean([&] { simt::launch(&halves, 1, 32, 0, nullptr, out.data(), 1u); });
  caught(Fault::race, [&] { simt::launch(&halves, 1, 32, 0, nullptr, out.data(), 16u); });
  caught(Fault::race, [&] { simt::launch(&between_warps, 1, 64, 0, nullptr, out.data()); });
}

TEST_CASE("race mode: atomics go with atomics and not with plain accesses") {
  DeviceArray<unsigned> count(std::vector<unsigned>(1)), out(64);
  clean([&] {
    simt::launch(&atomics_and_a_plain_read, 2, 32, 0, nullptr, count.data(), out.data(), false);
  });
  caught(Fault::race, [&] {
    simt::launch(&atomics_and_a_plain_read, 1, 32, 0, nullptr, count.data(), out.data(), true);
  });
}

TEST_CASE("race mode: memory that nobody has written") {
  DeviceArray<float> out(32);
  const KernelError error = caught(Fault::uninitialised, [&] {
    simt::launch(&reads_fresh_shared, 1, 32, 0, nullptr, out.data());
  });
  CHECK(error.thread[0] == 31);
  // The block before wrote it, but shared memory does not last.
  const DeviceArray<float> fresh(32), written(ones(32));
  caught(Fault::uninitialised, [&] {
    simt::launch(&copies, 1, 32, 0, nullptr, fresh.data(), out.data());
  });
  clean([&] { simt::launch(&copies, 1, 32, 0, nullptr, written.data(), out.data()); });
  DeviceArray<unsigned> count(1);
  caught(Fault::uninitialised, [&] {
    simt::launch(&atomics_and_a_plain_read, 1, 32, 0, nullptr, count.data(), count.data(), false);
  });
  simt::fill(count.data(), 0, sizeof(unsigned));
  clean([&] {
    simt::launch(&atomics_and_a_plain_read, 1, 32, 0, nullptr, count.data(), count.data(), false);
  });
}

TEST_CASE("race mode: shared memory beyond an array, to the byte") {
  DeviceArray<float> out(1);
  for (const int index : {-1, 32, 50})
    caught(Fault::out_of_bounds, [&] {
      simt::launch(&beyond_shared, 1, 1, 0, nullptr, out.data(), index);
    });
  clean(
      [&] { simt::launch(&beyond_shared, 1, 32, 0, nullptr, DeviceArray<float>(32).data(), 31); });
}

TEST_CASE("race mode: asynchronous copies") {
  const DeviceArray<float> x(ones(4));
  DeviceArray<float> out(64);
  const KernelError error = caught(Fault::unfinished_copy, [&] {
    simt::launch(&copy_read_too_early, 1, 1, 0, nullptr, x.data(), out.data(), false);
  });
  CHECK(error.places.size() == 2);
  clean([&] { simt::launch(&copy_read_too_early, 1, 1, 0, nullptr, x.data(), out.data(), true); });
  clean([&] { simt::launch(&copy_for_others, 1, 64, 0, nullptr, x.data(), out.data(), true); });
  clean([&] {
    simt::launch(&copy_over_what_is_read, 1, 64, 0, nullptr, x.data(), out.data(), true);
  });
  caught(Fault::race, [&] {
    simt::launch(&copy_over_what_is_read, 1, 64, 0, nullptr, x.data(), out.data(), false);
  });
  // Without a barrier other threads race with the copy; which of the two comes first is chance.
  CHECK_THROWS_AS(
      simt::launch(&copy_for_others, 1, 64, 0, nullptr, x.data(), out.data(), false), KernelError);
}

TEST_CASE("race mode: ldmatrix reads what other lanes wrote") {
  DeviceArray<std::uint32_t> out(32);
  clean([&] { simt::launch(&matrix_without_syncwarp, 1, 32, 0, nullptr, out.data(), true); });
  CHECK_THROWS_AS(
      simt::launch(&matrix_without_syncwarp, 1, 32, 0, nullptr, out.data(), false), KernelError);
}

TEST_CASE("race mode: bytes beside each other are different places") {
  DeviceArray<unsigned char> x(64);
  clean([&] { simt::launch(&bytes, 1, 64, 0, nullptr, x.data(), 0u); });
  caught(Fault::race, [&] { simt::launch(&bytes, 1, 64, 0, nullptr, x.data(), 1u); });
}

TEST_CASE("race mode: a misaligned dereference without a wrapper") {
  DeviceArray<float> x(ones(4)), out(1);
  caught(Fault::misaligned, [&] {
    simt::launch(&misaligned_dereference, 1, 1, 0, nullptr, x.data(), out.data());
  });
}

TEST_CASE("race mode: kernels that keep the rules are clean") {
  const DeviceArray<float> x(ones(1024)), zero(std::vector<float>(1024));
  const DeviceArray<bfloat16> h(std::vector<bfloat16>(1024, bfloat16(1.0f)));
  DeviceArray<int> keys(std::vector<int>(64, 3));
  clean([&] {
    DeviceArray<float> y(1024);
    DeviceArray<unsigned> bits(32), count(std::vector<unsigned>(16));
    simt::launch(&simt_test::block_sums, 4, 256, 0, nullptr, x.data(), y.data(), 1000);
    simt::launch(&simt_test::histogram, 3, 96, 0, nullptr, keys.data(), count.data(), 64);
    simt::launch(
        &simt_test::sgemm, 1, dim3(8, 32), 0, nullptr, x.data(), zero.data(), y.data(), 32, 32);
    simt::launch(&simt_test::stencil, 5, 64, 66 * 4, nullptr, x.data(), y.data(), 300);
    simt::launch(&simt_test::above_zero, 2, 128, 0, nullptr, x.data(), bits.data(), 224);
    simt::launch(&simt_test::bitonic_sort<64>, 1, 32, 0, nullptr, keys.data());
    simt::launch(
        &simt_test::gemm_tf32, dim3(2, 2), 32, 0, nullptr, x.data(), zero.data(), y.data(), 16, 24);
    simt::launch(
        &simt_test::gemm_bf16, dim3(1, 2), 32, 0, nullptr, h.data(), h.data(), y.data(), 8, 32);
  });
}
