// The parts of the GPU bench; each measures and writes its lines.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "gpu/timing.hpp"
#include "ocelli/kernels/precision.cuh"

namespace ocelli::gpu_bench {

struct Plan {
  std::vector<int> batches{24, 128};
  std::vector<Precision> precisions{Precision::float32, Precision::tf32, Precision::bf16};
  bool peers = true;  ///< cuDNN and cuBLASLt too, where they were built in
};

/// The machine's own speeds, which the others are shares of: a copy, and square products.
void measure_machine(Stopwatch& watch, const Plan& plan, Lines& lines);
/// All convolutions of the models: forward, data gradient, weight gradient.
void measure_convolutions(Stopwatch& watch, const Plan& plan, Lines& lines);
/// All batch norms of the models, forward and backward in training.
void measure_norms(Stopwatch& watch, const Plan& plan, Lines& lines);
/// The optimizer over the parameters of SSD-MobileNetV2.
void measure_optimizer(Stopwatch& watch, Lines& lines);
/// Non-maximum suppression: 24 pictures of 1917 boxes in 90 classes, one of 20,000 boxes.
void measure_nms(Stopwatch& watch, Lines& lines);
/// Whole training steps of SSD-MobileNetV2.
void measure_training(const Plan& plan, Lines& lines);

}  // namespace ocelli::gpu_bench
