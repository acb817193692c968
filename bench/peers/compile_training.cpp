// A whole training program, as the README's: what it costs to compile is measured by ./compile.
// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <ocelli/ocelli.hpp>

using Detector =
    ocelli::Ssd<ocelli::MobileNetV2, ocelli::Input<3, 300, 300>, ocelli::Classes<ocelli::Dynamic>>;

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s PICTURES WEIGHTS.safetensors\n", argv[0]);
    return 2;
  }
  try {
    ocelli::Trainer<Detector, ocelli::RmsProp, ocelli::Cpu> trainer{{.steps = 4000}};
    trainer.fit(ocelli::data::split_percent(ocelli::data::open(argv[1]), 20));
    trainer.save(argv[2]);
  } catch (const ocelli::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
