// The main() of the GPU suite: doctest's, on the first device. Without one it exits with 77, which
// ctest calls skipped.
// SPDX-License-Identifier: Apache-2.0
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>

#include "ocelli/cuda/device.hpp"

int main(int argc, char** argv) {
  using namespace ocelli;
  if (cuda::device_count() == 0) {
    std::puts("test_gpu: there is no CUDA device here, or no driver for one; nothing was tested");
    return 77;
  }
  cuda::use_device(0);
  const cuda::DeviceInfo device = cuda::device_info(0);
  std::printf("On %s, compute capability %d.%d\n", device.name.c_str(), device.major, device.minor);
  return doctest::Context(argc, argv).run();
}
