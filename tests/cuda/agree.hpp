// Comparing CudaBackend on the emulator with the plain loops, under several orders of the threads.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cpu/problem.hpp"
#include "ocelli/cuda/backend.hpp"
#include "ocelli/reference/backend.hpp"
#include "ocelli/simt/settings.hpp"

namespace ocelli::test {

/// The kernels give the same bits in whatever order blocks and threads run, and the reference's
/// values within `tolerance` (0 for what is exact on the grid of problem.hpp).
inline void check_on_emulator(const Problem& p, double tolerance = 0) {
  const auto straight = solve<float, CudaBackend>(p);
  for (const std::uint64_t seed : {1u, 2u}) {
    const simt::ScheduleSeed shuffled(seed);
    check_close(straight, solve<float, CudaBackend>(p), 0);
  }
  check_close(straight, solve<double, ReferenceBackend<double>>(p), tolerance);
}

/// A few units in the last place of values up to `size`, for what exponentials round.
constexpr double rounding(double size) { return size * 16 * 0x1p-24; }

constexpr bool is_exact(Activation f) { return f != Activation::swish && f != Activation::sigmoid; }

inline constexpr Activation kActivations[] = {
    Activation::none, Activation::relu, Activation::relu6, Activation::swish, Activation::sigmoid};
inline constexpr int kAwkwardChannels[] = {1, 3, 4, 24, 33};

inline Problem of_one_input(OpKind kind, int batch, int height, int width, int channels) {
  Problem p;
  p.op.kind = kind;
  p.op.input_count = 1;
  p.op.output = 5;
  p.batch = batch;
  p.in[0] = p.out = {height, width, channels};
  return p;
}

}  // namespace ocelli::test
