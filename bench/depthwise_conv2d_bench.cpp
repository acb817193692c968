// How fast the depthwise convolutions of SSD-MobileNetV2 at 300x300 run on the CPU, batch 8, all
// cores. GB/s counts x, y and their gradients once each.
// SPDX-License-Identifier: Apache-2.0
#include "cpu_op.hpp"

namespace ocelli::bench {
namespace {

// Arguments: size, channels, stride.
CpuOp depthwise(const benchmark::State& state) {
  const auto arg = [&](std::size_t i) { return static_cast<int>(state.range(i)); };
  return {OpKind::depthwise_conv2d, arg(0), arg(1), arg(1), 3, arg(2)};
}

void depthwise_conv2d_forward(benchmark::State& state) {
  CpuOp op = depthwise(state);
  for (auto _ : state) op.backend.forward(op.call);
  op.report(state, op.in_floats() + op.out_floats(), 0);
}

void depthwise_conv2d_backward(benchmark::State& state) {
  CpuOp op = depthwise(state);
  for (auto _ : state) op.backend.backward(op.call);
  op.report(state, 2 * op.in_floats() + op.out_floats(), 0);
}

void shapes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"size", "channels", "stride"})->UseRealTime();
  bench->Args({150, 32, 1})->Args({150, 96, 2})->Args({75, 144, 1})->Args({75, 144, 2});
  bench->Args({38, 192, 1})->Args({38, 192, 2})->Args({19, 384, 1})->Args({19, 576, 1});
  bench->Args({19, 576, 2})->Args({10, 960, 1});
}

BENCHMARK(depthwise_conv2d_forward)->Apply(shapes);
BENCHMARK(depthwise_conv2d_backward)->Apply(shapes);

}  // namespace
}  // namespace ocelli::bench
