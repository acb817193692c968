// One operation of the bench with all its tensors on the device, for CudaBackend.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>

#include "gpu/shapes.hpp"
#include "gpu/values.hpp"
#include "ocelli/cuda/backend.hpp"
#include "ocelli/cuda/memory.hpp"

namespace ocelli::gpu_bench {

/// Values and gradients are random, so that no multiplication is by zero: power and clocks are
/// those of a training.
class DeviceOp {
 public:
  DeviceOp(const Shaped& shaped, int batch) : op_(shaped.op) {
    const long in = batch * shaped.in.size(), out = batch * shaped.out.size();
    const int channels = shaped.out.channels;
    const long weights = op_.kind == OpKind::batch_norm ? channels : shaped.weights();
    op_.inputs[0] = 0;
    op_.output = 1;
    call.op = &op_;
    call.batch = batch;
    call.in_shape[0] = shaped.in;
    call.out_shape = shaped.out;
    call.in[0].data = filled(in);
    call.out = filled(out);
    call.dout = filled(out);
    call.din[0] = filled(in);
    call.weight = filled(weights);
    call.dweight = filled(weights);
    if (op_.kind == OpKind::batch_norm || op_.bias >= 0) {
      call.bias = filled(channels);
      call.dbias = filled(channels);
    }
    if (op_.kind == OpKind::batch_norm) {
      call.moving_mean = filled(channels);
      call.moving_variance = filled(channels);
      call.batch_norm = filled(4L * channels);
    }
  }
  DeviceOp(const DeviceOp&) = delete;
  DeviceOp& operator=(const DeviceOp&) = delete;

  OpCall<float> call;

 private:
  float* filled(long count) {
    const auto size = static_cast<std::size_t>(count);
    memory_.emplace_back(size);
    fill_with_numbers<float>(memory_.back().data(), size);
    return memory_.back().data();
  }

  OpDesc op_;
  std::deque<cuda::Memory<float>> memory_;
};

}  // namespace ocelli::gpu_bench
