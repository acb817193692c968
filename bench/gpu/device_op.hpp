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
/// @tparam T  what values are stored in; parameters are float
template <class T>
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
    call.in[0].data = filled<T>(in);
    call.out = filled<T>(out);
    call.dout = filled<T>(out);
    call.din[0] = filled<T>(in);
    call.weight = filled<float>(weights);
    call.dweight = filled<float>(weights);
    if (op_.kind == OpKind::batch_norm || op_.bias >= 0) {
      call.bias = filled<float>(channels);
      call.dbias = filled<float>(channels);
    }
    if (op_.kind == OpKind::batch_norm) {
      call.moving_mean = filled<float>(channels);
      call.moving_variance = filled<float>(channels);
      call.batch_norm = filled<float>(4L * channels);
    }
  }
  DeviceOp(const DeviceOp&) = delete;
  DeviceOp& operator=(const DeviceOp&) = delete;

  OpCall<T> call;

 private:
  template <class V>
  V* filled(long count) {
    const auto size = static_cast<std::size_t>(count);
    memory_.emplace_back(size * sizeof(V));
    fill_with_numbers<V>(memory_.back().data(), size);
    return reinterpret_cast<V*>(memory_.back().data());
  }

  OpDesc op_;
  std::deque<cuda::Memory<unsigned char>> memory_;
};

}  // namespace ocelli::gpu_bench
