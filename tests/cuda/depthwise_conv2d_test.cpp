// The kernels of depthwise_conv2d against the plain loops.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/depthwise_conv2d.hpp"

#include <doctest/doctest.h>

#include "agree.hpp"
#include "cpu/convolution.hpp"

namespace ocelli::test {
namespace {

// Both hot windows at both strides, and those that have no kernel of their own: 1, even, dilated,
// stride 3. Maps of 1, 3 and 7 pixels, and one with more rows than a strip and columns than a
// segment.
const DepthwiseCase kCases[] = {
    {1, 1, 1, 1, 3, 1, 1, -1},   {3, 3, 3, 3, 3, 1, 1, -1},  {1, 7, 7, 24, 3, 1, 1, -1},
    {1, 7, 7, 33, 3, 2, 1, -1},  {3, 8, 6, 4, 3, 2, 1, -1},  {1, 1, 1, 4, 3, 2, 1, -1},
    {3, 7, 7, 4, 3, 2, 1, 1},    {1, 7, 6, 24, 5, 1, 1, -1}, {1, 7, 8, 3, 5, 2, 1, -1},
    {3, 3, 3, 4, 5, 2, 1, -1},   {1, 7, 7, 4, 1, 1, 1, -1},  {1, 7, 7, 24, 1, 2, 1, -1},
    {3, 6, 7, 4, 2, 1, 1, -1},   {1, 7, 7, 33, 4, 2, 1, -1}, {1, 9, 9, 4, 3, 1, 2, -1},
    {1, 9, 9, 3, 3, 2, 2, -1},   {1, 7, 9, 4, 3, 3, 1, -1},  {1, 19, 67, 4, 3, 1, 1, -1},
    {1, 37, 70, 4, 3, 2, 1, -1}, {1, 7, 7, 4, 3, 1, 1, 0},   {1, 9, 8, 4, 5, 2, 1, 0},
};

}  // namespace

TEST_CASE("cuda depthwise_conv2d: agrees with the reference") {
  for (const DepthwiseCase& c : kCases) {
    CAPTURE(c.height);
    CAPTURE(c.width);
    CAPTURE(c.channels);
    CAPTURE(c.kernel);
    CAPTURE(c.stride);
    CAPTURE(c.padding);
    Problem p = depthwise(c);
    check_on_emulator(p);
    p.deferred = 1;
    p.accumulate = true;
    check_on_emulator(p);
  }
}

TEST_CASE("cuda depthwise_conv2d: a deferred input with each activation") {
  for (const Activation f : kActivations)
    for (const DepthwiseCase& c : {kCases[2], kCases[3], kCases[13]}) {
      CAPTURE(name(f));
      CAPTURE(c.kernel);
      Problem p = depthwise(c);
      p.deferred = 1;
      p.deferred_activation = f;
      check_on_emulator(p, is_exact(f) ? 0 : rounding(1 << 12));
    }
}

TEST_CASE("cuda depthwise_conv2d: what is not wanted") {
  for (const DepthwiseCase& c : {kCases[2], kCases[8], kCases[12]}) {
    CAPTURE(c.kernel);
    each_unwanted(depthwise(c), [](const Problem& p) { check_on_emulator(p); });
  }
}

TEST_CASE("cuda depthwise_conv2d: epilogues of inference") {
  for (const Activation f : kActivations)
    for (const DepthwiseCase& c : {kCases[2], kCases[6], kCases[12]}) {
      CAPTURE(name(f));
      CAPTURE(c.kernel);
      Problem p = depthwise(c);
      p.mode = Mode::infer;
      p.epilogue = f;
      check_on_emulator(p, is_exact(f) ? 0 : rounding(1 << 7));
    }
}

TEST_CASE("cuda depthwise_conv2d: strips are long where threads are many") {
  CHECK(cuda::depthwise_conv2d_strip(1, 7, 100).rows == 1);
  CHECK(cuda::depthwise_conv2d_strip(24, 150, 75 * 24).rows == 16);
}

TEST_CASE("cuda depthwise_conv2d: the floor is that of the geometry") {
  const Problem p = depthwise({2, 7, 5, 6, 3, 2, 1, -1});
  const DepthwiseConv2dGeometry g = depthwise_conv2d_geometry(p.op, p.in[0], p.out);
  long products = 0;
  for (long value = 0; value < 2 * p.out.size(); ++value) products += 9;
  const long values = 2 * (p.in[0].size() + p.out.size());
  using namespace kernel;
  CHECK(
      depthwise_conv2d_forward_floor(g, 2, false) == Floor{4 * (values + p.weights), 2 * products});
  CHECK(
      depthwise_conv2d_forward_floor(g, 2, true) ==
      Floor{4 * (values + p.weights + 6), 2 * products});
  CHECK(
      depthwise_conv2d_data_gradient_floor(g, 2, true) ==
      Floor{4 * (values + 2 * p.in[0].size() + p.weights), 2 * products});
  CHECK(
      depthwise_conv2d_weight_gradient_floor(g, 2) ==
      Floor{4 * (values + 2 * p.weights), 2 * products});
}

}  // namespace ocelli::test
