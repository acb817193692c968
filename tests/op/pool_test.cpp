// max_pool and average_pool on the reference: by hand, gradients, edges.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/op/pool.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "support/gradient_check.hpp"
#include "support/op_case.hpp"

namespace {
using namespace ocelli;
using namespace ocelli::test;

ReferenceBackend<double> loops;
constexpr OpKind kKinds[] = {OpKind::max_pool, OpKind::average_pool};

void count_up(OpCase<double>& made) {
  for (std::size_t i = 0; i < made.in[0].size(); ++i) made.in[0][i] = double(i + 1);
}
}  // namespace

TEST_CASE("pool: by hand") {
  SUBCASE("max, SAME padding, stride 2 on an odd picture") {
    OpCase<double> made(pool_spec(OpKind::max_pool, 1, {3, 3, 1}, 3, 2));
    count_up(made);
    loops.forward(made.call);
    CHECK(difference(made.out, buffer_of({5, 6, 8, 9})) == 0);
    assign(made.dout, {1, 2, 3, 4});
    loops.backward(made.call);
    CHECK(difference(made.din[0], buffer_of({0, 0, 0, 0, 1, 2, 0, 3, 4})) == 0);
  }
  SUBCASE("outside is minus infinity for max, not 0") {
    OpCase<double> made(pool_spec(OpKind::max_pool, 1, {2, 2, 1}, 3));
    assign(made.in[0], {-4, -3, -2, -1});
    loops.forward(made.call);
    CHECK(difference(made.out, buffer_of({-1, -1, -1, -1})) == 0);
  }
  SUBCASE("average, SAME padding: only taps inside count") {
    OpCase<double> made(pool_spec(OpKind::average_pool, 1, {2, 3, 1}, 3));
    count_up(made);
    loops.forward(made.call);
    CHECK(difference(made.out, buffer_of({3, 3.5, 4, 3, 3.5, 4})) < 1e-15);
    assign(made.dout, {4, 6, 4, 0, 0, 0});  // shares of 1 each
    loops.backward(made.call);
    CHECK(difference(made.din[0], buffer_of({2, 3, 2, 2, 3, 2})) < 1e-15);
  }
  SUBCASE("global average of each channel") {
    OpCase<double> made(pool_spec(OpKind::average_pool, 2, {2, 2, 2}, 2, 1, 0));
    count_up(made);
    loops.forward(made.call);
    CHECK(difference(made.out, buffer_of({4, 5, 12, 13})) == 0);
  }
}

TEST_CASE("pool: of equal taps the first takes the gradient") {
  OpCase<double> made(pool_spec(OpKind::max_pool, 1, {2, 2, 1}, 2, 1, 0));
  assign(made.in[0], {1, 3, 3, 3});
  assign(made.dout, {5});
  loops.forward(made.call);
  loops.backward(made.call);
  CHECK(difference(made.din[0], buffer_of({0, 5, 0, 0})) == 0);
}

TEST_CASE("pool: NaN stays NaN wherever it stands, minus infinity is a value") {
  for (std::size_t at = 0; at < 4; ++at)
    for (const OpKind kind : kKinds) {
      OpCase<double> made(pool_spec(kind, 1, {2, 2, 1}, 2, 1, 0));
      made.in[0][at] = std::nan("");
      loops.forward(made.call);
      CHECK(std::isnan(made.out[0]));
    }
  OpCase<double> made(pool_spec(OpKind::max_pool, 1, {1, 1, 1}, 3));
  made.in[0][0] = -std::numeric_limits<double>::infinity();
  loops.forward(made.call);
  CHECK(made.out[0] == made.in[0][0]);
}

TEST_CASE("pool: gradients") {
  for (const OpKind kind : kKinds)
    for (OpSpec spec :
         {pool_spec(kind, 2, {5, 4, 2}, 2, 2), pool_spec(kind, 1, {5, 6, 2}, 3, 1),
          pool_spec(kind, 1, {7, 6, 2}, 3, 2, 1), pool_spec(kind, 2, {3, 3, 3}, 3, 1, 0)}) {
      check_gradients(spec);
      spec.accumulate = true;
      check_gradients(spec);
      for (const Activation f : {Activation::none, Activation::swish, Activation::sigmoid}) {
        spec.deferred = f;
        check_gradients(spec);
      }
    }
  // Behind relu the taps of a window can all be 0; the gradient of that is 0 whoever takes it.
  for (const Activation f : {Activation::relu, Activation::relu6}) {
    OpSpec spec = pool_spec(OpKind::max_pool, 1, {5, 5, 2}, 3, 2);
    spec.deferred = f;
    check_gradients(spec);
  }
}

TEST_CASE("pool: edges") {
  for (const OpKind kind : kKinds)
    for (const OpSpec& spec :
         {pool_spec(kind, 1, {1, 1, 3}, 3), pool_spec(kind, 1, {1, 1, 3}, 3, 2),
          pool_spec(kind, 2, {2, 3, 1}, 5, 2), pool_spec(kind, 1, {7, 8, 2}, 2, 3, 0),
          pool_spec(kind, 1, {7, 8, 2}, 1, 2), pool_spec(kind, 1, {1, 6, 1}, 3, 2)})
      check_gradients(spec);
}
