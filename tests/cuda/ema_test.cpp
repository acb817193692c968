// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/ema.hpp"

#include "cuda/kernel_case.hpp"

using namespace ocelli;
using namespace ocelli::kernel_test;

TEST_CASE("cuda ema: as on the CPU, in any order") {
  for (std::size_t size : {1u, 7u, 33u, 5000u}) {
    CAPTURE(size);
    const std::vector<float> w = numbers(size, 1);
    std::vector<float> shadow = numbers(size, 2);
    const auto got = in_any_order([&] {
      DeviceArray<float> a(shadow), b(w);
      cuda::ema_update(nullptr, a.data(), b.data(), static_cast<long>(size), 0.9);
      return a.values();
    });
    ema_update(shadow.data(), w.data(), static_cast<long>(size), 0.9);
    check_equal(got, shadow, 4, 1);
  }
}

TEST_CASE("cuda ema: writes nothing where it is told to stop") {
  const std::vector<float> w = numbers(40, 1), shadow = numbers(40, 2);
  DeviceArray<float> a(shadow), b(w);
  DeviceArray<std::int32_t> stop(std::vector<std::int32_t>{1});
  cuda::ema_update(nullptr, a.data(), b.data(), 40, 0.9, stop.data());
  CHECK(a.values() == shadow);
}

TEST_CASE("cuda ema: the floor") {
  CHECK(kernel::ema_floor(50) == kernel::Floor{(2 + 1) * 4 * 50, 3 * 50});
}
