// The kernels of the pools against the plain loops.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/pool.hpp"

#include <doctest/doctest.h>

#include "agree.hpp"

namespace ocelli::test {

TEST_CASE("cuda pools: agree with the reference") {
  for (const OpKind kind : {OpKind::max_pool, OpKind::average_pool})
    for (const int channels : kAwkwardChannels)
      for (const int kernel : {1, 2, 3, 7})
        for (const int stride : {1, 2, 3}) {
          CAPTURE(name(kind));
          CAPTURE(channels);
          CAPTURE(kernel);
          CAPTURE(stride);
          Problem p = of_one_input(kind, channels == 3 ? 3 : 1, 7, 7, channels);
          set_window(p, kernel, stride, 1, kernel == 7 ? 0 : -1);
          // Means divide by up to 49, so the last place of values up to 2^4 may differ.
          const double tolerance = kind == OpKind::max_pool ? 0 : rounding(16);
          check_on_emulator(p, tolerance);
          p.deferred = 1;
          p.accumulate = true;
          check_on_emulator(p, tolerance);
        }
}

TEST_CASE("cuda pools: one pixel, and no gradient wanted") {
  for (const OpKind kind : {OpKind::max_pool, OpKind::average_pool}) {
    Problem p = of_one_input(kind, 3, 1, 1, 4);
    set_window(p, 3, 2, 1, -1);
    check_on_emulator(p);
    p.wants_input = false;
    check_on_emulator(p);
  }
}

TEST_CASE("cuda max_pool: a NaN is the largest") {
  std::vector<float> x(20, 1.0f), y(5);
  for (std::size_t i = 0; i < 5; ++i) x[i % 4 * 5 + i] = std::nanf("");
  Problem p = of_one_input(OpKind::max_pool, 1, 2, 2, 5);
  set_window(p, 2, 1, 1, 0);
  OpCall<float> call;
  call.op = &p.op;
  call.batch = 1;
  call.in_shape[0] = p.in[0];
  call.out_shape = p.out;
  call.in[0].data = x.data();
  call.out = y.data();
  forward_on_device(call);
  for (const float value : y) CHECK(std::isnan(value));
}

TEST_CASE("cuda pools: the floor is that of the geometry") {
  Problem p = of_one_input(OpKind::max_pool, 2, 7, 5, 6);
  set_window(p, 3, 2, 1, -1);
  const PoolGeometry g = pool_geometry(p.op, p.in[0], p.out);
  const long in = 2 * p.in[0].size(), out = 2 * p.out.size();
  using namespace kernel;
  CHECK(pool_forward_floor(g, 2) == Floor{4 * (in + out), 9 * out});
  CHECK(pool_backward_floor(g, 2, true, false) == Floor{4 * (in + in + out), 9 * out});
  CHECK(pool_backward_floor(g, 2, false, false) == Floor{4 * (in + out), 9 * out});
  CHECK(pool_backward_floor(g, 2, true, true) == Floor{4 * (3 * in + out), 9 * out});
}

}  // namespace ocelli::test
