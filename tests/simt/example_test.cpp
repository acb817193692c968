// The example of docs/simt.md.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <vector>

#include "ocelli/simt/device_array.hpp"

namespace {

using namespace ocelli;

/// y[i] = the mean of the 32 neighbours that x[i] is one of; a block is a warp.
OCELLI_KERNEL_BOUNDS(32) block_means(const float* x, float* y) {
  OCELLI_SHARED(float, tile, [32]);
  const unsigned t = threadIdx.x, at = blockIdx.x * 32 + t;
  tile[t] = x[at];
  __syncwarp();  // without it race mode names this line's neighbours
  float sum = tile[31 - t];
  for (int bits = 16; bits > 0; bits /= 2) sum += __shfl_xor_sync(0xFFFFFFFFu, sum, bits);
  y[at] = sum / 32.0f;
}

std::vector<float> means(const std::vector<float>& x) {
  const simt::DeviceArray<float> device_x(x);
  simt::DeviceArray<float> device_y(x.size());
  const auto blocks = static_cast<unsigned>(x.size() / 32);
  simt::launch(&block_means, blocks, 32, 0, nullptr, device_x.data(), device_y.data());
  return device_y.values();
}

}  // namespace

TEST_CASE("simt: the example of the documentation") {
  std::vector<float> x(64);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
  const std::vector<float> y = means(x);
  for (std::size_t i = 0; i < x.size(); ++i) CHECK(y[i] == (i < 32 ? 15.5f : 47.5f));
}
