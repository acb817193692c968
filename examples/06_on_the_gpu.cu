// Lesson 6: the training of lesson 4 on a GPU.
//
// The device is the third argument of the trainer; nothing else changes. nvcc makes a program for
// the GPU. Any other compiler makes one that runs the same kernels on an emulator: slow, but each
// thread is checked.
//
// Output:
//   computing on ...
//   ...
// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <filesystem>

#include "ocelli/cuda.hpp"
#include "ocelli/data/shapes.hpp"

struct Small : ocelli::SsdDefaults {
  static constexpr double depth_multiplier = 0.5;
};
using Detector =
    ocelli::SsdLite<ocelli::MobileNetV2, ocelli::Input<3, 96, 96>, ocelli::Classes<3>, Small>;

int main() {
  if (ocelli::cuda::device_count() == 0) {
    std::printf(
        "computing on nothing: there is no GPU here, or no driver for one (what does nvidia-smi "
        "say?)\nTrain on the CPU with ocelli::Cpu, as lesson 4 does, or try the kernels on the "
        "emulator: compile this file with g++ -x c++.\n");
    return 0;
  }
  const ocelli::cuda::DeviceInfo gpu = ocelli::cuda::device_info(0);
  std::printf("computing on %s\n", gpu.name.c_str());
  const bool emulated = gpu.memory_bytes == 0;

  ocelli::data::write_shapes("shapes", 60, 1);
  ocelli::data::Split parts = ocelli::data::split_shuffled(ocelli::data::open("shapes"), 0.8);
  std::filesystem::remove_all("gpu-run");
  ocelli::Trainer<Detector, ocelli::SgdMomentum, ocelli::Cuda> trainer{
      {.steps = emulated ? 1 : 1500,
       .learning_rate = 0.03,
       .batch = emulated ? 1 : 16,
       .out = "gpu-run",
       .quiet = true,
       .set = {"schedule=cosine", "batchnorm_decay=0.98"}}};
  const auto outcome = trainer.fit(parts);
  std::printf(
      "trained %ld steps, weights in gpu-run/last.safetensors: %s\n", outcome.steps,
      std::filesystem::exists("gpu-run/last.safetensors") ? "yes" : "no");
}
