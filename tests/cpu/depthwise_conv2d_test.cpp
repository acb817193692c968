// The fast depthwise convolutions against the reference.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "convolution.hpp"
#include "ocelli/cpu/backend.hpp"
#include "ocelli/reference/backend.hpp"

namespace ocelli::test {
namespace {

void agree(const Problem& p) { check_agreement<CpuBackend, ReferenceBackend<double>>(p, 0); }

const DepthwiseCase kCases[] = {
    {1, 1, 1, 16, 3, 1, 1, -1},  {2, 7, 7, 24, 3, 1, 1, -1},  {3, 5, 8, 33, 3, 1, 1, -1},
    {1, 9, 4, 96, 3, 1, 1, 0},   {2, 6, 6, 5, 3, 1, 1, 2},    {1, 1, 1, 32, 3, 2, 1, -1},
    {2, 8, 7, 24, 3, 2, 1, -1},  {1, 7, 8, 40, 3, 2, 1, -1},  {2, 9, 9, 17, 3, 2, 1, 1},
    {1, 10, 11, 16, 3, 2, 1, 0}, {1, 12, 9, 24, 5, 1, 1, -1}, {2, 9, 12, 20, 5, 2, 1, -1},
    {1, 11, 9, 33, 3, 1, 2, -1}, {1, 9, 9, 7, 3, 3, 1, -1},   {2, 2, 3, 16, 3, 2, 1, -1},
    {1, 6, 5, 16, 3, 2, 1, 2},
};

}  // namespace

TEST_CASE("cpu depthwise_conv2d: equals the reference") {
  for (const DepthwiseCase& c : kCases) {
    CAPTURE(c.height);
    CAPTURE(c.channels);
    CAPTURE(c.kernel);
    CAPTURE(c.stride);
    agree(depthwise(c));
  }
}

TEST_CASE("cpu depthwise_conv2d: deferred inputs") {
  for (const DepthwiseCase& c : kCases)
    for (const Activation f : {Activation::none, Activation::relu, Activation::relu6}) {
      CAPTURE(c.height);
      CAPTURE(c.channels);
      CAPTURE(c.kernel);
      CAPTURE(c.stride);
      CAPTURE(name(f));
      Problem p = depthwise(c);
      p.deferred = 1;
      p.deferred_activation = f;
      p.accumulate = true;
      agree(p);
    }
}

TEST_CASE("cpu depthwise_conv2d: what is not wanted") {
  for (const DepthwiseCase& c : kCases) {
    CAPTURE(c.height);
    CAPTURE(c.channels);
    CAPTURE(c.kernel);
    CAPTURE(c.stride);
    each_unwanted(depthwise(c), agree);
  }
}

TEST_CASE("cpu depthwise_conv2d: curved activations") {
  for (const DepthwiseCase& c : kCases) {
    CAPTURE(c.height);
    CAPTURE(c.channels);
    CAPTURE(c.kernel);
    CAPTURE(c.stride);
    Problem p = depthwise(c);
    p.deferred = 1;
    p.deferred_activation = Activation::swish;
    // Sums of at most 432 products below 2^5, rounded to 2^-24 of themselves each.
    check_agreement<CpuBackend, ReferenceBackend<double>>(p, 432 * 32 * 0x1p-24 * 2);
    p.mode = Mode::infer;
    p.deferred_activation = Activation::relu;
    p.epilogue = Activation::sigmoid;
    check_agreement<CpuBackend, ReferenceBackend<double>>(p, 1e-5);
  }
}

}  // namespace ocelli::test
