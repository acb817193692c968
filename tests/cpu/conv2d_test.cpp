// The fast convolutions against the reference.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "convolution.hpp"
#include "ocelli/cpu/backend.hpp"
#include "ocelli/reference/backend.hpp"

namespace ocelli::test {
namespace {

void agree(const Problem& p) { check_agreement<CpuBackend, ReferenceBackend<double>>(p, 0); }

// Shapes that fill no tile, no vector, one vector and a half, several panels; maps of one pixel.
const ConvCase kCases[] = {
    {1, 1, 1, 1, 1, 1, 1, 1, -1},   {2, 7, 5, 3, 17, 1, 1, 1, -1},
    {3, 7, 7, 24, 33, 1, 1, 1, -1}, {1, 12, 13, 16, 96, 1, 1, 1, -1},
    {2, 9, 4, 96, 24, 1, 1, 1, -1}, {1, 3, 3, 130, 300, 1, 1, 1, -1},
    {2, 20, 20, 5, 8, 1, 1, 1, -1}, {2, 11, 10, 3, 32, 3, 2, 1, -1},
    {1, 8, 9, 4, 5, 3, 1, 1, -1},   {2, 7, 7, 17, 24, 3, 1, 1, 1},
    {1, 9, 9, 5, 33, 3, 1, 2, -1},  {2, 10, 7, 4, 12, 3, 2, 1, 1},
    {1, 9, 8, 3, 4, 5, 3, 1, -1},   {2, 7, 6, 5, 7, 1, 2, 1, -1},
    {1, 11, 11, 3, 5, 3, 2, 3, -1}, {2, 4, 4, 6, 9, 4, 1, 1, 0},
    {1, 1, 1, 33, 17, 3, 2, 1, -1}, {2, 30, 30, 3, 16, 7, 2, 1, -1},
};

}  // namespace

TEST_CASE("cpu conv2d: equals the reference") {
  for (const ConvCase& c : kCases) {
    CAPTURE(c.in);
    CAPTURE(c.out);
    CAPTURE(c.kernel);
    CAPTURE(c.stride);
    CAPTURE(c.height);
    agree(conv(c));
  }
}

TEST_CASE("cpu conv2d: deferred inputs") {
  for (const ConvCase& c : kCases)
    for (const Activation f : {Activation::none, Activation::relu, Activation::relu6}) {
      CAPTURE(c.in);
      CAPTURE(c.out);
      CAPTURE(c.kernel);
      CAPTURE(c.stride);
      CAPTURE(name(f));
      Problem p = conv(c);
      p.deferred = 1;
      p.deferred_activation = f;
      p.accumulate = true;
      agree(p);
    }
}

TEST_CASE("cpu conv2d: what is not wanted") {
  for (const ConvCase& c : kCases) {
    CAPTURE(c.in);
    CAPTURE(c.out);
    CAPTURE(c.kernel);
    CAPTURE(c.stride);
    each_unwanted(conv(c), agree);
  }
}

TEST_CASE("cpu conv2d: epilogues of inference") {
  for (const ConvCase& c : kCases)
    for (const Activation f : {Activation::relu6, Activation::swish}) {
      CAPTURE(c.in);
      CAPTURE(c.out);
      CAPTURE(c.kernel);
      CAPTURE(name(f));
      Problem p = conv(c);
      p.mode = Mode::infer;
      p.epilogue = f;
      // Swish rounds: a few units in the last place of values up to 2^10.
      check_agreement<CpuBackend, ReferenceBackend<double>>(p, f == Activation::swish ? 1e-3 : 0);
    }
}

TEST_CASE("cpu conv2d: an operation that was not reserved is refused") {
  ThreadPool pool(1);
  CpuBackend backend(pool);
  const Problem p = conv({1, 4, 4, 8, 8, 3, 1, 1, -1});
  OpCall<float> call;
  call.op = &p.op;
  call.batch = 1;
  call.in_shape[0] = p.in[0];
  call.out_shape = p.out;
  CHECK_THROWS_AS(backend.forward(call), Error);
}

}  // namespace ocelli::test
