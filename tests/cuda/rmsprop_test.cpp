// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/rmsprop.hpp"

#include "cuda/kernel_case.hpp"

using namespace ocelli;
using namespace ocelli::kernel_test;

namespace {

using Vectors = std::vector<std::vector<float>>;

struct Case {
  std::vector<float> w, g, r, m, shadow;
  explicit Case(std::size_t size)
      : w(numbers(size, 1)),
        g(numbers(size, 2, -3, 3)),
        r(numbers(size, 3, 0, 2)),
        m(numbers(size, 4)),
        shadow(numbers(size, 5)) {}
};

constexpr float kRate = 0.01f;
const RmsPropOptions kOptions{.decay = 0.9, .momentum = 0.8, .epsilon = 0.1};

/// w, r, m, shadow, the bits of the copy, the flag.
Vectors on_device(
    const Case& c, kernel::GradientRule rule, std::int32_t stop = 0,
    const double* factor = nullptr) {
  DeviceArray<float> w(c.w), g(c.g), r(c.r), m(c.m), shadow(c.shadow);
  DeviceArray<float> rate(std::vector<float>{kRate});
  DeviceArray<std::int32_t> stops(std::vector<std::int32_t>{stop});
  DeviceArray<std::int32_t> bad(std::vector<std::int32_t>{0});
  DeviceArray<bfloat16> copy(c.w.size());
  DeviceArray<double> factors(std::vector<double>{factor == nullptr ? 1.0 : *factor});
  if (factor != nullptr) rule.factor = factors.data();
  cuda::rmsprop_update(
      nullptr, w.data(), g.data(), r.data(), m.data(), static_cast<long>(c.w.size()), kOptions,
      rule, {rate.data(), stops.data(), bad.data(), shadow.data(), 0.01f, copy.data()});
  std::vector<float> low;
  for (bfloat16 b : copy.values()) low.push_back(static_cast<float>(b));
  return {w.values(),      r.values(), m.values(),
          shadow.values(), low,        {static_cast<float>(bad.values()[0])}};
}

}  // namespace

TEST_CASE("cuda rmsprop: as on the CPU, in any order") {
  for (std::size_t size : {1u, 7u, 33u, 1024u, 4096u, 9001u}) {
    CAPTURE(size);
    Case c(size);
    const double factor = 0.37;
    const kernel::GradientRule rule{0.5f, 0.003f, nullptr};
    const auto got = in_any_order([&] { return on_device(c, rule, 0, &factor); });
    const auto on_cpu = GradientRule<float>{rule.scale, rule.l2}.clipped(factor);
    const bool finite = rmsprop_update(
        c.w.data(), c.g.data(), c.r.data(), c.m.data(), static_cast<long>(size), double{kRate},
        kOptions, on_cpu);
    for (std::size_t i = 0; i < size; ++i) c.shadow[i] -= 0.01f * (c.shadow[i] - c.w[i]);
    check_equal(got[0], c.w, 8, 1);
    check_equal(got[1], c.r, 8, 1);
    check_equal(got[2], c.m, 8, 1);
    check_equal(got[3], c.shadow, 8, 1);
    for (std::size_t i = 0; i < size; ++i)
      REQUIRE(got[4][i] == static_cast<float>(bfloat16(got[0][i])));
    CHECK(finite);
    CHECK(got[5][0] == 0);
  }
}

TEST_CASE("cuda rmsprop: tells where a gradient is not finite, and updates in any case") {
  for (float bad :
       {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
        std::numeric_limits<float>::quiet_NaN()})
    for (std::size_t at : {0u, 32u, 4999u}) {
      Case c(5000);
      c.g[at] = bad;
      const auto got = on_device(c, {});
      CHECK(got[5][0] == 1);
      CHECK(!std::isfinite(got[0][at]));
      CHECK(std::isfinite(got[0][at == 0 ? 1 : at - 1]));
    }
}

TEST_CASE("cuda rmsprop: writes nothing where it is told to stop") {
  const Case c(50);
  const auto got = on_device(c, {}, 1);
  CHECK(same_bits(got[0], c.w));
  CHECK(same_bits(got[1], c.r));
  CHECK(same_bits(got[2], c.m));
  CHECK(same_bits(got[3], c.shadow));
}

TEST_CASE("cuda rmsprop: a factor for each tensor") {
  // Two tensors with a gap, the first longer than a run.
  const std::vector<cuda::TensorExtent> tensors{{0, 5000}, {5024, 33}};
  const cuda::RunTable table = cuda::run_table(tensors, 1);
  REQUIRE(table.runs.size() == 3);
  CHECK(table.first_run == std::vector<int>{0, 2, 3});
  Case c(5057);
  const double factor[] = {100, 0.25, 0.75};
  DeviceArray<float> w(c.w), g(c.g), r(c.r), m(c.m), rate(std::vector<float>{kRate});
  DeviceArray<double> factors(std::vector<double>(factor, factor + 3));
  DeviceArray<kernel::Run> runs(table.runs);
  cuda::rmsprop_update(
      nullptr, w.data(), g.data(), r.data(), m.data(), 5057, kOptions, {1, 0.01f, factors.data()},
      {.learning_rate = rate.data()}, {runs.data(), 3});
  Case wanted = c;
  for (std::size_t t = 0; t < 2; ++t) {
    const long at = tensors[t].offset;
    rmsprop_update(
        wanted.w.data() + at, wanted.g.data() + at, wanted.r.data() + at, wanted.m.data() + at,
        tensors[t].size, double{kRate}, kOptions,
        GradientRule<float>{1, 0.01f}.clipped(factor[t + 1]));
  }
  check_equal(w.values(), wanted.w, 8, 1);
  check_equal(r.values(), wanted.r, 8, 1);
  for (std::size_t i = 5000; i < 5024; ++i) CHECK(w.values()[i] == c.w[i]);
}

TEST_CASE("cuda rmsprop: the floor") {
  // w, r, m read and written, the gradient read.
  CHECK(kernel::rmsprop_floor(1000) == kernel::Floor{(3 + 3 + 1) * 4 * 1000, 24 * 1000});
  // The average read and written; the copy written.
  CHECK(
      kernel::rmsprop_floor(1000, true, true) ==
      kernel::Floor{(3 + 3 + 1 + 2) * 4 * 1000 + 2 * 1000, 27 * 1000});
}
