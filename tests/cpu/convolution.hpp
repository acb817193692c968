// Convolutions as problems: what the tests of every backend's conv2d and depthwise_conv2d share.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cpu/problem.hpp"

namespace ocelli::test {

/// @param padding  pixels on each side; -1: SAME
struct ConvCase {
  int batch, height, width, in, out, kernel, stride, dilation, padding;
};
struct DepthwiseCase {
  int batch, height, width, channels, kernel, stride, dilation, padding;
};

inline Problem conv(const ConvCase& c) {
  Problem p;
  p.op.kind = OpKind::conv2d;
  p.op.input_count = 1;
  p.op.output = 5;
  p.batch = c.batch;
  p.in[0] = {c.height, c.width, c.in};
  set_window(p, c.kernel, c.stride, c.dilation, c.padding);
  p.out.channels = c.out;
  p.weight = p.bias = true;
  p.weights = long(c.kernel) * c.kernel * c.in * c.out;
  p.biases = c.out;
  return p;
}

inline Problem depthwise(const DepthwiseCase& c) {
  Problem p;
  p.op.kind = OpKind::depthwise_conv2d;
  p.op.input_count = 1;
  p.op.output = 5;
  p.batch = c.batch;
  p.in[0] = {c.height, c.width, c.channels};
  set_window(p, c.kernel, c.stride, c.dilation, c.padding);
  p.out.channels = c.channels;
  p.weight = p.bias = true;
  p.weights = long(c.kernel) * c.kernel * c.channels;
  p.biases = c.channels;
  return p;
}

/// check(problem) without the input's gradient, without the weights', and without a bias.
template <class Check>
void each_unwanted(Problem p, Check&& check) {
  p.wants_input = false;
  check(p);
  p.wants_input = true;
  p.wants_weight = false;
  check(p);
  p.bias = false;
  p.wants_weight = true;
  check(p);
}

}  // namespace ocelli::test
