// A convolution that two backends make, to the bit: values lie on the grid of cpu/problem.hpp.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include <utility>
#include <vector>

#include "cpu/problem.hpp"
#include "ocelli/cuda/backend.hpp"

namespace ocelli::test {

struct EngineCase {
  OpKind kind = OpKind::conv2d;
  int in = 8, out = 12, kernel = 1, stride = 1, dilation = 1, padding = -1;
  bool deferred = false, accumulate = false, bias = true;
  Mode mode = Mode::train;
  Activation epilogue = Activation::none;
};

/// Output and gradients as one backend makes them; `engine` other than own must make every product.
inline std::vector<std::vector<float>> made(
    const EngineCase& c, cuda::Engine engine, Precision precision = Precision::float32) {
  constexpr int kBatch = 2, kHeight = 8, kWidth = 9;
  const PaddedExtent rows = padded_extent(kHeight, c.kernel, c.stride, c.dilation, c.padding);
  const PaddedExtent columns = padded_extent(kWidth, c.kernel, c.stride, c.dilation, c.padding);
  OpDesc op;
  op.kind = c.kind;
  op.input_count = 1;
  op.window = {c.kernel, c.kernel, c.stride, c.dilation, rows.before, columns.before};
  OpCall<float> call;
  call.op = &op;
  call.batch = kBatch;
  call.mode = c.mode;
  call.in_shape[0] = {kHeight, kWidth, c.in};
  call.out_shape = {rows.out, columns.out, c.out};
  call.epilogue = c.epilogue;
  const long nx = kBatch * call.in_shape[0].size(), ny = kBatch * call.out_shape.size();
  const long nw = long(c.kernel) * c.kernel * c.in * (c.kind == OpKind::conv2d ? c.out : 1);
  const auto x = grid<float>(nx, 1, 1), w = grid<float>(nw, 1, 2), b = grid<float>(c.out, 1, 3);
  const auto dy = grid<float>(ny, 1, 4), scale = grid<float>(c.in, 1, 5);
  const auto shift = grid<float>(c.in, 1, 6);
  std::vector<std::vector<float>> results{
      grid<float>(ny, 1, 7), grid<float>(nx, 1, 8), grid<float>(nw, 1, 9),
      grid<float>(c.out, 1, 10)};
  call.in[0].data = x.data();
  if (c.deferred) call.in[0] = {x.data(), scale.data(), shift.data(), Activation::relu6};
  call.weight = w.data();
  if (c.bias) call.bias = b.data();
  call.dout = dy.data();
  call.out = results[0].data();
  call.din[0] = results[1].data();
  call.accumulate[0] = c.accumulate;
  call.dweight = results[2].data();
  call.dbias = results[3].data();
  CudaBackend backend(nullptr, precision, cuda::EngineOptions::parse(name(engine)));
  backend.reserve(call);
  for (const cuda::EngineDecision& d : backend.engine_log()) CHECK(d.choice.engine == engine);
  backend.forward(call);
  if (c.mode == Mode::train) backend.backward(call);
  return results;
}

}  // namespace ocelli::test
