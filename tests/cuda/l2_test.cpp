// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/l2.hpp"

#include "cuda/kernel_case.hpp"
#include "ocelli/optim/clip.hpp"

using namespace ocelli;
using namespace ocelli::kernel_test;

TEST_CASE("cuda l2: the loss is the CPU's, in any order") {
  ThreadPool pool(1);
  SquareSum sums(40000);
  for (std::size_t size : {1u, 7u, 33u, 4097u, 40000u}) {
    CAPTURE(size);
    const std::vector<float> w = numbers(size, 1);
    const long n = static_cast<long>(size);
    const auto got = in_any_order([&] {
      DeviceArray<float> d(w);
      DeviceArray<double> work(static_cast<std::size_t>(cuda::square_sum_count(n)));
      DeviceArray<double> loss(std::vector<double>{123});
      cuda::l2_loss(nullptr, d.data(), n, 0.004, true, work.data(), loss.data());
      cuda::l2_loss(nullptr, d.data(), n, 0.5, false, work.data(), loss.data());
      return loss.values();
    });
    const double wanted =
        l2_loss(pool, w.data(), n, 0.004, sums) + l2_loss(pool, w.data(), n, 0.5, sums);
    // Two orders of `size` additions of numbers of one sign.
    CHECK(std::fabs(got[0] - wanted) <= static_cast<double>(n + 8) * 1.2e-16 * wanted);
  }
}

TEST_CASE("cuda l2: square sums of the whole gradient") {
  ThreadPool pool(1);
  const std::size_t size = 6000;
  SquareSum sums(6000);
  const std::vector<float> w = numbers(size, 1), g = numbers(size, 2);
  for (float l2 : {0.0f, 0.3f}) {
    DeviceArray<float> dw(w), dg(g);
    DeviceArray<double> found(2);
    const kernel::GradientRule rule{0.5f, l2, nullptr};
    cuda::square_sums(nullptr, l2 == 0 ? nullptr : dw.data(), dg.data(), 6000, rule, found.data());
    const double wanted =
        gradient_square_sum(pool, g.data(), w.data(), 6000, GradientRule<float>{0.5f, l2}, sums);
    const auto parts = found.values();
    // Each value may differ by a rounding of a float where operations are fused.
    const double limit = 6000 * 1.2e-16 + static_cast<double>(kFused) * 2.4e-7;
    CHECK(std::fabs(parts[0] + parts[1] - wanted) <= limit * wanted);
  }
}

TEST_CASE("cuda l2: the floor") {
  CHECK(kernel::square_sums_floor(8192, false, false, 2) == kernel::Floor{4 * 8192 + 16, 2 * 8192});
  CHECK(kernel::square_sums_floor(8192, true, false, 2).bytes == 4 * 8192 + 16);
  CHECK(kernel::square_sums_floor(8192, true, true, 2) == kernel::Floor{8 * 8192 + 16, 5 * 8192});
  CHECK(kernel::l2_loss_floor(2) == kernel::Floor{24, 4});
}
