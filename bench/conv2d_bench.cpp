// How fast the convolutions of SSD-MobileNetV2 at 300x300 run on the CPU, batch 8, all cores.
// GB/s counts x, y and their gradients once each.
// SPDX-License-Identifier: Apache-2.0
#include "cpu_op.hpp"

namespace ocelli::bench {
namespace {

double flops(const CpuOp& op) {
  return static_cast<double>(
      CpuOp::kBatch * conv2d_geometry(op.op, op.call.in_shape[0], op.call.out_shape).flops());
}

// Arguments: size, channels in, channels out, kernel, stride.
CpuOp conv(const benchmark::State& state) {
  const auto arg = [&](std::size_t i) { return static_cast<int>(state.range(i)); };
  return {OpKind::conv2d, arg(0), arg(1), arg(2), arg(3), arg(4)};
}

void conv2d_forward(benchmark::State& state) {
  CpuOp op = conv(state);
  for (auto _ : state) op.backend.forward(op.call);
  op.report(state, op.in_floats() + op.out_floats(), flops(op));
}

void conv2d_backward(benchmark::State& state) {
  CpuOp op = conv(state);
  const bool stem = state.range(1) == 3;  // nobody asks for the gradient of the pictures
  if (stem) op.call.din[0] = nullptr;
  const double products = stem ? 1 : 2;
  for (auto _ : state) op.backend.backward(op.call);
  op.report(state, products * op.in_floats() + op.out_floats(), products * flops(op));
}

void shapes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"size", "in", "out", "kernel", "stride"})->UseRealTime();
  bench->Args({300, 3, 32, 3, 2});
  bench->Args({150, 32, 16, 1, 1})->Args({150, 16, 96, 1, 1});
  bench->Args({75, 96, 24, 1, 1})->Args({75, 24, 144, 1, 1})->Args({75, 144, 24, 1, 1});
  bench->Args({38, 144, 32, 1, 1})->Args({38, 32, 192, 1, 1})->Args({38, 192, 32, 1, 1});
  bench->Args({19, 192, 64, 1, 1})->Args({19, 64, 384, 1, 1})->Args({19, 384, 64, 1, 1});
  bench->Args({19, 384, 96, 1, 1})->Args({19, 96, 576, 1, 1})->Args({19, 576, 96, 1, 1});
  bench->Args({10, 576, 160, 1, 1})->Args({10, 160, 960, 1, 1})->Args({10, 960, 160, 1, 1});
  bench->Args({10, 960, 320, 1, 1})->Args({10, 320, 1280, 1, 1});
  bench->Args({19, 576, 12, 3, 1})->Args({10, 256, 512, 3, 2});
}

BENCHMARK(conv2d_forward)->Apply(shapes);
BENCHMARK(conv2d_backward)->Apply(shapes);

}  // namespace
}  // namespace ocelli::bench
