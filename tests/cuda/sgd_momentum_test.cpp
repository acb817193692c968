// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/sgd_momentum.hpp"

#include "cuda/kernel_case.hpp"

using namespace ocelli;
using namespace ocelli::kernel_test;

namespace {

struct Found {
  std::vector<float> w, v;
  std::int32_t bad;
  bool operator==(const Found& o) const {
    return same_bits(w, o.w) && same_bits(v, o.v) && bad == o.bad;
  }
};

Found on_device(
    const std::vector<float>& w, const std::vector<float>& g, const std::vector<float>& v,
    std::int32_t stop = 0) {
  DeviceArray<float> dw(w), dg(g), dv(v), rate(std::vector<float>{0.02f});
  DeviceArray<std::int32_t> bad(std::vector<std::int32_t>{0});
  DeviceArray<std::int32_t> stops(std::vector<std::int32_t>{stop});
  cuda::sgd_momentum_update(
      nullptr, dw.data(), dg.data(), dv.data(), static_cast<long>(w.size()), {.momentum = 0.7},
      {0.25f, 0.01f, nullptr},
      {.learning_rate = rate.data(), .stop = stops.data(), .not_finite = bad.data()});
  return {dw.values(), dv.values(), bad.values()[0]};
}

}  // namespace

TEST_CASE("cuda sgd_momentum: as on the CPU, in any order") {
  for (std::size_t size : {1u, 7u, 33u, 4097u}) {
    CAPTURE(size);
    std::vector<float> w = numbers(size, 1), v = numbers(size, 3);
    const std::vector<float> g = numbers(size, 2);
    const Found got = in_any_order([&] { return on_device(w, g, v); });
    CHECK(sgd_momentum_update(
        w.data(), g.data(), v.data(), static_cast<long>(size), double{0.02f}, {.momentum = 0.7},
        GradientRule<float>{0.25f, 0.01f}));
    check_equal(got.w, w, 4, 1);
    check_equal(got.v, v, 4, 1);
    CHECK(got.bad == 0);
  }
}

TEST_CASE("cuda sgd_momentum: not finite, stopped") {
  const std::vector<float> w = numbers(100, 1), v = numbers(100, 3);
  std::vector<float> g = numbers(100, 2);
  g[99] = std::numeric_limits<float>::quiet_NaN();
  const Found bad = on_device(w, g, v);
  CHECK(bad.bad == 1);
  CHECK(std::isnan(bad.w[99]));
  CHECK(std::isfinite(bad.w[98]));
  CHECK(on_device(w, g, v, 1) == Found{w, v, 0});
}

TEST_CASE("cuda sgd_momentum: the floor") {
  CHECK(kernel::sgd_momentum_floor(64) == kernel::Floor{(2 + 2 + 1) * 4 * 64, 7 * 64});
  CHECK(kernel::sgd_momentum_floor(64, true).bytes == (2 + 2 + 1 + 2) * 4 * 64);
}
