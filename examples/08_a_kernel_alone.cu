// Lesson 8: one kernel in a program of its own.
//
// Each file of ocelli/kernels stands alone: include it, launch it, measure it. With nvcc this runs
// on a GPU; any other compiler runs it on the emulator.
//
// Output:
//   softmax of 3 pixels, each sums to 1: ...
// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <vector>

#include "ocelli/cuda/device.hpp"
#include "ocelli/kernels/softmax.cuh"
#include "ocelli/simt/device_array.hpp"

int main() {
  if (ocelli::cuda::device_count() == 0) {
    std::printf("softmax of 3 pixels, each sums to 1: there is no GPU here to make it\n");
    return 0;
  }
  constexpr int pixels = 3, channels = 91;
  std::vector<float> x(pixels * channels);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = 0.01f * static_cast<float>(i % 37);
  const ocelli::simt::DeviceArray<float> device_x(x);
  ocelli::simt::DeviceArray<float> device_y(x.size());

  const ocelli::Operand<float> input{device_x.data(), nullptr, nullptr, {}};
  ocelli::simt::launch(
      ocelli::kernel::softmax_forward<float>, dim3(1), dim3(32, ocelli::kernel::kSoftmaxPixels), 0,
      nullptr, input, pixels, channels, device_y.data());

  const std::vector<float> y = device_y.values();
  std::printf("softmax of %d pixels, each sums to 1:", pixels);
  for (int p = 0; p < pixels; ++p) {
    float sum = 0;
    for (int c = 0; c < channels; ++c) sum += y[static_cast<std::size_t>(p * channels + c)];
    std::printf(" %.3f", static_cast<double>(sum));
  }
  std::printf("\n");
}
