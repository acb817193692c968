// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/clip.hpp"

#include "cuda/kernel_case.hpp"
#include "ocelli/cuda/l2.hpp"
#include "ocelli/optim/clip.hpp"

using namespace ocelli;
using namespace ocelli::kernel_test;

namespace {

/// norms, then factors.
std::vector<double> global(const std::vector<double>& sums, double limit) {
  DeviceArray<double> s(sums.empty() ? std::vector<double>(1) : sums), norm(1), factor(1);
  cuda::clip_global(
      nullptr, s.data(), static_cast<long>(sums.size()), limit, norm.data(), factor.data());
  return {norm.values()[0], factor.values()[0]};
}

}  // namespace

TEST_CASE("cuda clip: the global norm and its factor") {
  CHECK(global({9, 16}, 2) == std::vector<double>{5, 0.4});
  CHECK(global({9, 16}, 5) == std::vector<double>{5, 1});
  CHECK(global({9, 16}, 0) == std::vector<double>{5, 1});  // off
  CHECK(global({}, 1) == std::vector<double>{0, 1});
  std::vector<double> many(1000, 0.25);
  CHECK(in_any_order([&] { return global(many, 1); })[0] == std::sqrt(250.0));
  const double inf = std::numeric_limits<double>::infinity();
  CHECK(global({1, inf}, 1)[1] == 1);
  CHECK(global({std::numeric_limits<double>::quiet_NaN(), 1}, 1)[1] == 1);
}

TEST_CASE("cuda clip: each tensor by itself, as on the CPU") {
  const std::vector<cuda::TensorExtent> tensors{{0, 5000}, {5024, 7}, {5056, 33}, {5120, 1}};
  const std::size_t size = 5121;
  const std::vector<float> w = numbers(size, 1), g = numbers(size, 2);
  const cuda::RunTable table = cuda::run_table(tensors);
  DeviceArray<float> dw(w), dg(g);
  DeviceArray<kernel::Run> runs(table.runs);
  DeviceArray<int> first_run(table.first_run);
  const auto got = in_any_order([&] {
    DeviceArray<double> sums(table.runs.size()), norms(4), factors(4);
    const kernel::GradientRule rule{0.5f, 0.25f, nullptr};
    const cuda::Runs all{runs.data(), static_cast<int>(table.runs.size())};
    cuda::square_sums(nullptr, dw.data(), dg.data(), 0, rule, sums.data(), all);
    cuda::clip_tensors(
        nullptr, sums.data(), first_run.data(), 4, 2.0, norms.data(), factors.data());
    std::vector<double> both = norms.values();
    for (double f : factors.values()) both.push_back(f);
    return both;
  });
  ThreadPool pool(1);
  SquareSum square(5000);
  for (std::size_t t = 0; t < 4; ++t) {
    CAPTURE(t);
    const double norm = std::sqrt(gradient_square_sum(
        pool, g.data() + tensors[t].offset, w.data() + tensors[t].offset, tensors[t].size,
        GradientRule<float>{0.5f, 0.25f}, square));
    CHECK(got[t] == doctest::Approx(norm).epsilon(1e-12 + static_cast<double>(kFused) * 2e-7));
    CHECK(
        got[4 + t] == doctest::Approx(clip_factor(norm, 2.0))
                          .epsilon(1e-12 + static_cast<double>(kFused) * 2e-7));
  }
  CHECK(got[4] < 1);
  CHECK(got[7] == 1);
}

TEST_CASE("cuda clip: the floor") {
  CHECK(kernel::clip_factors_floor(100, 3) == kernel::Floor{800 + 48, 106});
}
