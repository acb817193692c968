// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/softmax_cross_entropy.hpp"

#include "cuda/kernel_case.hpp"
#include "ocelli/loss/softmax_cross_entropy.hpp"

using namespace ocelli;
using namespace ocelli::kernel_test;

TEST_CASE("cuda softmax_cross_entropy: as on the CPU, in any order") {
  for (std::size_t columns : {1u, 7u, 33u, 91u})
    for (std::size_t rows : {1u, 7u, 33u})
      for (bool weighted : {false, true}) {
        CAPTURE(columns);
        CAPTURE(rows);
        std::vector<float> logits = numbers(rows * columns, 1, -20, 20);
        if (columns > 1) logits[1] = 1e38f, logits[0] = -1e38f;
        std::vector<std::int32_t> targets;
        for (std::size_t r = 0; r < rows; ++r)
          targets.push_back(static_cast<std::int32_t>(r * 5 % columns));
        std::vector<float> weights = numbers(rows, 2, 0, 2);
        weights.back() = 0;
        const auto got = in_any_order([&] {
          DeviceArray<float> z(logits), w(weights), losses(rows), d(rows * columns);
          DeviceArray<std::int32_t> t(targets);
          cuda::softmax_cross_entropy(
              nullptr, z.data(), t.data(), weighted ? w.data() : nullptr, static_cast<int>(rows),
              static_cast<int>(columns), losses.data(), d.data());
          return std::vector<std::vector<float>>{losses.values(), d.values()};
        });
        for (std::size_t r = 0; r < rows; ++r) {
          std::vector<float> d(columns);
          const float loss = softmax_cross_entropy(
              logits.data() + r * columns, static_cast<int>(columns), targets[r],
              weighted ? weights[r] : 1.0f, d.data());
          // The sum is in another order.
          const float limit = static_cast<float>(columns + 8) * 1.2e-7f;
          CHECK(std::fabs(got[0][r] - loss) <= limit * (1 + std::fabs(loss)));
          for (std::size_t c = 0; c < columns; ++c)
            REQUIRE(std::fabs(got[1][r * columns + c] - d[c]) <= 2 * limit);
        }
      }
}

TEST_CASE("cuda softmax_cross_entropy: losses alone, and a NaN that stays one") {
  DeviceArray<float> z(std::vector<float>{1, 2, std::numeric_limits<float>::quiet_NaN(), 0});
  DeviceArray<std::int32_t> targets(std::vector<std::int32_t>{1, 1});
  DeviceArray<float> losses(2);
  cuda::softmax_cross_entropy(
      nullptr, z.data(), targets.data(), nullptr, 2, 2, losses.data(), nullptr);
  CHECK(losses.values()[0] == doctest::Approx(std::log(1 + std::exp(-1.0))));
  CHECK(std::isnan(losses.values()[1]));
}

TEST_CASE("cuda softmax_cross_entropy: the floor") {
  CHECK(
      kernel::softmax_cross_entropy_floor(10, 21, true, true) ==
      kernel::Floor{10 * (4 * 21 + 4 * 21 + 4 + 4 + 4), 10 * 21 * (2 * (1 + 23) + 3)});
  CHECK(kernel::softmax_cross_entropy_floor(10, 21, false, false).bytes == 10 * (4 * 21 + 8));
}
