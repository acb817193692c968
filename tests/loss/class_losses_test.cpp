// SPDX-License-Identifier: Apache-2.0
#include "ocelli/loss/class_losses.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <vector>

#include "ocelli/core/random.hpp"

using namespace ocelli;

TEST_CASE("class_losses: rows of any length sum their columns' losses") {
  Random random(1, Stream::demo);
  for (int columns : {2, 4, 15, 16, 17, 91, 3000})
    for (long rows : {1L, 5L, 700L}) {
      if (columns * rows > 100000) continue;
      std::vector<float> logits(static_cast<std::size_t>(columns * rows));
      for (float& z : logits) z = random.uniform(-5, 5);
      std::vector<float> work(static_cast<std::size_t>(class_loss_workspace(columns)));
      std::vector<float> losses(static_cast<std::size_t>(rows));
      const auto target = [&](long r) { return static_cast<int>((r * 7) % columns); };
      sum_class_losses(
          SigmoidCrossEntropy<float>{}, logits.data(), rows, columns, target, work.data(),
          losses.data());
      for (long r = 0; r < rows; ++r) {
        double want = 0;
        std::vector<float> slopes(static_cast<std::size_t>(columns));
        class_loss_slopes(
            SigmoidCrossEntropy<float>{}, logits.data() + r * columns, columns, target(r), 0.5f,
            slopes.data());
        for (int c = 0; c < columns; ++c) {
          const double z = static_cast<double>(logits[static_cast<std::size_t>(r * columns + c)]);
          const double t = c == target(r) ? 1 : 0;
          want += sigmoid_cross_entropy(z, t);
          // Sigmoid to a few units in the last place of 1.
          REQUIRE(
              std::abs(
                  static_cast<double>(slopes[static_cast<std::size_t>(c)]) -
                  0.5 * sigmoid_cross_entropy_slope(z, t)) < 1e-6);
        }
        // `columns` roundings at most, each of 2^-24 of the sum.
        REQUIRE(
            std::abs(static_cast<double>(losses[static_cast<std::size_t>(r)]) - want) <=
            (columns + 8) * 0x1p-24 * want);
      }
    }
}
