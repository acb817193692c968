// Kernels that keep the rules give what plain loops give, to the same bits in every order of
// threads. Compiled by nvcc this file is the same test on a GPU.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <vector>

#include "ocelli/core/random.hpp"
#include "ocelli/simt/device_array.hpp"
#include "simt/kernels.cuh"

using namespace ocelli;
using simt::DeviceArray;

namespace {

std::vector<float> numbers(std::size_t n, std::uint32_t index) {
  Random random(1, Stream::demo, 0, index);
  std::vector<float> x(n);
  for (float& v : x) v = random.uniform(-1.0f, 1.0f);
  return x;
}

/// What `run` gives, in order; and to the bit the same under other schedules.
template <class T>
std::vector<T> in_any_order(const std::function<std::vector<T>()>& run) {
  const std::vector<T> result = run();
#ifndef __CUDACC__
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const simt::ScheduleSeed schedule(seed);
    CAPTURE(seed);
    const std::vector<T> again = run();
    REQUIRE(again.size() == result.size());
    CHECK(std::equal(result.begin(), result.end(), again.begin(), [](const T& a, const T& b) {
      return __builtin_memcmp(&a, &b, sizeof(T)) == 0;
    }));
  }
#endif
  return result;
}

/// C = A B in double, of numbers that `round` went over.
template <class Round>
std::vector<double> product(
    const std::vector<float>& a, const std::vector<float>& b, int m, int n, int k, Round round) {
  const auto at = [](int i, int width, int j) { return static_cast<std::size_t>(i * width + j); };
  std::vector<double> c(at(m, n, 0));
  for (int i = 0; i < m; ++i)
    for (int j = 0; j < n; ++j)
      for (int u = 0; u < k; ++u)
        c[at(i, n, j)] += static_cast<double>(round(a[at(i, k, u)])) * round(b[at(u, n, j)]);
  return c;
}

/// k products of numbers below 1, each sum rounded: at most k * (k / 2) half units of 2^-23, in
/// practice a few.
void check_close(const std::vector<float>& got, const std::vector<double>& expected, int k) {
  REQUIRE(got.size() == expected.size());
  double worst = 0.0;
  for (std::size_t i = 0; i < got.size(); ++i)
    worst = std::max(worst, std::abs(got[i] - expected[i]));
  CHECK(worst < k * 0x1p-23);
}

}  // namespace

TEST_CASE("simt: a reduction by shuffles") {
  const int n = 1000;
  const std::vector<float> x = numbers(n, 1);
  const std::vector<float> sums = in_any_order<float>([&] {
    const DeviceArray<float> dx(x);
    DeviceArray<float> partial(4);
    simt::launch(&simt_test::block_sums, 4, 256, 0, nullptr, dx.data(), partial.data(), n);
    return partial.values();
  });
  for (int block = 0; block < 4; ++block) {
    const auto first = x.begin() + block * 256, last = x.begin() + std::min(n, block * 256 + 256);
    CHECK(
        sums[static_cast<std::size_t>(block)] ==
        doctest::Approx(std::accumulate(first, last, 0.0)).epsilon(1e-5));
  }
}

TEST_CASE("simt: a histogram by atomics") {
  const int n = 5000;
  std::vector<int> x(n);
  Random random(2, Stream::demo);
  for (int& v : x) v = static_cast<int>(random.below(20));
  const std::vector<unsigned> count = in_any_order<unsigned>([&] {
    const DeviceArray<int> dx(x);
    DeviceArray<unsigned> counts(std::vector<unsigned>(16));
    simt::launch(&simt_test::histogram, 3, 96, 0, nullptr, dx.data(), counts.data(), n);
    return counts.values();
  });
  for (int v = 0; v < 16; ++v)
    CHECK(
        count[static_cast<std::size_t>(v)] ==
        static_cast<unsigned>(std::count(x.begin(), x.end(), v)));
}

TEST_CASE("simt: a tiled product with float4") {
  const int m = 64, n = 32, k = 96;
  const std::vector<float> a = numbers(m * k, 3), b = numbers(k * n, 4);
  const std::vector<float> c = in_any_order<float>([&] {
    const DeviceArray<float> da(a), db(b);
    DeviceArray<float> dc(m * n);
    simt::launch(
        &simt_test::sgemm, dim3(n / 32, m / 32), dim3(8, 32), 0, nullptr, da.data(), db.data(),
        dc.data(), n, k);
    return dc.values();
  });
  check_close(c, product(a, b, m, n, k, [](float v) { return v; }), k);
}

TEST_CASE("simt: a stencil in dynamic shared memory") {
  const int n = 300;
  const std::vector<float> x = numbers(n, 5);
  const std::vector<float> y = in_any_order<float>([&] {
    const DeviceArray<float> dx(x);
    DeviceArray<float> dy(n);
    simt::launch(&simt_test::stencil, 5, 64, 66 * sizeof(float), nullptr, dx.data(), dy.data(), n);
    return dy.values();
  });
  for (int i = 0; i < n; ++i) {
    const auto at = [&](int j) { return j < 0 || j >= n ? 0.0f : x[static_cast<std::size_t>(j)]; };
    CHECK(
        y[static_cast<std::size_t>(i)] ==
        doctest::Approx(at(i - 1) + 2.0f * at(i) + at(i + 1)).epsilon(1e-6));
  }
}

TEST_CASE("simt: a ballot") {
  const int n = 32 * 7;
  const std::vector<float> x = numbers(n, 6);
  const std::vector<unsigned> mask = in_any_order<unsigned>([&] {
    const DeviceArray<float> dx(x);
    DeviceArray<unsigned> bits(n / 32);
    simt::launch(&simt_test::above_zero, 2, 128, 0, nullptr, dx.data(), bits.data(), n);
    return bits.values();
  });
  for (std::size_t i = 0; i < n; ++i) CHECK((mask[i / 32] >> (i % 32) & 1) == (x[i] > 0.0f));
}

TEST_CASE("simt: a bitonic sort") {
  std::vector<int> keys(512);
  Random random(7, Stream::demo);
  for (int& v : keys) v = static_cast<int>(random.below(300));
  const std::vector<int> sorted = in_any_order<int>([&] {
    DeviceArray<int> d(keys);
    simt::launch(&simt_test::bitonic_sort<512>, 1, 256, 0, nullptr, d.data());
    return d.values();
  });
  std::sort(keys.begin(), keys.end());
  CHECK(sorted == keys);
}

TEST_CASE("simt: tensor cores, tf32, fed by asynchronous copies") {
  const int m = 48, n = 24, k = 40;
  const std::vector<float> a = numbers(m * k, 8), b = numbers(k * n, 9);
  const std::vector<float> c = in_any_order<float>([&] {
    const DeviceArray<float> da(a), db(b);
    DeviceArray<float> dc(m * n);
    simt::launch(
        &simt_test::gemm_tf32, dim3(n / 8, m / 16), 32, 0, nullptr, da.data(), db.data(), dc.data(),
        n, k);
    return dc.values();
  });
  const auto tf32 = [](float v) {
    int exponent = 0;  // v = mantissa * 2^exponent, mantissa in [0.5, 1)
    const float mantissa = std::frexp(v, &exponent);
    return std::ldexp(std::round(mantissa * 2048.0f), exponent - 11);  // ties away from zero
  };
  check_close(c, product(a, b, m, n, k, tf32), k);
}

TEST_CASE("simt: tensor cores, bfloat16, fed by ldmatrix") {
  const int m = 32, n = 16, k = 64;
  const std::vector<float> a = numbers(m * k, 10), b = numbers(k * n, 11);
  const auto rounded = [](const std::vector<float>& x) {
    std::vector<bfloat16> y;
    for (const float v : x) y.push_back(bfloat16(v));
    return y;
  };
  const std::vector<float> c = in_any_order<float>([&] {
    const DeviceArray<bfloat16> da(rounded(a)), db(rounded(b));
    DeviceArray<float> dc(m * n);
    simt::launch(
        &simt_test::gemm_bf16, dim3(n / 8, m / 16), 32, 0, nullptr, da.data(), db.data(), dc.data(),
        n, k);
    return dc.values();
  });
  const auto bf16 = [](float v) {
    int exponent = 0;
    const float mantissa = std::frexp(v, &exponent);
    return std::ldexp(std::nearbyint(mantissa * 256.0f), exponent - 8);  // ties to even
  };
  check_close(c, product(a, b, m, n, k, bf16), k);
}

TEST_CASE("simt: which elements ldmatrix gives to which lane") {
  DeviceArray<std::uint32_t> out(32 * 12);
  simt::launch(&simt_test::ldmatrix_layout, 1, 32, 0, nullptr, out.data());
  const std::vector<std::uint32_t> got = out.values();
  const auto element = [](unsigned m, unsigned i, unsigned j) { return 100 * m + 10 * i + j; };
  for (unsigned lane = 0; lane < 32; ++lane) {
    CAPTURE(lane);
    const unsigned i = lane / 4, j = 2 * (lane % 4);
    for (unsigned m = 0; m < 4; ++m) {
      const std::uint32_t plain = element(m, i, j) | element(m, i, j + 1) << 16;
      const std::uint32_t turned = element(m, j, i) | element(m, j + 1, i) << 16;
      CHECK(got[12 * lane + m] == plain);
      CHECK(got[12 * lane + 4 + m] == turned);
      if (m < 2) {
        CHECK(got[12 * lane + 8 + m] == plain);
        CHECK(got[12 * lane + 10 + m] == turned);
      }
    }
  }
}

TEST_CASE("simt: a copy fills with zeros what it does not read") {
  const DeviceArray<float> x(std::vector<float>{1, 2, 3, 4});
  for (unsigned valid = 0; valid <= 4; ++valid) {
    DeviceArray<float> out(4);
    simt::launch(&simt_test::zero_filled_copy, 1, 32, 0, nullptr, x.data(), out.data(), valid);
    const std::vector<float> got = out.values();
    for (unsigned i = 0; i < 4; ++i)
      CHECK(got[i] == (i < valid ? static_cast<float>(i + 1) : 0.0f));
  }
}

TEST_CASE("simt: shuffles and votes, whole warps and halves") {
  DeviceArray<int> out(32 * 6);
  simt::launch(&simt_test::shuffles, 1, 32, 0, nullptr, out.data());
  const std::vector<int> got = out.values();
  for (int lane = 0; lane < 32; ++lane) {
    CAPTURE(lane);
    const int* mine = &got[static_cast<std::size_t>(6 * lane)];
    CHECK(mine[0] == (lane < 3 ? lane : lane - 3));
    CHECK(mine[1] == (lane > 28 ? lane : lane + 3));
    CHECK(mine[2] == lane / 8 * 8 + 5);
    CHECK(mine[3] != 0);
    CHECK(mine[4] == 0);
    CHECK(mine[5] == (lane ^ 1));
  }
}

TEST_CASE("bfloat16: rounds to the nearest, ties to even") {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> x = {
      0.0f,
      -0.0f,
      1.0f,
      1.0f + 0x1p-8f,     // a tie: down, to even
      1.0f + 0x3p-8f,     // a tie: up, to even
      1.0f + 0x1.01p-8f,  // above the tie
      -3.1415927f,
      3.4028235e38f,  // beyond the largest
      infinity,
      std::numeric_limits<float>::quiet_NaN(),
      0x1p-133f};  // the smallest subnormal
  const std::vector<std::uint16_t> expected = {0x0000, 0x8000, 0x3F80, 0x3F80, 0x3F82, 0x3F81,
                                               0xC049, 0x7F80, 0x7F80, 0x7FFF, 0x0001};
  const int n = static_cast<int>(x.size());
  const DeviceArray<float> dx(x);
  DeviceArray<std::uint16_t> bits(x.size());
  DeviceArray<float> back(x.size());
  simt::launch(&simt_test::to_bfloat16, 1, 32, 0, nullptr, dx.data(), bits.data(), back.data(), n);
  CHECK(bits.values() == expected);
  for (std::size_t i = 0; i < x.size(); ++i) {
    CAPTURE(x[i]);
    CHECK(bfloat16(x[i]).bits == expected[i]);  // the host's
    const auto word = static_cast<std::uint32_t>(expected[i]) << 16;
    CHECK(std::bit_cast<std::uint32_t>(back.values()[i]) == word);
  }
}
