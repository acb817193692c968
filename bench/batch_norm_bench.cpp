// How fast batch norm runs on the CPU alone (in a net the operation before it makes its sums),
// batch 8, all cores. GB/s counts each pass over memory: forward x; backward x and dy twice, dx.
// SPDX-License-Identifier: Apache-2.0
#include "cpu_op.hpp"

namespace ocelli::bench {
namespace {

// Arguments: size, channels.
CpuOp norm(const benchmark::State& state) {
  const int size = static_cast<int>(state.range(0)), channels = static_cast<int>(state.range(1));
  return {OpKind::batch_norm, size, channels, channels, 1, 1};
}

void batch_norm_forward(benchmark::State& state) {
  CpuOp op = norm(state);
  for (auto _ : state) op.backend.forward(op.call);
  op.report(state, op.in_floats(), 0);
}

void batch_norm_backward(benchmark::State& state) {
  CpuOp op = norm(state);
  for (auto _ : state) op.backend.backward(op.call);
  op.report(state, 5 * op.in_floats(), 0);
}

void shapes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"size", "channels"})->UseRealTime();
  bench->Args({150, 96})->Args({75, 144})->Args({75, 24})->Args({38, 192})->Args({19, 576});
}

BENCHMARK(batch_norm_forward)->Apply(shapes);
BENCHMARK(batch_norm_backward)->Apply(shapes);

}  // namespace
}  // namespace ocelli::bench
