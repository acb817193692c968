// The tests of this room run as a GPU would make them: what is the device's the host cannot touch,
// and what is the host's a kernel is not given. This file switches that on for all of them.
// SPDX-License-Identifier: Apache-2.0
#ifndef __CUDACC__

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "ocelli/simt/device_array.hpp"
#include "ocelli/simt/settings.hpp"

namespace ocelli {
namespace {

[[maybe_unused]] const bool far = simt::settings().far_memory = true;

OCELLI_KERNEL add_one(float* x, int n) {
  const int i = static_cast<int>(threadIdx.x);
  if (i < n) x[i] += 1;
}
struct Pair {
  long count;
  const float* from;
};
OCELLI_KERNEL copy_pair(Pair pair, float* to) { to[threadIdx.x] = pair.from[threadIdx.x]; }

/// Whether a child that does this dies of it.
template <class F>
bool ends_the_program(F&& touch) {
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGSEGV, SIG_DFL);  // not the test framework's
    touch();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status);
}

}  // namespace

TEST_CASE("simt far memory: the host reads and writes it through copies alone") {
  simt::DeviceArray<float> x(std::vector<float>{1, 2, 3});
  simt::launch(&add_one, 1, 32, 0, nullptr, x.data(), 3);
  CHECK(x.values() == std::vector<float>{2, 3, 4});
  CHECK(ends_the_program([&] { *const_cast<volatile float*>(x.data()) = 1; }));
  CHECK(ends_the_program([&] { (void)*const_cast<const volatile float*>(x.data()); }));
  CHECK_FALSE(ends_the_program([] {}));
}

TEST_CASE("simt far memory: arguments that point into the host's memory are refused") {
  std::vector<float> host{1, 2, 3};
  [[maybe_unused]] float local[32] = {};
  simt::DeviceArray<float> y(32);
  CHECK_THROWS_AS(simt::launch(&add_one, 1, 32, 0, nullptr, host.data(), 3), simt::KernelError);
#if __has_builtin(__builtin_clear_padding)  // else structures are not looked into
  CHECK_THROWS_AS(
      simt::launch(&copy_pair, 1, 32, 0, nullptr, Pair{3, local}, y.data()), simt::KernelError);
#endif
  const simt::DeviceArray<float> x(std::vector<float>(32, 5.0f));
  simt::launch(&copy_pair, 1, 32, 0, nullptr, Pair{1L << 40, x.data()}, y.data());
  CHECK(y.values() == std::vector<float>(32, 5.0f));
}

TEST_CASE("simt far memory: behind an array there is nothing") {
  simt::DeviceArray<float> x(64);
  CHECK(ends_the_program([&] { simt::launch(&add_one, 1, 128, 0, nullptr, x.data(), 65); }));
  CHECK_FALSE(ends_the_program([&] { simt::launch(&add_one, 1, 128, 0, nullptr, x.data(), 64); }));
}

}  // namespace ocelli

#endif  // __CUDACC__
