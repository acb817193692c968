// The fast backend over whole nets: what operations leave for one another, threads, allocations.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cpu/backend.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "ocelli/core/random.hpp"
#include "ocelli/net/executor.hpp"
#include "ocelli/net/layers.hpp"
#include "ocelli/net/model.hpp"
#include "ocelli/reference/backend.hpp"
#include "support/counting_allocator.hpp"

namespace ocelli::test {
namespace {

// Every way a norm's sums are passed on: after a stem, a depthwise and a pointwise convolution, and
// to their backward; channels that fill no vector; a residual connection; a bias before a norm.
using Block = Residual<Sequential<
    Conv<40, 1>, BatchNorm, Relu6, DepthwiseConv<3, 1>, BatchNorm, Relu6, Conv<16, 1>, BatchNorm>>;
using Net = Sequential<
    Conv<16, 3, 2>, BatchNorm, Relu6, DepthwiseConv<3, 2>, BatchNorm, Relu6, Conv<16, 1>, BatchNorm,
    Block, Block, Conv<24, 3, 2>, BatchNorm, Relu6, DepthwiseConv<3, 1>, BatchNorm, Relu6,
    Conv<20, 3, 1>, BatchNorm, Swish, DepthwiseConv<3, 1>, BatchNorm, Relu, Conv<7, 1>>;

struct Step {
  std::vector<double> output, gradient, moving;
};

/// One step's forward and backward with pseudo-random weights and images.
template <class Backend>
Step run(Backend& backend, int batch, bool counted = false) {
  using T = typename Backend::Scalar;
  Model<Net, Input<3, 70, 66>, Classes<2>> model;
  const ModelView& view = model.view();
  Weights<T> weights(view);
  Buffer<T> gradient(static_cast<std::size_t>(view.layout.param_floats));
  GroupSettings groups[kMaxGroups];
  Random random(5, Stream::init);
  for (int p = 0; p < view.graph.param_count; ++p) {
    const ParamDesc& desc = view.graph.params[p];
    T* at = weights.params.data() + view.layout.params[p];
    for (long i = 0; i < desc.size(); ++i)
      at[i] = T(static_cast<float>(
          desc.kind == ParamKind::gamma ? 1 + 0.1 * random.normal() : 0.2 * random.normal()));
  }
  Executor<Backend> executor(backend, view, batch, weights, gradient, groups);
  std::vector<T> images(static_cast<std::size_t>(view.input.size() * batch));
  for (T& v : images) v = T(static_cast<float>(random.normal()));
  Step result;
  const long size = executor.output_size(0);
  result.output.resize(static_cast<std::size_t>(size));
  const auto step = [&] {
    executor.forward(images.data(), 1, 1);
    std::copy_n(executor.output(0), size, result.output.begin());
    T* dy = executor.output_gradient(0);
    for (long i = 0; i < size; ++i) dy[i] = T(static_cast<int>(i % 7) - 3);
    executor.backward();
  };
  step();
  if (counted) {
    AllocationCount count;
    step();
    CHECK(count.so_far() == 0);
  }
  result.gradient.assign(gradient.data(), gradient.data() + gradient.size());
  result.moving.assign(weights.moving.data(), weights.moving.data() + weights.moving.size());
  return result;
}

Step run_fast(int threads, int batch, bool counted = false) {
  ThreadPool pool(threads);
  CpuBackend backend(pool);
  return run(backend, batch, counted);
}

/// Norm of a - b over that of b.
double relative_error(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    size += b[i] * b[i];
  }
  return std::sqrt(difference / size);
}

}  // namespace

TEST_CASE("cpu backend: a whole step agrees with the reference") {
  for (const int batch : {1, 3}) {
    ReferenceBackend<double> slow;
    const Step want = run(slow, batch), got = run_fast(2, batch);
    // Some twenty layers, each rounding to 2^-24; norms divide by deviations as small as a tenth.
    CHECK(relative_error(got.output, want.output) < 1e-5);
    CHECK(relative_error(got.moving, want.moving) < 1e-5);
    // A value that rounds across a corner of relu6 flips one slope among thousands.
    CHECK(relative_error(got.gradient, want.gradient) < 5e-3);
  }
}

TEST_CASE("cpu backend: the same bits on any number of threads") {
  const Step one = run_fast(1, 3);
  for (const int threads : {2, 3, 5}) {
    const Step many = run_fast(threads, 3);
    CHECK(one.output == many.output);
    CHECK(one.gradient == many.gradient);
    CHECK(one.moving == many.moving);
  }
}

TEST_CASE("cpu backend: a step takes no memory") { run_fast(2, 2, true); }

}  // namespace ocelli::test
