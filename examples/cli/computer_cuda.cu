// The GPU as a Computer. Only in programs that are built with nvcc.
// SPDX-License-Identifier: Apache-2.0
#include "computer_on.hpp"
#include "ocelli/cuda/backend.hpp"
#include "ocelli/cuda/device.hpp"
#include "ocelli/cuda/step_math.hpp"

namespace program {

using namespace ocelli;

namespace {

class CudaComputer : public ComputerOn<CudaBackend> {
 public:
  CudaComputer(int device, int threads)
      : ComputerOn(threads),
        name_("cuda:" + std::to_string(device) + ", " + cuda::device_info(device).name) {}
  std::string name() const override { return name_; }

 private:
  std::string name_;
};

}  // namespace

int cuda_devices() { return cuda::device_count(); }

std::unique_ptr<Computer> make_cuda_computer(int device, int threads) {
  cuda::use_device(device);
  return std::make_unique<CudaComputer>(device, threads);
}

}  // namespace program
