// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/finite.hpp"

#include "cuda/kernel_case.hpp"

using namespace ocelli;
using namespace ocelli::kernel_test;

namespace {

std::int32_t flag_of(const std::vector<float>& x, std::int32_t before = 0) {
  DeviceArray<float> d(x.empty() ? std::vector<float>(1) : x);
  DeviceArray<std::int32_t> flag(std::vector<std::int32_t>{before});
  cuda::check_finite(nullptr, d.data(), static_cast<long>(x.size()), flag.data());
  return flag.values()[0];
}

}  // namespace

TEST_CASE("cuda finite: finds one bad number anywhere") {
  for (std::size_t size : {1u, 7u, 33u, 4096u, 4099u, 9000u}) {
    CAPTURE(size);
    std::vector<float> x = numbers(size, 1, -1e38f, 1e38f);
    x[size / 3] = std::numeric_limits<float>::denorm_min();
    CHECK(in_any_order([&] { return flag_of(x); }) == 0);
    for (float bad :
         {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
          std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::quiet_NaN()})
      for (std::size_t at : {std::size_t{0}, size / 2, size - 1}) {
        std::vector<float> y = x;
        y[at] = bad;
        CHECK(in_any_order([&] { return flag_of(y); }) == 1);
      }
  }
}

TEST_CASE("cuda finite: leaves a flag that is set, and an empty array alone") {
  CHECK(flag_of({1, 2}, 1) == 1);
  CHECK(flag_of({}, 0) == 0);
}

TEST_CASE("cuda finite: the floor") {
  CHECK(kernel::check_finite_floor(12) == kernel::Floor{48, 0});
}
